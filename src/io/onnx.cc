#include "io/onnx.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/onnx_builder.h"
#include "io/onnx_ops.h"

namespace linnet {
namespace {

// The rewrites after which ONNX can still say what each node is; the others are the Plan's own.
constexpr const char* kPasses[] = {"drop_auxiliary", "remove_unused", "remove_dropout",
                                   "fold_batch_norm"};

// How a node's value is rounded, or null.
const Quantization* BytesOf(const Node& node, const ByteValues& bytes) {
  if (node.type.is_u8()) return &node.type.quantization;
  const auto found = bytes.find(node.name);
  return found == bytes.end() ? nullptr : &found->second;
}

void WriteGraph(const Network& network, const InputSize& size, const ByteValues& bytes,
                OnnxBuilder& onnx) {
  const Graph& graph = network.graph;
  const std::vector<Shape> shapes = InferShapes(graph, size);
  std::vector<std::string> names;
  std::vector<bool> named;  // whether a value of ONNX's has the name of our node
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    OnnxSite site{onnx, node, network.params, {}, InputShapes(node, shapes), shapes[i]};
    for (const Value input : node.inputs) site.in.push_back(names[input]);
    if (!node.inputs.empty()) site.bytes = BytesOf(graph.nodes[node.inputs[0]], bytes);
    onnx.Begin(node.name);
    const int before = onnx.nodes();
    names.push_back(WriteOnnx(site));
    if (onnx.nodes() > before) onnx.NameLast(names.back() = node.name);
    named.push_back(names.back() == node.name);
    const Quantization* rounded = BytesOf(node, bytes);
    if (rounded != nullptr) names.back() = onnx.Rounded(names.back(), *rounded);
  }
  for (const Value output : graph.outputs) {
    const std::string& name = graph.nodes[output].name;
    if (names[output] != name && !named[output]) {
      onnx.Begin(name);
      onnx.Add("Identity", {names[output]});
      onnx.NameLast(names[output] = name);
      named[output] = true;
    }
    onnx.AddOutput(names[output], shapes[output]);
  }
}

}  // namespace

Network NetworkForOnnx(const Graph& graph, const ParamMap& params, const InputSize& size) {
  RewriteOptions options;
  for (const Pass& pass : Passes()) {
    const bool kept = std::any_of(std::begin(kPasses), std::end(kPasses), [&](const char* name) {
      return std::string_view(pass.name) == name;
    });
    if (!kept) options.disable.push_back(pass.name);
  }
  return Rewrite(graph, params, options, size);
}

std::string ToOnnx(const Graph& graph, const ParamMap& params, const InputSize& size,
                   const ByteValues& bytes) {
  const Network network = NetworkForOnnx(graph, params, size);
  OnnxBuilder onnx(network.graph);
  WriteGraph(network, size, bytes, onnx);
  return onnx.Finish(graph.name);
}

std::string ToOnnx(const Model& model, int batch) {
  const InputSize size = {batch, model.pipeline.size[0], model.pipeline.size[1]};
  const Network network = NetworkForOnnx(model.graph, model.params, size);
  OnnxBuilder onnx(network.graph);
  WriteGraph(network, size, {}, onnx);
  onnx.AddMetadata("linnet.pipeline", PipelineToJson(model.pipeline).dump());
  onnx.AddMetadata("linnet.labels", nlohmann::json(model.labels).dump());
  return onnx.Finish(model.graph.name);
}

}  // namespace linnet
