#include "compress/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "compress/equalize.h"
#include "compress/quantize_for_test.h"
#include "compress/sensitivity.h"
#include "infer/plan.h"
#include "ops/types.h"
#include "random_graph.h"

namespace linnet {
namespace {

TEST(QuantizeWeights, AreNearestLevels) {
  const Tensor weight({5, 3, 3, 2});
  Rng rng(1);
  for (int64_t i = 0; i < weight.elements(); ++i) {
    // Channel 4 has no weights at all.
    Tensor(weight).data()[i] = i / 18 == 4 ? 0 : rng.Normal() * std::pow(10.0f, i / 18 - 2.0f);
  }
  const QuantizedWeights q = QuantizeWeights(weight);
  ASSERT_EQ(q.weight.dtype(), DType::kI8);
  for (int64_t i = 0; i < weight.elements(); ++i) {
    const float scale = q.scale.data()[i / 18];
    EXPECT_NEAR(q.weight.data<int8_t>()[i] * scale, weight.data()[i], scale * 0.5001);
    EXPECT_GE(q.weight.data<int8_t>()[i], -127);
  }
  EXPECT_EQ(WrongScale(q.scale.data()[4]), "");
}

// Random networks: whatever stays float32 and whatever is bytes fits together, and the Plan gives
// what the references give on the same levels.
TEST(Quantize, RandomNetworks) {
  int with_bytes = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const Graph graph = testing::RandomGraph(seed);
    SCOPED_TRACE(seed);
    const Quantized q = QuantizeOn({graph, testing::LivelyParams(graph, seed)});
    const Graph& quantized = q.network.graph;
    SCOPED_TRACE(GraphToText(quantized));
    EXPECT_EQ(GraphFromText(GraphToText(quantized)), quantized);
    CheckTypes(quantized, InferShapes(quantized));
    CheckParams(quantized, q.network.params);
    if (!IsQuantized(quantized)) continue;
    ++with_bytes;
    RefTensor<double> input(q.pictures[0].shape());
    std::copy_n(q.pictures[0].data(), input.data.size(), input.data.begin());
    const auto expected = RunReference(quantized, q.network.params, input);
    const std::vector<float> actual = Answers(q.network, std::span(q.pictures).first(1), nullptr);
    // A byte rounded the other way moves all that comes after by its step.
    EXPECT_LT(testing::RelativeDifference(actual.data(), expected[0]), 0.15);
  }
  EXPECT_GT(with_bytes, 30);
}

// What only an activation reads needs to reach as far as that sees; a result is whole.
TEST(Quantize, AResultIsNotCutToItsActivation) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=8, width=8, channels=4)\n"
      "c = conv2d(image, out_channels=8)\np = activation(c, kind=hard_sigmoid)\nreturn c, p\n");
  Network network = {graph, InitParams(graph, 1)};
  Tensor weight = network.params.at("c.weight");
  std::fill_n(weight.data(), weight.elements(), 10.0f);
  const Graph quantized = QuantizeOn(network).network.graph;
  const Quantization q = quantized.nodes[quantized.Find("c")].type.quantization;
  EXPECT_GT(q.scale * static_cast<float>(255 - q.zero_point), 6);
}

// Terms of a sum reach further than what is made of it, and where they saturate the sum is wrong.
// Here a = -4 x and b = 9 x, of which one becomes the other's residual.
TEST(Quantize, ASumHasRoomForItsTerms) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=8, width=8, channels=1)\n"
      "a = conv2d(image, out_channels=1)\nb = conv2d(image, out_channels=1)\n"
      "s = add(a, b)\np = activation(s, kind=hard_sigmoid)\nreturn p\n");
  const Network network = {graph, InitParams(graph, 1)};
  Tensor(network.params.at("a.weight")).data()[0] = -4;
  Tensor(network.params.at("b.weight")).data()[0] = 9;
  const Quantized q = QuantizeOn(network);
  const auto expected = Answers(q.prepared, q.pictures, nullptr);
  const auto actual = Answers(q.network, q.pictures, nullptr);
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 0.1) << i;
}

