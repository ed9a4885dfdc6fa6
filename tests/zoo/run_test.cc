// Every architecture runs and learns: the Plan says what the references say, and one step of
// training moves every parameter.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "infer/plan.h"
#include "random_graph.h"
#include "rewrite/graph_edit.h"
#include "train/trainer.h"
#include "zoo/small_member.h"

namespace linnet {
namespace {

constexpr int kBatch = 2;

Tensor RandomPictures(const Graph& graph) {
  const Shape shape = InferShapes(graph, {.batch = kBatch})[0];
  Tensor pictures(shape);
  Rng rng(9);
  std::generate_n(pictures.data(), pictures.elements(), [&] { return rng.Normal(); });
  return pictures;
}

class SlowEveryArch : public ::testing::TestWithParam<const Arch*> {};

// ---- inference ----

Graph ResultsOnly(Graph graph) {
  std::erase_if(graph.outputs, [](const Output& output) { return output.auxiliary > 0; });
  RemoveUnused(graph);
  return graph;
}

// Running statistics are those of the last batch alone, and nothing is dropped: inference sees the
// values that the statistics were taken of.
Graph ForStatistics(Graph graph) {
  for (Node& node : graph.nodes) {
    if (BatchNorm* bn = std::get_if<BatchNorm>(&node.op)) bn->momentum = 1;
    if (DropPath* drop = std::get_if<DropPath>(&node.op)) drop->rate = 0;
    if (Dropout* drop = std::get_if<Dropout>(&node.op)) drop->rate = 0;
  }
  return graph;
}

// Batch norm's shifts are raised by two, which keeps most activations open. Random layers that are
// closed half of the time are chaotic: fifty of them make a difference of 1e-3 from float32's 1e-7.
void OpenActivations(const Graph& graph, ParamMap& params) {
  for (const Node& node : graph.nodes) {
    const BatchNorm* bn = std::get_if<BatchNorm>(&node.op);
    if (bn == nullptr || !bn->affine) continue;
    Tensor& shift = params.at(node.name + ".bias");
    std::for_each_n(shift.data(), shift.elements(), [](float& x) { x += 2; });
  }
}

// Filters of grouped convolutions begin small behind batch norm (ops/window.h) and grow in
// training, as nothing decays them: here to the deviation that keeps the size of one group's
// values.
void GrowGroupedFilters(const Graph& graph, ParamMap& params) {
  for (const Node& node : graph.nodes) {
    const Conv2d* conv = std::get_if<Conv2d>(&node.op);
    if (conv == nullptr || conv->bias) continue;
    Tensor& weight = params.at(node.name + ".weight");
    const float factor = std::sqrt(static_cast<float>(conv->groups));
    std::for_each_n(weight.data(), weight.elements(), [&](float& w) { w *= factor; });
  }
}

// Lively scales and shifts, and the running statistics that 'pictures' have under them. Statistics
// drawn at random would let the values of a thousand layers grow beyond all numbers.
ParamMap TrainedLooking(const Graph& graph, const Tensor& pictures) {
  ParamMap lively = testing::LivelyParams(graph, /*seed=*/4);
  OpenActivations(graph, lively);
  GrowGroupedFilters(graph, lively);
  Parameters params(graph, /*seed=*/1);
  params.SetFrom(lively);
  Executor executor(ForStatistics(graph), {.batch = kBatch}, params, nullptr);
  executor.Forward(pictures, /*seed=*/1);
  return params.ToMap(params.all());
}

RefTensor<double> FirstPicture(const Tensor& pictures) {
  Shape shape = pictures.shape();
  shape[0] = 1;
  RefTensor<double> first(shape);
  std::copy_n(pictures.data(), first.data.size(), first.data.begin());
  return first;
}

RewriteOptions NoRewrites() {
  RewriteOptions options;
  for (const Pass& pass : Passes()) options.disable.push_back(pass.name);
  return options;
}

// How far output i of the reference moves, relative to its largest number, when each number of the
// picture is off by float32's last bit.
double Sensitivity(const Graph& graph, const ParamMap& params, RefTensor<double> picture,
                   const RefTensor<double>& expected, size_t i) {
  Rng rng(3);
  for (double& x : picture.data) x *= 1 + (rng.Coin(0.5f) ? 1 : -1) * 0x1p-24;
  const auto moved = RunReference(graph, params, picture)[i];
  const std::vector<float> rounded(moved.data.begin(), moved.data.end());
  return testing::RelativeDifference(rounded.data(), expected);
}

// Winograd's tiles of 4x4 outputs have more than twice the rounding error of the direct product
// (kernels/winograd.h); those of 2x2 round less, but not as a chaotic network's other convolutions
// do.
bool HasWinograd(const Plan& plan) {
  const auto steps = plan.steps();
  return std::any_of(steps.begin(), steps.end(),
                     [](const StepInfo& step) { return step.kernel.starts_with("winograd"); });
}

// 1e-4, and 1.5e-4 where Winograd's convolution runs (Inception v4 reaches 1.01e-4, ResNet-101 with
// BAM 1.29e-4), but for networks so chaotic that one rounding of the picture already moves the
// reference by a fiftieth of the difference (which is at most a hundredth): of all, MobileNet V1
// with a CBAM behind each of its 26 convolutions, where every gate multiplies the errors of those
// before.
void ExpectClose(const Plan& plan, size_t i, const RefTensor<double>& expected,
                 const std::function<double()>& sensitivity) {
  ASSERT_EQ(plan.output(i).shape(), expected.shape);
  ASSERT_TRUE(std::all_of(expected.data.begin(), expected.data.end(),
                          [](double x) { return std::isfinite(x); }));
  const double difference = testing::RelativeDifference(plan.output(i).data(), expected);
  if (difference <= (HasWinograd(plan) ? 1.5e-4 : 1e-4)) return;
  EXPECT_LE(difference, std::min(0.01, 50 * sensitivity())) << "output " << i;
}

void ExpectPlanIsTheReference(const Graph& graph) {
  const Tensor pictures = RandomPictures(graph);
  const ParamMap params = TrainedLooking(graph, pictures);
  const auto expected = RunReference(graph, params, FirstPicture(pictures));
  for (const RewriteOptions& rewrite : {RewriteOptions{}, NoRewrites()}) {
    const auto plan = Compile(graph, params, {.threads = 1, .rewrite = rewrite});
    plan->Run(pictures.data(), {}, nullptr);
    ASSERT_EQ(plan->outputs(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      SCOPED_TRACE(rewrite.disable.empty() ? "rewritten" : "not rewritten");
      ExpectClose(*plan, i, expected[i], [&] {
        return Sensitivity(graph, params, FirstPicture(pictures), expected[i], i);
      });
    }
  }
}

TEST_P(SlowEveryArch, PlanIsTheReference) {
  for (const ArchSpec& spec : testing::Structures(*GetParam())) {
    const Graph graph = ResultsOnly(testing::BuildSmall(spec));
    SCOPED_TRACE(fmt::format("{} at {}", ToString(spec), InferShapes(graph)[0].ToString()));
    ExpectPlanIsTheReference(graph);
  }
}

// ---- training ----

// What the trainer can train: maps (of a feature pyramid) are pooled into logits, and no path is
// dropped: a step that drops a block for both pictures moves nothing in it.
Graph Trainable(Graph graph) {
  for (Node& node : graph.nodes) {
    if (DropPath* drop = std::get_if<DropPath>(&node.op)) drop->rate = 0;
  }
  const std::vector<Shape> shapes = InferShapes(graph);
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const Value map = graph.outputs[i].value;
    if (shapes[map].rank() != 4) continue;
    const std::string name = fmt::format("logits{}", i);
    const Value pooled = graph.Emit(name + ".pool", GlobalPool{}, {map});
    graph.outputs[i].value = graph.Emit(name, Flatten{}, {pooled});
  }
  return graph;
}

// A bias before batch norm is taken away again with the mean: its gradient is zero but for rounding
// (torchvision's vgg*_bn and Caffe's BN-Inception have such biases).
bool IsBiasBeforeBatchNorm(const Graph& graph, const std::vector<std::vector<int>>& users,
                           size_t node, const ParamSpec& spec) {
  if (spec.name != "bias" || std::holds_alternative<BatchNorm>(graph.nodes[node].op)) return false;
  return std::all_of(users[node].begin(), users[node].end(), [&](int user) {
    return std::holds_alternative<BatchNorm>(graph.nodes[user].op);
  });
}

bool Moved(const Tensor& before, const Tensor& after) {
  return !std::equal(before.data(), before.data() + before.elements(), after.data());
}

bool AllFinite(std::span<const float> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
}

void ExpectStepMovesEverything(const Graph& graph) {
  TrainOptions options;
  options.lr = 1;            // so that a small gradient moves a large number, too
  options.weight_decay = 0;  // which would move weights that have no gradient
  options.ema = 0;
  Trainer trainer(graph, {.batch = kBatch}, options, nullptr);
  const ParamMap before = InitParams(graph, options.seed);
  const int labels[kBatch] = {0, 1};
  const double loss = trainer.Step(RandomPictures(graph), labels, Schedule{}, 0);
  EXPECT_TRUE(std::isfinite(loss)) << loss;
  EXPECT_TRUE(AllFinite(trainer.parameters().all()));
  const auto specs = GraphParams(graph, InferShapes(graph));
  const auto users = Users(graph);
  for (size_t i = 0; i < specs.size(); ++i) {
    for (const ParamSpec& spec : specs[i]) {
      if (!spec.trainable || IsBiasBeforeBatchNorm(graph, users, i, spec)) continue;
      const std::string name = ParamName(graph.nodes[i], spec);
      EXPECT_TRUE(Moved(before.at(name), trainer.parameters().value(name))) << name;
    }
  }
}

TEST_P(SlowEveryArch, StepMovesEveryParameter) {
  for (const ArchSpec& spec : testing::Structures(*GetParam())) {
    const Graph graph = Trainable(testing::BuildSmall(spec));
    SCOPED_TRACE(fmt::format("{} at {}", ToString(spec), InferShapes(graph)[0].ToString()));
    ExpectStepMovesEverything(graph);
  }
}

std::vector<const Arch*> Archs() {
  std::vector<const Arch*> archs;
  for (const Arch& arch : AllArchs()) archs.push_back(&arch);
  return archs;
}

INSTANTIATE_TEST_SUITE_P(Archs, SlowEveryArch, ::testing::ValuesIn(Archs()),
                         [](const auto& info) { return testing::TestName(info.param->name); });

}  // namespace
}  // namespace linnet
