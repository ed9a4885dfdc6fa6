// Writes an architecture with random weights as a QDQ model, for the integer kernels of other
// tools:
//
//   bench_peers_qdq ARCH PICTURE OUT.onnx      PICTURE: float32, NCHW, as the workers get it
//
// Values get the range that they have on the picture (ranges.h). A value that only a relu or relu6
// reads is not rounded, so that the layer before takes the activation in; the logits stay real.
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "archs/arch.h"
#include "io/onnx.h"
#include "ranges.h"
#include "worker.h"

namespace linnet::peers {
namespace {

// Zero has to be a byte. A hair less than the whole range, so that no byte is above a relu6.
Quantization QuantizationOf(const Histogram& values) {
  const float least = std::min(0.0f, values.min), most = std::max(1e-6f, values.max);
  const float scale = (most - least) / 255 * (1 - 1e-6f);
  return {scale, static_cast<int>(std::lround(-least / scale))};
}

// Moves keep their input's range: other tools then move bytes.
bool IsMove(const Op& op) {
  const Pool* pool = std::get_if<Pool>(&op);
  return (pool != nullptr && pool->kind == PoolKind::kMax) || std::holds_alternative<Slice>(op) ||
         std::holds_alternative<ChannelShuffle>(op) || std::holds_alternative<Flatten>(op);
}

bool IsClip(const Op& op) {
  const Act* act = std::get_if<Act>(&op);
  return act != nullptr && (act->kind == Activation::kRelu || act->kind == Activation::kRelu6);
}

bool OnlyClipsRead(const Graph& graph, const std::vector<int>& users) {
  return std::all_of(users.begin(), users.end(),
                     [&](int user) { return IsClip(graph.nodes[user].op); });
}

ByteValues Calibrate(const linnet::Network& network, const std::vector<float>& picture) {
  const Graph& graph = network.graph;
  const std::vector<Observation> observed = ObserveOn(network, picture);
  const auto users = Users(graph);
  ByteValues bytes;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {  // users come later: results have none
    const Node& node = graph.nodes[i];
    if (OnlyClipsRead(graph, users[i])) continue;
    const auto source =
        IsMove(node.op) ? bytes.find(graph.nodes[node.inputs[0]].name) : bytes.end();
    bytes[node.name] =
        source != bytes.end() ? source->second : QuantizationOf(observed[i].histogram);
  }
  return bytes;
}

int Main(const std::string& arch, const std::string& picture, const std::string& out) {
  const Graph graph = BuildArch(ParseArchSpec(arch));
  const linnet::Network network = NetworkForOnnx(graph, InitParams(graph, kSeed));
  const ByteValues bytes = Calibrate(network, ReadFloats(picture));
  std::ofstream file(out, std::ios::binary);
  file << ToOnnx(network.graph, network.params, {}, bytes);
  return file.good() ? 0 : 1;
}

}  // namespace
}  // namespace linnet::peers

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s ARCH PICTURE OUT.onnx\n", argv[0]);
    return 2;
  }
  try {
    return linnet::peers::Main(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
