// liblinnet_runtime.so has kernels that are compiled anew, for size, and rules of its own for which
// of them to take: it must answer as the library does.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "compress/quantize_for_test.h"
#include "io/model_file.h"
#include "random_graph.h"
#include "runtime_library.h"
#include "test_data.h"

namespace linnet {
namespace {

Conv2d Conv(int out, Pair kernel, int stride, Activation act, int groups = 1) {
  return {.out_channels = out,
          .kernel = kernel,
          .stride = {stride, stride},
          .padding = {false, kernel[0] / 2, kernel[1] / 2, kernel[0] / 2, kernel[1] / 2},
          .groups = groups,
          .bias = true,
          .act = {act, 0.2f}};
}

// Convolutions of every kind on odd maps, rows long enough for the first layer to have a kernel of
// its own, and every activation.
Graph ConvGraph() {
  using A = Activation;
  Graph graph;
  graph.name = "convolutions";
  Value x = graph.Emit("image", Input{45, 85, 3});
  int channels = 3;
  const auto conv = [&](int out, Pair kernel, int stride, A act) {
    x = graph.Emit("n" + std::to_string(x + 1), Conv(out, kernel, stride, act), {x});
    channels = out;
  };
  const auto depthwise = [&](Pair kernel, int stride, A act) {
    x = graph.Emit("n" + std::to_string(x + 1), Conv(channels, kernel, stride, act, channels), {x});
  };
  conv(16, {3, 3}, 2, A::kRelu);
  depthwise({3, 3}, 1, A::kHardSwish);
  conv(24, {1, 1}, 1, A::kIdentity);
  const Value skipped = x;
  conv(67, {1, 1}, 1, A::kSwish);
  depthwise({5, 5}, 1, A::kSwish);
  conv(24, {1, 1}, 1, A::kIdentity);
  x = graph.Emit("sum", Add{}, {x, skipped});
  conv(40, {1, 1}, 1, A::kRelu6);
  depthwise({5, 5}, 2, A::kHardSwish);
  conv(33, {3, 3}, 1, A::kElu);
  depthwise({3, 3}, 2, A::kLeakyRelu);
  conv(20, {3, 1}, 1, A::kTanh);
  conv(20, {1, 7}, 1, A::kSelu);
  conv(512, {1, 1}, 1, A::kRelu);  // pixels a multiple of 2048 bytes apart
  depthwise({3, 3}, 1, A::kHardSigmoid);
  conv(48, {1, 1}, 1, A::kSigmoid);
  depthwise({7, 7}, 1, A::kScaledTanh);
  x = graph.Emit("pool", GlobalPool{}, {x});
  x = graph.Emit("flat", Flatten{}, {x});
  graph.outputs = {graph.Emit("scores", Dense{.out_features = 10}, {x})};
  return graph;
}

class RuntimeTest : public ::testing::Test {
 protected:
  // The largest difference of its answers, relative to the largest number.
  double Difference(const Network& network, Precision precision, int32_t runtime_precision) const {
    const std::string path = folder_ / "model.safetensors";
    Model model;
    model.graph = network.graph;
    model.params = network.params;
    model.pipeline.size = {45, 85};
    SaveModel(path, model);
    const Tensor input = RandomPictures({1, 45, 85, 3}, 1, 8)[0];
    const auto plan = CompileModel(model, 1, 1, {.precision = precision});
    plan->Run(input.data(), {}, nullptr);
    const Tensor& output = plan->output(0);
    const std::vector<float> expected(output.data(), output.data() + output.elements());
    const std::vector<float> one =
        Answer(path, {.threads = 1, .precision = runtime_precision}, input);
    EXPECT_EQ(one, Answer(path, {.threads = 2, .precision = runtime_precision}, input));
    return testing::RelativeDifference<float, float>(one, expected);
  }

  std::vector<float> Answer(const std::string& path, const linnet_net_options& options,
                            const Tensor& input) const {
    const auto net = runtime_.Open(path, options);
    const std::span<const float> answer = runtime_.Run(net, input.data());
    return {answer.begin(), answer.end()};
  }

  RuntimeLibrary runtime_{LINNET_RUNTIME_LIBRARY};
  const TemporaryFolder folder_;
};

TEST_F(RuntimeTest, AnswersAsTheLibrary) {
  const Network network = {ConvGraph(), testing::LivelyParams(ConvGraph(), 5)};
  EXPECT_LT(Difference(network, Precision::kFloat32, LINNET_NET_FLOAT32), 2e-6);
  EXPECT_LT(Difference(network, Precision::kBf16x3, LINNET_NET_BF16X3), 2e-5);
  EXPECT_LT(Difference(network, Precision::kBf16, LINNET_NET_BF16), 2e-2);
}

TEST_F(RuntimeTest, AnswersInBytesBitForBit) {
  const Network network = {ConvGraph(), testing::LivelyParams(ConvGraph(), 5)};
  EXPECT_EQ(Difference(QuantizeOn(network).network, Precision::kFloat32, LINNET_NET_FLOAT32), 0);
}

}  // namespace
}  // namespace linnet
