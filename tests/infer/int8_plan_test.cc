// Plans of networks that compute on bytes: the references with every value rounded to its type are
// what is right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "infer/plan.h"
#include "kernels/int8_every_level.h"
#include "kernels/targets.h"
#include "random_graph.h"

namespace linnet {
namespace {

using ::testing::HasSubstr;

Graph FromNodes(const std::string& nodes) {
  return GraphFromText("linnet-graph 1\nimage = input(height=11, width=9, channels=6)\n" + nodes);
}

// Stem, an inverted residual with a residual of bytes, squeeze-and-excite, hard-swish by table,
// concatenation of unlike scales, pools, a classifier.
constexpr char kMobile[] =
    "q = activation(image, kind=identity) : u8(scale=0.03, zero_point=128)\n"
    "stem = conv2d(q, out_channels=16, kernel=3, stride=2, padding=1, bias=true, act=relu6)"
    " : u8(scale=0.02, zero_point=0)\n"
    "up = conv2d(stem, out_channels=40) : u8(scale=0.05, zero_point=120)\n"
    "swish = activation(up, kind=hard_swish) : u8(scale=0.03, zero_point=13)\n"
    "dw = conv2d(swish, out_channels=40, kernel=3, padding=1, groups=40, act=relu)"
    " : u8(scale=0.03, zero_point=0)\n"
    "squeeze = global_pool(dw) : u8(scale=0.01, zero_point=0)\n"
    "r = conv2d(squeeze, out_channels=8, bias=true, act=relu) : u8(scale=0.01, zero_point=0)\n"
    "e = conv2d(r, out_channels=40, bias=true) : u8(scale=0.02, zero_point=128)\n"
    "gate = activation(e, kind=hard_sigmoid) : u8(scale=0.004, zero_point=0)\n"
    "gated = mul(dw, gate) : u8(scale=0.02, zero_point=0)\n"
    "down = conv2d(gated, stem, out_channels=16, bias=true, residual=true)"
    " : u8(scale=0.04, zero_point=100)\n"
    "sum = add(down, stem) : u8(scale=0.05, zero_point=90)\n"
    "max = pool(sum, kernel=3, stride=1, padding=1) : u8(scale=0.05, zero_point=90)\n"
    "mean = pool(stem, kind=average, kernel=3, stride=1, padding=1) : u8(scale=0.02, "
    "zero_point=0)\n"
    "both = concat(max, mean, stem) : u8(scale=0.05, zero_point=90)\n"
    "all = global_pool(both) : u8(scale=0.02, zero_point=90)\n"
    "flat = flatten(all) : u8(scale=0.02, zero_point=90)\n"
    "fc = dense(flat, out_features=7)\nreturn fc\n";

std::vector<float> Numbers(const RefTensor<double>& tensor) {
  return {tensor.data.begin(), tensor.data.end()};
}

ParamMap Params(const Graph& graph) {
  ParamMap params = InitParams(graph, 3);
  Rng rng(5);
  for (auto& [name, tensor] : params) {
    if (!name.ends_with("bias") && !name.ends_with("weight_scale")) continue;
    const bool scale = name.ends_with("weight_scale");
    // As if the weights were those of a fresh network: some 0.4 at most.
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      tensor.data()[i] = scale ? rng.Uniform(0.5f, 1.0f) * 3e-3f : 0.3f * rng.Normal();
    }
  }
  return params;
}

TEST(Int8Plan, IsTheRoundedReferenceOnEveryTargetForAnyThreads) {
  const Graph graph = FromNodes(kMobile);
  const ParamMap params = Params(graph);
  RefTensor<double> input = testing::RandomInput({1, 11, 9, 6}, 4);
  for (double& x : input.data) x = static_cast<float>(x);
  const RefTensor<double> expected = RunReference(graph, params, input)[0];
  const std::vector<float> numbers = Numbers(input);
  std::vector<float> first;
  kernels::ForEveryLevel([&] {
    const auto plan = Compile(graph, params, {.threads = 2});
    ThreadPool two(2);
    for (ThreadPool* pool : {static_cast<ThreadPool*>(nullptr), &two}) {
      std::vector<float> output(7);
      float* outputs[] = {output.data()};
      plan->Run(numbers.data(), outputs, pool);
      // One byte that is rounded the other way is the next layer's noise.
      EXPECT_LT(testing::RelativeDifference(output.data(), expected), 0.02);
      if (first.empty()) first = output;
      EXPECT_EQ(std::memcmp(output.data(), first.data(), 7 * sizeof(float)), 0);
    }
  });
}

// Memory and traffic are those of bytes.
TEST(Int8Plan, BytesAreTrue) {
  const Graph graph = FromNodes(
      "q = activation(image, kind=identity) : u8(scale=0.03, zero_point=128)\n"
      "c = conv2d(q, out_channels=12, kernel=3, padding=1, bias=true) : u8(scale=0.05, "
      "zero_point=7)\n"
      "f = activation(c, kind=identity)\nreturn f\n");
  const auto plan = Compile(graph, Params(graph), {.threads = 1});
  const auto steps = plan->steps();
  ASSERT_EQ(steps.size(), 3u);
  const size_t pixels = 11 * 9;
  EXPECT_EQ(steps[0].bytes, pixels * 6 * (4 + 1));
  EXPECT_EQ(steps[1].bytes, pixels * (6 + 12));
  EXPECT_EQ(steps[1].weight_bytes, 12u * 9 * 6 + 12 * 4 + 12 * 4);
  EXPECT_EQ(steps[2].bytes, pixels * 12 * (1 + 4));
  EXPECT_LT(plan->arena_lower_bound(), pixels * (12 * 5) + steps[1].scratch_bytes + 1024);
}

// The same bytes, whether activations are looked up by the layer before or by themselves.
TEST(Int8Plan, FusedLookupsChangeNoBit) {
  const Graph graph = FromNodes(kMobile);
  const ParamMap params = Params(graph);
  const auto fused = Compile(graph, params, {.threads = 1});
  const auto apart =
      Compile(graph, params, {.threads = 1, .rewrite = {.disable = {"fuse_lookup"}}});
  EXPECT_EQ(fused->graph().nodes.size() + 2, apart->graph().nodes.size());
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const std::vector<float> numbers = Numbers(testing::RandomInput({1, 11, 9, 6}, seed));
    fused->Run(numbers.data(), {}, nullptr);
    apart->Run(numbers.data(), {}, nullptr);
    EXPECT_EQ(std::memcmp(fused->output(0).data(), apart->output(0).data(), 7 * sizeof(float)), 0);
  }
}

