// Plans in bfloat16 and in split bfloat16, beside the same network in float32.
#include <gtest/gtest.h>

#include <cmath>

#include "archs/arch.h"
#include "infer/plan.h"
#include "infer/plan_outputs.h"
#include "random_graph.h"
#include "rewrite/bfloat16.h"

namespace linnet {
namespace {

using testing::Outputs;

// The root mean square of the differences, over that of the numbers.
double RelativeError(const std::vector<float>& expected, const std::vector<float>& actual) {
  EXPECT_EQ(expected.size(), actual.size());
  double error = 0, size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(double{expected[i]} - actual[i], 2);
    size += std::pow(double{expected[i]}, 2);
  }
  return std::sqrt(error / size);
}

class PrecisionOfArch : public ::testing::TestWithParam<const char*> {};

// Errors of 50 and more roundings to 2^-9 add up as a random walk does; a wrong number anywhere
// would be of the size of the result.
TEST_P(PrecisionOfArch, IsNearFloat32AndTheSameForTwoThreads) {
  const Graph graph = BuildArch(ParseArchSpec(GetParam()));
  const ParamMap params = testing::LivelyParams(graph, 4);
  CompileOptions options{.height = 64, .width = 64, .threads = 2};
  const std::vector<float> expected = Outputs(*Compile(graph, params, options), nullptr);
  for (const auto& [precision, bound] :
       {std::pair{Precision::kBf16, 0.08}, std::pair{Precision::kBf16x3, 2e-4}}) {
    options.precision = precision;
    const auto plan = Compile(graph, params, options);
    const std::vector<float> one = Outputs(*plan, nullptr);
    const double error = RelativeError(expected, one);
    EXPECT_LE(error, bound) << FieldToText(precision);
    EXPECT_GT(error, 0) << FieldToText(precision) << " is float32";
    ThreadPool two(2);
    EXPECT_EQ(one, Outputs(*plan, &two)) << FieldToText(precision);
  }
}

INSTANTIATE_TEST_SUITE_P(Archs, PrecisionOfArch,
                         ::testing::Values("mobilenet_v1:width=0.25", "mobilenet_v2:width=0.35",
                                           "mobilenet_v3_small", "shufflenet_v2:width=0.5",
                                           "squeezenet1_1", "resnet18", "densenet121"));

Graph Small(const std::string& nodes) {
  return GraphFromText("linnet-graph 1\nimage = input(height=8, width=8, channels=3)\n" + nodes);
}

std::string Bf16Text(const Graph& graph) {
  return GraphToText(InBfloat16(graph, InferShapes(graph)));
}

// The first layer takes float32 as it is, the last gives it: nothing is converted.
TEST(InBfloat16, ConvertsNothingWhereLayersTakeBoth) {
  const std::string text =
      Bf16Text(Small("a = conv2d(image, out_channels=4, kernel=3)\nb = conv2d(a, out_channels=2)\n"
                     "return b\n"));
  EXPECT_NE(text.find("a = conv2d(image, out_channels=4, kernel=3,3) : bf16"), std::string::npos)
      << text;
  EXPECT_NE(text.find("b = conv2d(a, out_channels=2)\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("activation"), std::string::npos) << text;
}

// An operation that knows no bfloat16 stands between conversions.
TEST(InBfloat16, ConvertsAroundTheOthers) {
  const Graph graph = Small(
      "a = conv2d(image, out_channels=4)\nb = lrn(a)\nc = conv2d(b, out_channels=2)\n"
      "return c\n");
  const std::string text = Bf16Text(graph);
  EXPECT_NE(text.find("b = lrn(a.f32)"), std::string::npos) << text;
  EXPECT_EQ(GraphToText(GraphFromText(text)), text);
}

TEST(Precision, Int8IsNoChoiceOfCompile) {
  const Graph graph = Small("a = conv2d(image, out_channels=4)\nreturn a\n");
  EXPECT_THROW(Compile(graph, testing::LivelyParams(graph, 1), {.precision = Precision::kInt8}),
               Error);
}

}  // namespace
}  // namespace linnet
