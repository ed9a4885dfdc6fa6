#include "infer/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "archs/arch.h"
#include "base/error.h"
#include "infer/counting_new.h"
#include "infer/latency.h"
#include "infer/plan_outputs.h"
#include "random_graph.h"

namespace linnet {
namespace {

constexpr double kTolerance = 1e-4;

Graph FromNodes(const std::string& nodes) {
  return GraphFromText("linnet-graph 1\nimage = input(height=11, width=9, channels=6)\n" + nodes);
}

std::vector<float> ToFloat(const RefTensor<double>& tensor) {
  return {tensor.data.begin(), tensor.data.end()};
}

// Rounded to float32, as the Plan gets it.
RefTensor<double> FloatInput(const Shape& shape, uint64_t seed) {
  RefTensor<double> input = testing::RandomInput(shape, seed);
  for (double& x : input.data) x = static_cast<float>(x);
  return input;
}

// Compares the Plan with the references, and its threads with each other.
void CheckPlan(const Graph& graph, CompileOptions options = {}) {
  SCOPED_TRACE(GraphToText(graph));
  const ParamMap params = testing::LivelyParams(graph, 4);
  options.threads = 3;
  const auto plan = Compile(graph, params, options);
  EXPECT_GE(plan->arena_bytes(), plan->arena_lower_bound());
  const RefTensor<double> input = FloatInput(plan->input_shape(), 9);
  const std::vector<float> numbers = ToFloat(input);
  const auto expected = RunReference(graph, params, input);
  ASSERT_EQ(plan->outputs(), expected.size());
  const std::vector<float> one = testing::Outputs(*plan, numbers, nullptr);
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(plan->output(i).shape(), expected[i].shape);
    EXPECT_LT(testing::RelativeDifference(plan->output(i).data(), expected[i]), kTolerance);
  }
  EXPECT_EQ(numbers, ToFloat(input));  // the caller's input is only read
  for (const int threads : {1, 2, 3, 4}) {
    ThreadPool pool(threads);
    for (int repeat = 0; repeat < 2; ++repeat) {
      const std::vector<float> more = testing::Outputs(*plan, numbers, &pool);
      EXPECT_EQ(std::memcmp(one.data(), more.data(), one.size() * sizeof(float)), 0) << threads;
    }
  }
}

TEST(Plan, HandWrittenGraphs) {
  const char* const graphs[] = {
      // A plain network with all that is fused, and a flatten that moves.
      "c = conv2d(image, out_channels=12, kernel=3, stride=2, padding=1)\nb = batch_norm(c)\n"
      "r = activation(b)\nd = conv2d(r, out_channels=12, kernel=3, padding=1, groups=12)\n"
      "e = batch_norm(d)\nf = activation(e, kind=relu6)\np = pool(f)\nflat = flatten(p)\n"
      "fc = dense(flat, out_features=7)\ns = softmax(fc)\nreturn s\n",
      // An inverted residual.
      "e = conv2d(image, out_channels=24)\neb = batch_norm(e)\nea = activation(eb, kind=relu6)\n"
      "d = conv2d(ea, out_channels=24, kernel=3, padding=1, groups=24)\nda = activation(d)\n"
      "p = conv2d(da, out_channels=6)\npb = batch_norm(p)\ns = add(pb, image)\nreturn s\n",
      // Squeeze-and-excite, several outputs, a value that is an output and read later.
      "c = conv2d(image, out_channels=16)\ng = global_pool(c)\nq = conv2d(g, out_channels=4)\n"
      "r = activation(q)\nx = conv2d(r, out_channels=16)\ny = activation(x, kind=hard_sigmoid)\n"
      "m = mul(c, y)\nreturn m, c, y\n",
      // Chains of elementwise work in place; branches that forbid it.
      "a = activation(image)\nb = activation(a, kind=tanh)\nc = batch_norm(b)\nd = add(c, a)\n"
      "e = activation(d, kind=elu)\nf = add(e, e)\ng = concat(f, b, image)\nreturn g, d\n",
      // Views: of the input, of a value still read, returned beside their source.
      "v = flatten(image, order=hwc)\ng = global_pool(image)\nw = flatten(g)\n"
      "a = activation(w)\nb = activation(g)\nreturn v, a, b, w\n",
      "f = flatten(image, order=hwc)\na = activation(f, kind=relu)\nreturn a, image\n",
      // The input itself, twice.
      "a = dropout(image)\nreturn a, image\n",
  };
  for (const char* nodes : graphs) {
    CheckPlan(FromNodes(nodes));
    CheckPlan(FromNodes(nodes), {.batch = 3});
  }
}

TEST(Plan, RandomGraphs) {
  for (uint64_t seed = 1000; seed < 1120 && !HasFailure(); ++seed) {
    CheckPlan(testing::RandomGraph(seed));
  }
}

TEST(Plan, MobileNetAtOddSizes) {
  for (const auto& [height, width] : {std::pair{33, 47}, std::pair{65, 32}}) {
    CompileOptions options;
    options.height = height;
    options.width = width;
    CheckPlan(BuildArch("mobilenet_v1:width=0.25,classes=13"), options);
  }
}

TEST(Plan, RunAllocatesNothing) {
  const Graph graph = BuildArch("mobilenet_v1:width=0.25,size=64,classes=13");
  const auto plan = Compile(graph, testing::LivelyParams(graph, 1), {.batch = 2, .threads = 2});
  const std::vector<float> input(static_cast<size_t>(plan->input_shape().elements()), 0.5f);
  std::vector<float> output(static_cast<size_t>(plan->output(0).elements()));
  float* outputs[] = {output.data()};
  ThreadPool pool(2);
  for (ThreadPool* p : {static_cast<ThreadPool*>(nullptr), &pool}) {
    const long before = testing::allocations;
    plan->Run(input.data(), outputs, p);
    EXPECT_EQ(testing::allocations, before);
  }
  EXPECT_EQ(std::memcmp(output.data(), plan->output(0).data(), plan->output(0).bytes()), 0);
  const long before = testing::allocations;
  delete new std::string(100, 'x');
  EXPECT_GT(testing::allocations, before);  // the counter works
}

TEST(Plan, TwinsShareWeightsAndNothingElse) {
  const Graph graph = testing::RandomGraph(1003);
  const auto plan = Compile(graph, testing::LivelyParams(graph, 4));
  const std::vector<float> a = ToFloat(testing::RandomInput(plan->input_shape(), 2));
  const std::vector<float> b = ToFloat(testing::RandomInput(plan->input_shape(), 3));
  const std::vector<float> of_a = testing::Outputs(*plan, a, nullptr),
                           of_b = testing::Outputs(*plan, b, nullptr);
  auto twin = plan->Twin();
  const auto repeat = [](Plan& one, const std::vector<float>& input,
                         const std::vector<float>& expected, bool* same) {
    for (int i = 0; i < 50; ++i) *same = *same && testing::Outputs(one, input, nullptr) == expected;
  };
  bool same_a = true, same_b = true;
  std::thread thread([&] { repeat(*twin, b, of_b, &same_b); });
  repeat(*plan, a, of_a, &same_a);
  thread.join();
  EXPECT_TRUE(same_a && same_b);
  EXPECT_EQ(twin->arena_bytes(), plan->arena_bytes());
}

TEST(Plan, TwoPlansInTwoThreads) {
  const Graph graph = testing::RandomGraph(1003);
  const ParamMap params = testing::LivelyParams(graph, 4);
  const std::vector<float> input = ToFloat(testing::RandomInput(InferShapes(graph)[0], 2));
  const std::vector<float> expected = testing::Outputs(*Compile(graph, params), input, nullptr);
  const auto work = [&](bool* same) {
    const auto plan = Compile(graph, params, {.threads = 2});
    ThreadPool pool(2);
    *same = true;
    for (int i = 0; i < 20; ++i) *same = *same && testing::Outputs(*plan, input, &pool) == expected;
  };
  bool first = false, second = false;
  std::thread a(work, &first), b(work, &second);
  a.join();
  b.join();
  EXPECT_TRUE(first && second);
}

TEST(Plan, SaysWhatItDoes) {
  const Graph graph = FromNodes(
      "c = conv2d(image, out_channels=12, kernel=3, padding=1)\nb = batch_norm(c)\n"
      "r = activation(b)\ng = global_pool(r)\nf = flatten(g)\nd = dense(f, out_features=5)\n"
      "s = softmax(d)\nreturn s\n");
  const auto plan = Compile(graph, InitParams(graph, 1));
  ASSERT_EQ(plan->steps().size(), 5u);
  const StepInfo& conv = plan->steps()[0];
  EXPECT_EQ(conv.name, "c");
  EXPECT_EQ(conv.op, "conv2d");
  EXPECT_FALSE(conv.kernel.empty());
  EXPECT_EQ(conv.in, std::vector<Shape>{Shape({1, 11, 9, 6})});
  EXPECT_EQ(conv.out, Shape({1, 11, 9, 12}));
  EXPECT_EQ(conv.macs, 11 * 9 * 12 * 9 * 6);
  EXPECT_EQ(conv.bytes, 4u * 11 * 9 * (6 + 12));
  EXPECT_EQ(conv.weight_bytes, 4u * (12 * 9 * 6 + 12));
  EXPECT_EQ(plan->steps()[2].kernel, "view");
  EXPECT_EQ(plan->macs(), conv.macs + 12 * 5);
  EXPECT_EQ(plan->weight_bytes(), conv.weight_bytes + 4 * (12 * 5 + 5));
}

TEST(Plan, RefusesWhatCannotRun) {
  const Graph graph = FromNodes("c = conv2d(image, out_channels=12, kernel=7)\nreturn c\n");
  EXPECT_THROW(Compile(graph, {}), Error);
  const ParamMap params = InitParams(graph, 1);
  try {
    Compile(graph, params, {.height = 5});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("node 'c'"));
  }
  EXPECT_THROW(Compile(graph, params, {.batch = -1}), Error);
  Graph two = graph;
  two.Emit("second", Input{});
  EXPECT_THROW(Compile(two, params), Error);
}

