#include "ops/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace linnet {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Graph Tiny() {
  return GraphFromText(
      "linnet-graph 1\n"
      "name tiny\n"
      "image = input(height=8, width=8, channels=2)\n"
      "conv = conv2d(image, out_channels=64, kernel=3, stride=2, padding=1)\n"
      "bn = batch_norm(conv, act=relu)\n"
      "pool = global_pool(bn)\n"
      "flat = flatten(pool)\n"
      "fc = dense(flat, out_features=10)\n"
      "return fc\n");
}

template <class F>
std::string ErrorOf(ErrorKind kind, F&& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "no error";
}

TEST(InferShapes, TakesBatchAndSize) {
  const auto shapes = InferShapes(Tiny(), {.batch = 3, .height = 11, .width = 20});
  EXPECT_EQ(shapes[0], (Shape{3, 11, 20, 2}));
  EXPECT_EQ(shapes[1], (Shape{3, 6, 10, 64}));
  EXPECT_EQ(shapes[5], (Shape{3, 10}));
  EXPECT_EQ(InferShapes(Tiny())[1], (Shape{1, 4, 4, 64}));
}

TEST(InferShapes, ErrorsNameTheNode) {
  Graph graph = Tiny();
  std::get<Conv2d>(graph.nodes[1].op).groups = 5;
  EXPECT_THAT(ErrorOf(ErrorKind::kUsage, [&] { InferShapes(graph); }),
              AllOf(HasSubstr("node 'conv' (conv2d)"), HasSubstr("groups=5")));
}

TEST(InferShapes, RefusesWhatIsTooLarge) {
  Graph graph = Tiny();
  std::get<Conv2d>(graph.nodes[1].op).out_channels = 2147483647;
  EXPECT_THAT(ErrorOf(ErrorKind::kUsage, [&] { InferShapes(graph); }), HasSubstr("too large"));
  graph = Tiny();
  std::get<Input>(graph.nodes[0].op) = {2147483647, 2147483647, 2147483647};
  EXPECT_THAT(ErrorOf(ErrorKind::kUsage, [&] { InferShapes(graph); }), HasSubstr("too large"));
}

TEST(InitParams, DependOnSeedAndNameOnly) {
  const ParamMap a = InitParams(Tiny(), 1), b = InitParams(Tiny(), 1), c = InitParams(Tiny(), 2);
  EXPECT_EQ(a.size(), 7u);
  const Tensor &wa = a.at("conv.weight"), &wb = b.at("conv.weight"), &wc = c.at("conv.weight");
  EXPECT_EQ(std::memcmp(wa.data(), wb.data(), wa.bytes()), 0);
  EXPECT_NE(std::memcmp(wa.data(), wc.data(), wa.bytes()), 0);
  Graph graph = Tiny();
  graph.nodes.back().op = Dense{.out_features = 3};
  const ParamMap other = InitParams(graph, 1);
  EXPECT_EQ(std::memcmp(wa.data(), other.at("conv.weight").data(), wa.bytes()), 0);
}

double Deviation(const Tensor& tensor) {
  double sum = 0;
  for (int64_t i = 0; i < tensor.elements(); ++i) sum += std::pow(tensor.data()[i], 2);
  return std::sqrt(sum / static_cast<double>(tensor.elements()));
}

TEST(InitParams, HaveTheRightSpread) {
  const ParamMap params = InitParams(Tiny(), 1);
  // Kaiming, fan_out = 3 * 3 * 64.
  EXPECT_NEAR(Deviation(params.at("conv.weight")), std::sqrt(2.0 / 576), 0.003);
  EXPECT_NEAR(Deviation(params.at("fc.weight")), 0.01, 0.001);
  EXPECT_EQ(Deviation(params.at("fc.bias")), 0);
  EXPECT_EQ(Deviation(params.at("bn.weight")), 1);
  EXPECT_EQ(Deviation(params.at("bn.bias")), 0);
  EXPECT_EQ(Deviation(params.at("bn.running_mean")), 0);
  EXPECT_EQ(Deviation(params.at("bn.running_var")), 1);
}

TEST(InitParams, WithABiasTheFanIsThatOfTheInputs) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\n"
      "image = input(height=4, width=4, channels=512)\n"
      "conv = conv2d(image, out_channels=10, bias=true)\n"
      "return conv\n");
  EXPECT_NEAR(Deviation(InitParams(graph, 1).at("conv.weight")), std::sqrt(2.0 / 512), 0.003);
}

