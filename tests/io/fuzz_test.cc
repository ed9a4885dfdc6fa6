// The fuzzer's readers on a few inputs, so that they compile and hold where there is no clang.
#include <gtest/gtest.h>

#include "../fuzz/model_fuzz.cc"
#include "archs/arch.h"

namespace linnet {
namespace {

void Feed(char reader, const std::string& input) {
  const std::string text = reader + input;
  const std::span<const uint8_t> bytes = AsBytes(text);
  EXPECT_EQ(LLVMFuzzerTestOneInput(bytes.data(), bytes.size()), 0);
}

TEST(Fuzz, ReadersHoldOnWholeAndCutInputs) {
  const Graph graph = BuildArch("mobilenet_v1:width=0.125,size=32,classes=2");
  Model model = {.graph = graph, .params = InitParams(graph, 1)};
  model.pipeline.size = {32, 32};
  const std::string text = GraphToText(graph), file = ModelToBytes(model);
  for (const std::string& input : {std::string(), text, file}) {
    for (char reader = 0; reader < 4; ++reader) {
      Feed(reader, input);
      Feed(reader, input.substr(0, input.size() / 2));
    }
  }
}

}  // namespace
}  // namespace linnet