TEST(Latency, SummaryByNearestRank) {
  std::vector<double> seconds;
  for (int i = 100; i >= 1; --i) seconds.push_back(i * 1e-3);
  const Latency latency = Summarize(seconds);
  EXPECT_DOUBLE_EQ(latency.median_ms, 50);
  EXPECT_DOUBLE_EQ(latency.p95_ms, 95);
  EXPECT_DOUBLE_EQ(latency.p99_ms, 99);
  EXPECT_DOUBLE_EQ(latency.min_ms, 1);
  EXPECT_EQ(latency.runs, 100);
}

TEST(Latency, StepsTakeTheirTimeAndHaveAFloor) {
  const Graph graph = BuildArch("mobilenet_v1:width=0.25,size=64,classes=13");
  const auto plan = Compile(graph, InitParams(graph, 1));
  const kernels::Machine machine{.peaks = {{Precision::kFloat32, "FMA", 1e3}}, .read = {{1, 1e3}}};
  const LatencyOptions options{.warmup_seconds = 0, .min_seconds = 0.01, .min_runs = 5};
  const Latency latency = MeasureLatency(*plan, nullptr, options);
  EXPECT_GE(latency.runs, 5);
  const auto steps = MeasureSteps(*plan, nullptr, machine, options);
  ASSERT_EQ(steps.size(), plan->steps().size());
  double floor = 0;
  for (const StepTime& step : steps) floor += step.floor_ms;
  EXPECT_NEAR(floor, LimitMs(*plan, machine), 1e-9);
  EXPECT_GT(floor, 0);
  EXPECT_LT(floor, latency.median_ms);
  EXPECT_LE(latency.median_ms, latency.p99_ms);
}

}  // namespace
}  // namespace linnet
