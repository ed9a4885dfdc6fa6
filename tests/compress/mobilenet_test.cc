// MobileNets on bytes.
#include <gtest/gtest.h>

#include <algorithm>

#include "archs/arch.h"
#include "compress/quantize_for_test.h"
#include "random_graph.h"

namespace linnet {
namespace {

int CountBytes(const Graph& graph) {
  return static_cast<int>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                        [](const Node& node) { return node.type.is_u8(); }));
}

// Networks with fresh weights: logits near the float32 network's, and nothing but the input's
// conversion and the classifier's result in float32.
TEST(Quantize, MobileNets) {
  const struct {
    const char* spec;
    double error;  // of the answers, as a part of their variance
  } cases[] = {{"mobilenet_v1:width=0.25,size=32,classes=10,small_input=true", 0.02},
               {"mobilenet_v2:width=0.35,size=32,classes=10,small_input=true", 0.05},
               {"mobilenet_v3_small:size=32,classes=10,small_input=true", 0.1}};
  for (const auto& [spec, bound] : cases) {
    SCOPED_TRACE(spec);
    const Graph graph = BuildArch(spec);
    const Quantized q = QuantizeOn({graph, testing::LivelyParams(graph, 5)});
    EXPECT_LT(AnswerError(q), bound);
    const Graph& quantized = q.network.graph;
    EXPECT_EQ(CountBytes(quantized), static_cast<int>(quantized.nodes.size()) - 2)
        << GraphToText(quantized);
  }
}

TEST(Quantize, LayersStayFloatWhenAsked) {
  const Graph graph = BuildArch("mobilenet_v1:width=0.25,size=32,classes=10,small_input=true");
  const Network network = {graph, testing::LivelyParams(graph, 5)};
  const std::vector<std::string> layers =
      QuantizableLayers(PrepareForQuantization(network.graph, network.params));
  EXPECT_EQ(layers.size(), 28u);
  QuantizeOptions options;
  options.keep_float.insert(layers[3]);
  const Quantized some = QuantizeOn(network, options);
  const Node& kept = some.network.graph.nodes[some.network.graph.Find(layers[3])];
  EXPECT_FALSE(kept.type.is_u8());
  EXPECT_EQ(some.network.params.at(layers[3] + ".weight").dtype(), DType::kF32);
  EXPECT_LT(AnswerError(some), 0.02);
  // All of them: the float32 network.
  options.keep_float.insert(layers.begin(), layers.end());
  const Quantized none = QuantizeOn(network, options);
  EXPECT_FALSE(IsQuantized(none.network.graph));
  EXPECT_EQ(AnswerError(none), 0);
}

}  // namespace
}  // namespace linnet