TEST(Quantize, ASumIsNotLimitedToSix) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=8, width=8, channels=2)\n"
      "a = conv2d(image, out_channels=4)\nb = conv2d(image, out_channels=4)\n"
      "s = add(a, b, scale=0.5, act=relu6)\nreturn s\n");
  const Graph quantized = QuantizeOn({graph, InitParams(graph, 1)}).network.graph;
  const Node& sum = quantized.nodes[quantized.Find("s")];
  EXPECT_TRUE(sum.type.is_u8());
  EXPECT_EQ(std::get<Add>(sum.op).act.kind, Activation::kIdentity);
}

// The nodes that it adds are called after others, and a network may have that name already.
TEST(Quantize, NamesThatAreTaken) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=4, width=4, channels=2)\n"
      "c = conv2d(image, out_channels=4, act=swish)\nc.act = activation(c, kind=relu)\n"
      "c.f32 = conv2d(c.act, out_channels=4)\nimage.u8 = conv2d(c.f32, out_channels=4)\n"
      "return image.u8\n");
  const Graph quantized = QuantizeOn({graph, InitParams(graph, 1)}).network.graph;
  EXPECT_TRUE(IsQuantized(quantized));
  EXPECT_EQ(GraphFromText(GraphToText(quantized)), quantized);
}

// Weights rounded up as a whole move the mean; the bias takes it back.
TEST(Quantize, BiasCorrection) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=8, width=8, channels=4)\n"
      "r = activation(image)\nc = conv2d(r, out_channels=6, kernel=3)\n"
      "s = conv2d(c, out_channels=3)\ng = global_pool(s)\nf = flatten(g)\nreturn f\n");
  Network network = {graph, InitParams(graph, 1)};
  Tensor weight = network.params.at("c.weight");
  // One large weight makes the step 1; the others lie just below half a step above a level.
  for (int64_t i = 0; i < weight.elements(); ++i) {
    weight.data()[i] = i % 36 == 0 ? 127.0f : 2.4f;
  }
  QuantizeOptions options;
  options.bias_correction = false;
  const double without = AnswerError(QuantizeOn(network, options));
  options.bias_correction = true;
  EXPECT_LT(AnswerError(QuantizeOn(network, options)), without / 3);
}

// The most sensitive layer is the one whose input has the longest tail.
TEST(Sensitivity, FindsTheLayer) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=8, width=8, channels=4)\n"
      "a = conv2d(image, out_channels=8)\nb = conv2d(a, out_channels=8)\n"
      "c = conv2d(b, out_channels=8)\ng = global_pool(c)\nf = flatten(g)\nreturn f\n");
  Network network = {graph, InitParams(graph, 1)};
  // One channel of a is a thousand times as large as the others, and b makes little of it.
  Tensor a = network.params.at("a.weight"), b = network.params.at("b.weight");
  for (int i = 0; i < 4; ++i) a.data()[i] *= 1000;
  for (int o = 0; o < 8; ++o) b.data()[o * 8] *= 1e-3f;
  const Network prepared = PrepareForQuantization(network.graph, network.params);
  const auto pictures = RandomPictures({1, 8, 8, 4}, 4, 1);
  const auto observed = Observe(prepared, pictures, nullptr, {});
  const QuantizeOptions options = {.calibration = Calibration::kMinMax};
  const auto errors = MeasureSensitivity(prepared, observed, options, pictures, nullptr, {});
  ASSERT_EQ(errors.size(), 3u);
  EXPECT_NE(errors[0].name, "c");
  EXPECT_GT(errors[0].error, 10 * errors[2].error);
  // Equalised, the channels are alike.
  Network equalized = prepared;
  EXPECT_EQ(EqualizeLayers(equalized), 2);
  const auto observed2 = Observe(equalized, pictures, nullptr, {});
  const auto expected = Answers(prepared, pictures, nullptr);
  const auto error = [&](const Network& n, std::span<const Observation> o) {
    return RelativeError(expected, Answers(Quantize(n, o, options), pictures, nullptr));
  };
  EXPECT_LT(error(equalized, observed2), error(prepared, observed) / 10);
}

