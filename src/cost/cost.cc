#include "cost/cost.h"

#include <algorithm>

#include "base/arena.h"

namespace linnet {
namespace {

constexpr int64_t kFloatBytes = 4;

int64_t PeakActivationBytes(const Graph& graph, const std::vector<Shape>& shapes) {
  const auto users = Users(graph);
  std::vector<Lifetime> lifetimes;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const int step = static_cast<int>(i);
    int last = users[i].empty() ? step : users[i].back();
    if (std::count(graph.outputs.begin(), graph.outputs.end(), step) > 0) {
      last = static_cast<int>(graph.nodes.size());
    }
    lifetimes.push_back({step, last, static_cast<size_t>(shapes[i].elements() * kFloatBytes)});
  }
  return static_cast<int64_t>(PeakBytes(lifetimes));
}

LayerCost CountLayer(const Node& node, const std::vector<Shape>& shapes, const Shape& output) {
  const OpDef& def = DefOf(node.op);
  const std::vector<Shape> in = InputShapes(node, shapes);
  LayerCost layer{.name = node.name, .op = OpName(node.op), .output = output};
  for (const ParamSpec& spec : def.params(node.op, in)) {
    (spec.trainable ? layer.params : layer.running_stats) += spec.shape.elements();
  }
  layer.macs = def.macs(node.op, in, output);
  int64_t elements = output.elements() + layer.params + layer.running_stats;
  for (const Shape& shape : in) elements += shape.elements();
  layer.bytes = elements * kFloatBytes;
  return layer;
}

}  // namespace

Cost CountCost(const Graph& graph, const InputSize& size) {
  const std::vector<Shape> shapes = InferShapes(graph, size);
  const std::vector<bool> needed = NeededByResults(graph);
  Cost cost;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    cost.layers.push_back(CountLayer(graph.nodes[i], shapes, shapes[i]));
    cost.params += cost.layers.back().params;
    cost.running_stats += cost.layers.back().running_stats;
    cost.training_macs += cost.layers.back().macs;
    if (needed[i]) cost.macs += cost.layers.back().macs;
  }
  cost.peak_activation_bytes = PeakActivationBytes(graph, shapes);
  return cost;
}

}  // namespace linnet
