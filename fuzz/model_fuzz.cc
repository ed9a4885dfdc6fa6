// libFuzzer: the first byte picks the reader, the rest is its input. Whatever comes, only Error may
// go out.
//
//   cmake --preset fuzz && cmake --build --preset fuzz && mkdir -p build/fuzz/corpus
//   build/fuzz/fuzz/model_fuzz -max_total_time=60 build/fuzz/corpus
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "graph/graph.h"
#include "io/model_file.h"
#include "ops/network.h"

namespace {

using namespace linnet;

void FuzzGraph(std::string_view text) {
  const Graph graph = GraphFromText(text);
  if (GraphFromText(GraphToText(graph)) != graph) __builtin_trap();
  InferShapes(graph);
}

void FuzzModel(std::span<const uint8_t> bytes) {
  const Model model = ModelFromBytes(bytes, "fuzz");
  if (model.pipeline.elements() < 1 << 14) VerifyModel(model, "fuzz");
}

// The metadata of an otherwise right file without parameters.
void FuzzGraphInModel(std::string_view text) {
  const Metadata metadata = {{"linnet.format", "1"},
                             {"linnet.graph", std::string(text)},
                             {"linnet.pipeline", PipelineToJson(ImagePipeline{}).dump()},
                             {"linnet.labels", "[]"},
                             {"linnet.record", "{}"},
                             {"linnet.checks", "[]"}};
  const std::string bytes = TensorsToBytes({}, metadata);
  ModelFromBytes(AsBytes(bytes), "fuzz");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  try {
    switch (data[0] & 3) {
      case 0:
        TensorsFromBytes(bytes, "fuzz");
        break;
      case 1:
        FuzzModel(bytes);
        break;
      case 2:
        FuzzGraph(text);
        break;
      default:
        FuzzGraphInModel(text);
    }
  } catch (const Error&) {
  }
  return 0;
}