TEST(Equalize, ChangesNothingButTheRanges) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=9, width=7, channels=4)\n"
      "a = conv2d(image, out_channels=8, kernel=3, bias=true, act=relu)\n"
      "d = conv2d(a, out_channels=8, kernel=3, groups=8, bias=true)\n"
      "p = conv2d(d, out_channels=5, bias=true, act=leaky_relu)\n"
      "flat = conv2d(p, out_channels=6, act=swish)\nq = conv2d(flat, out_channels=6)\n"
      "x = conv2d(q, out_channels=6, groups=2)\ny = add(q, x)\nreturn y\n");
  Network network = {graph, testing::LivelyParams(graph, 2)};
  const ParamMap before = network.params;
  const RefTensor<double> input = testing::RandomInput({1, 9, 7, 4}, 1);
  const RefTensor<double> expected = RunReference(network.graph, network.params, input)[0];
  // a-d, d-p, p-flat; not past the swish, nor into groups, nor where a value is read twice.
  EXPECT_EQ(EqualizeLayers(network), 3);
  const RefTensor<double> actual = RunReference(network.graph, network.params, input)[0];
  EXPECT_LT(testing::RelativeDifference(actual.data.data(), expected), 1e-5);
  EXPECT_EQ(before.at("a.weight").data() != network.params.at("a.weight").data(), true);
  const auto largest = [&](const char* name, int64_t begin, int64_t step, int64_t count) {
    float most = 0;
    for (int64_t i = 0; i < count; ++i) {
      most = std::max(most, std::abs(network.params.at(name).data()[begin + i * step]));
    }
    return most;
  };
  for (int64_t c = 0; c < 8; ++c) {
    EXPECT_NEAR(largest("a.weight", c * 36, 1, 36), largest("d.weight", c * 9, 1, 9), 0.02);
    EXPECT_NEAR(largest("d.weight", c * 9, 1, 9), largest("p.weight", c, 8, 5), 0.02);
  }
}

// What is ready for bytes has its leaky ReLUs beside its layers.
TEST(Equalize, PastALeakyReluOfItsOwn) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=5, width=5, channels=4)\n"
      "a = conv2d(image, out_channels=8, bias=true, act=leaky_relu)\n"
      "b = conv2d(a, out_channels=6, act=leaky_relu)\nc = conv2d(b, out_channels=6)\n"
      "return b, c\n");
  const ParamMap params = testing::LivelyParams(graph, 2);
  Network network = PrepareForQuantization(graph, params);
  ASSERT_GE(network.graph.Find("a.act"), 0);
  const auto pictures = RandomPictures({1, 5, 5, 4}, 2, 1);
  const auto expected = Answers(network, pictures, nullptr);
  EXPECT_EQ(EqualizeLayers(network), 1);  // a-b; b is returned
  EXPECT_LT(RelativeError(expected, Answers(network, pictures, nullptr)), 1e-9);
  EXPECT_NE(network.params.at("a.weight").data()[0], params.at("a.weight").data()[0]);
}

// Of a channel whose weights are as good as gone the bias would become the layer's largest value.
TEST(Equalize, ADeadChannelKeepsItsBias) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=5, width=5, channels=4)\n"
      "a = conv2d(image, out_channels=8, bias=true, act=relu)\n"
      "b = conv2d(a, out_channels=6)\nreturn b\n");
  Network network = {graph, InitParams(graph, 1)};
  std::fill_n(Tensor(network.params.at("a.weight")).data(), 4, 1e-8f);
  Tensor(network.params.at("a.bias")).data()[0] = 0.2f;
  EXPECT_EQ(EqualizeLayers(network), 1);
  EXPECT_NEAR(network.params.at("a.bias").data()[0], 20, 0.01);
}

}  // namespace
}  // namespace linnet