TEST(InitParams, ConstantsAndCodes) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\n"
      "image = input(height=2, width=2, channels=21)\n"
      "norm = l2_norm(image, init=7)\n"
      "f6 = flatten(norm)\n"
      "digits = rbf(f6)\n"
      "other = rbf(f6, out_features=300)\n"
      "return digits, other\n");
  const ParamMap params = InitParams(graph, 1);
  const auto values = [&](const char* name) {
    const Tensor& tensor = params.at(name);
    return std::vector<float>(tensor.data(), tensor.data() + tensor.elements());
  };
  EXPECT_THAT(values("norm.weight"), testing::Each(7));
  const std::vector<float> digits = values("digits.weight"), other = values("other.weight");
  ASSERT_EQ(digits.size(), 840u);
  // The bar of the seven, in its second row; above it is paper.
  EXPECT_THAT(std::vector(&digits[7 * 84], &digits[7 * 84 + 7]), testing::Each(-1));
  EXPECT_THAT(std::vector(&digits[7 * 84 + 7], &digits[7 * 84 + 14]), testing::Each(1));
  for (int a = 0; a < 10; ++a) {
    for (int b = 0; b < a; ++b) {
      const int same = std::inner_product(&digits[a * 84], &digits[a * 84 + 84], &digits[b * 84], 0,
                                          std::plus<>(), std::equal_to<>());
      EXPECT_LE(same, 84 - 8) << a << " and " << b << " look alike";
    }
  }
  EXPECT_NEAR(std::count(other.begin(), other.end(), 1.0f), 300 * 84 / 2, 500);
  EXPECT_NEAR(std::count(other.begin(), other.end(), -1.0f), 300 * 84 / 2, 500);
  EXPECT_TRUE(std::all_of(digits.begin(), digits.end(), [](float x) { return x * x == 1; }));
}

TEST(CheckParams, NamesTheFirstThatDoesNotFit) {
  const Graph graph = Tiny();
  ParamMap params = InitParams(graph, 1);
  EXPECT_NO_THROW(CheckParams(graph, params));
  const auto error = [&] { return ErrorOf(ErrorKind::kFile, [&] { CheckParams(graph, params); }); };
  const Tensor bias = params.at("fc.bias");
  params.erase("fc.bias");
  EXPECT_THAT(error(), AllOf(HasSubstr("fc.bias"), HasSubstr("missing")));
  params["fc.bias"] = Tensor({11});
  EXPECT_THAT(error(), AllOf(HasSubstr("fc.bias"), HasSubstr("[10]"), HasSubstr("[11]")));
  params["fc.bias"] = Tensor({10}, DType::kF16);
  EXPECT_THAT(error(), AllOf(HasSubstr("fc.bias"), HasSubstr("F16")));
  params["fc.bias"] = bias;
  EXPECT_NO_THROW(CheckParams(graph, params));
}

// With all filters equal, all pixels equal and no deviation from the running mean of zero, the
// answer can be worked out by hand.
TEST(RunReference, ATinyNetwork) {
  const Graph graph = Tiny();
  ParamMap params = InitParams(graph, 1);
  std::fill_n(params["conv.weight"].data(), 64 * 18, 0.5f);
  std::fill_n(params["fc.weight"].data(), 640, 0.25f);
  params["fc.bias"].data()[9] = 100;
  RefTensor<double> image({1, 8, 8, 2});
  for (double& x : image.data) x = 1;
  const auto outputs = RunReference(graph, params, image);
  ASSERT_EQ(outputs.size(), 1u);
  ASSERT_EQ(outputs[0].shape, (Shape{1, 10}));
  // Of the 4 x 4 windows, 9 see nine pixels, 6 see six (a border), 1 sees four (the corner).
  const double mean = (9 * 9 + 6 * 6 + 4) / 16.0 * 2 * 0.5;
  const double feature = mean / std::sqrt(1 + 1e-5);
  EXPECT_NEAR(outputs[0].data[0], 64 * 0.25 * feature, 1e-6);
  EXPECT_NEAR(outputs[0].data[9], 64 * 0.25 * feature + 100, 1e-6);
}

}  // namespace
}  // namespace linnet