std::string ErrorOf(const std::string& nodes) {
  try {
    const Graph graph = FromNodes(nodes);
    Compile(graph, Params(graph), {.threads = 1});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(Int8Plan, TypesThatDoNotFit) {
  const std::string q = "q = activation(image, kind=identity) : u8(scale=0.03, zero_point=128)\n";
  // Softmax, batch norm and the like compute on float32 only.
  EXPECT_THAT(
      ErrorOf(
          q +
          "s = softmax(q) : u8(scale=1, zero_point=0)\nf = activation(s, kind=identity)\nreturn f"),
      HasSubstr("node 's' (softmax)"));
  EXPECT_THAT(ErrorOf(q + "b = batch_norm(q)\nreturn b"), HasSubstr("float32 only"));
  // Bytes and float32 meet.
  EXPECT_THAT(
      ErrorOf(q +
              "a = add(q, image) : u8(scale=1, zero_point=0)\nf = activation(a, kind=identity)\n"
              "return f"),
      HasSubstr("node 'a' (add)"));
  EXPECT_THAT(ErrorOf(q + "c = conv2d(q, out_channels=3)\nreturn c"), HasSubstr("of bytes"));
  EXPECT_THAT(ErrorOf("c = conv2d(image, out_channels=3) : u8(scale=1, zero_point=0)\n"
                      "f = activation(c, kind=identity)\nreturn f"),
              HasSubstr("of bytes"));
  EXPECT_THAT(ErrorOf(q + "r = activation(q, kind=relu)\nreturn r"), HasSubstr("identity"));
  // A move keeps the type.
  EXPECT_THAT(
      ErrorOf(q + "p = pool(q) : u8(scale=0.04, zero_point=128)\nf = activation(p, kind=identity)\n"
                  "return f"),
      HasSubstr("moves bytes"));
  EXPECT_THAT(ErrorOf(q + "c = conv2d(q, out_channels=3, act=swish) : u8(scale=1, zero_point=0)\n"
                          "f = activation(c, kind=identity)\nreturn f"),
              HasSubstr("act=swish"));
  // What goes in and comes out is float32.
  EXPECT_THAT(ErrorOf(q + "return q"), HasSubstr("output 'q' is u8(scale=0.03, zero_point=128); expected f32"));
}

}  // namespace
}  // namespace linnet
