#include "cost/cost.h"

#include <algorithm>

#include "base/arena.h"

namespace linnet {
namespace {

size_t ValueBytes(const Node& node, const Shape& shape) {
  return static_cast<size_t>(shape.elements()) * DTypeBytes(node.type.dtype);
}

int64_t PeakActivationBytes(const Graph& graph, const std::vector<Shape>& shapes) {
  const auto users = Users(graph);
  std::vector<Lifetime> lifetimes;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const int step = static_cast<int>(i);
    int last = users[i].empty() ? step : users[i].back();
    if (std::count(graph.outputs.begin(), graph.outputs.end(), step) > 0) {
      last = static_cast<int>(graph.nodes.size());
    }
    lifetimes.push_back({step, last, ValueBytes(graph.nodes[i], shapes[i])});
  }
  return static_cast<int64_t>(PeakBytes(lifetimes));
}

LayerCost CountLayer(const Graph& graph, const Node& node, const std::vector<Shape>& shapes,
                     const Shape& output, const std::vector<ParamSpec>& specs) {
  const OpDef& def = DefOf(node.op);
  const std::vector<Shape> in = InputShapes(node, shapes);
  LayerCost layer{.name = node.name, .op = OpName(node.op), .output = output};
  size_t bytes = ValueBytes(node, output);
  for (const Value input : node.inputs) bytes += ValueBytes(graph.nodes[input], shapes[input]);
  for (const ParamSpec& spec : specs) {
    const bool running_statistic = !spec.trainable && spec.dtype == DType::kF32;
    (running_statistic ? layer.running_stats : layer.params) += spec.shape.elements();
    bytes += static_cast<size_t>(spec.shape.elements()) * DTypeBytes(spec.dtype);
  }
  layer.macs = def.macs(node.op, in, output);
  layer.bytes = static_cast<int64_t>(bytes);
  return layer;
}

}  // namespace

Cost CountCost(const Graph& graph, const InputSize& size) {
  const std::vector<Shape> shapes = InferShapes(graph, size);
  const auto specs = GraphParams(graph, shapes);
  const std::vector<bool> needed = NeededByResults(graph);
  Cost cost;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    cost.layers.push_back(CountLayer(graph, graph.nodes[i], shapes, shapes[i], specs[i]));
    cost.params += cost.layers.back().params;
    cost.running_stats += cost.layers.back().running_stats;
    if (__builtin_add_overflow(cost.training_macs, cost.layers.back().macs, &cost.training_macs)) {
      Fail(ErrorKind::kUsage, "the network has more multiply-adds than can be counted");
    }
    if (needed[i]) cost.macs += cost.layers.back().macs;
  }
  cost.peak_activation_bytes = PeakActivationBytes(graph, shapes);
  return cost;
}

}  // namespace linnet
