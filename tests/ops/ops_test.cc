// The one generic test: every sample of every op, on every instruction set of this machine. What is
// right is said by the op's reference alone.
#include <gtest/gtest.h>

#include <new>

#include "graph/graph.h"
#include "kernels/targets.h"
#include "ops/op_runner.h"

// Not inlined: the compiler would see malloc and delete meet, and warn.
[[gnu::noinline]] void* operator new(size_t bytes) {
  if (linnet::counting_allocations) ++linnet::allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace linnet {
namespace {

std::string Describe(const Sample& sample) {
  Graph graph;
  std::vector<Value> inputs;
  std::string shapes;
  for (size_t i = 0; i < sample.in.size(); ++i) {
    inputs.push_back(graph.Emit("in" + std::to_string(i), Input{}));
    shapes += " " + sample.in[i].ToString();
  }
  graph.outputs = {graph.Emit("y", sample.op, inputs)};
  return GraphToText(graph) + "on" + shapes;
}

void ExpectClose(const Floats& actual, const std::vector<double>& expected, double tolerance,
                 const char* what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double largest = 1e-3;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * largest) << what << ", element " << i;
  }
}

void ExpectSame(const Outcome& a, const Outcome& b) {
  EXPECT_TRUE(SameBits(a.out, b.out)) << "the result";
  for (size_t i = 0; i < a.params.size(); ++i) {
    EXPECT_TRUE(SameBits(a.params[i], b.params[i])) << "parameter " << i;
    EXPECT_TRUE(SameBits(a.dparams[i], b.dparams[i])) << "gradient of parameter " << i;
  }
  for (size_t i = 0; i < a.din.size(); ++i) {
    EXPECT_TRUE(SameBits(a.din[i], b.din[i])) << "gradient of input " << i;
  }
}

// 'gradient' against the complex step along a few directions that together move every element: the
// elements are dealt out to the directions at random, each with a random length.
void ExpectGradient(ComplexStep& step, size_t which, const Floats& gradient, const char* what) {
  constexpr size_t kDirections = 8;
  const size_t count = std::min(kDirections, gradient.size());
  double largest = 1e-3;
  for (const float g : gradient) largest = std::max<double>(largest, std::abs(g));
  for (size_t d = 0; d < count; ++d) {
    Rng rng(which);
    std::vector<double> direction(gradient.size());
    double sum = 0, norm = 0;
    for (size_t i = 0; i < gradient.size(); ++i) {
      const size_t owner = gradient.size() <= kDirections ? i : rng.Below(count);
      direction[i] = rng.Uniform(0.5f, 1) * (rng.Coin(0.5f) ? 1 : -1) * (owner == d ? 1 : 0);
      sum += direction[i] * gradient[i];
      norm += std::pow(direction[i] * gradient[i], 2);
    }
    ASSERT_NEAR(sum, step.Along(which, direction), 1e-4 * std::sqrt(norm) + 2e-5 * largest)
        << "gradient of " << what << " " << which << ", direction " << d;
  }
}

class EveryOp : public testing::TestWithParam<size_t> {
 protected:
  const OpDef& def() const { return *AllOps()[GetParam()]; }
  // Calls f(sample, numbers) for each.
  template <class F>
  void ForSamples(F&& f) {
    const std::vector<Sample> samples = def().samples();
    for (size_t i = 0; i < samples.size(); ++i) {
      SCOPED_TRACE(Describe(samples[i]));
      f(samples[i], MakeNumbers(samples[i], 1000 * GetParam() + i));
      if (HasFatalFailure()) return;
    }
  }
  // And for each instruction set.
  template <class F>
  void ForSamplesAndTargets(F&& f) {
    if (def().unsupported != nullptr) GTEST_SKIP() << def().unsupported;
    ForSamples([&](const Sample& sample, const Numbers& numbers) {
      for (const int64_t target : kernels::Targets()) {
        SCOPED_TRACE(kernels::TargetName(target));
        kernels::ForceTarget(target);
        f(sample, numbers);
        if (HasFatalFailure()) break;
      }
    });
    kernels::ForceTarget(0);
  }
  ThreadPool two_{2};
};

TEST_P(EveryOp, HasSamplesOfItsOwnKind) {
  EXPECT_STREQ(def().name, kOpNames[GetParam()]);
  EXPECT_FALSE(def().samples().empty());
  for (const Sample& sample : def().samples()) EXPECT_EQ(sample.op.index(), GetParam());
}

TEST_P(EveryOp, TextReadsBack) {
  ForSamples([&](const Sample& sample, const Numbers&) {
    Graph graph;
    std::vector<Value> inputs;
    for (size_t i = 0; i < sample.in.size(); ++i) {
      inputs.push_back(graph.Emit("in" + std::to_string(i), Input{}));
    }
    graph.outputs = {graph.Emit("y", sample.op, inputs)};
    const Graph read = GraphFromText(GraphToText(graph));
    EXPECT_EQ(GraphToText(read), GraphToText(graph));
    // The fields are the same ones, too: they give the same shape.
    EXPECT_EQ(def().infer(read.nodes.back().op, sample.in), def().infer(sample.op, sample.in));
  });
}

TEST_P(EveryOp, MultiplyAddsAreTheReferences) {
  ForSamples([&](const Sample& sample, const Numbers& numbers) {
    const int64_t macs = def().macs(sample.op, sample.in, numbers.out_shape);
    if (!def().counts_macs) {
      EXPECT_EQ(macs, 0);
      return;
    }
    std::vector<RefTensor<Counted>> in, params;
    for (const Shape& shape : sample.in) in.emplace_back(shape);
    for (const ParamSpec& spec : numbers.specs) params.emplace_back(spec.shape);
    Counted::multiplications() = 0;
    def().reference_counted(sample.op, {in, params, numbers.out_shape});
    EXPECT_EQ(macs, Counted::multiplications());
  });
}

TEST_P(EveryOp, InferenceIsTheReferences) {
  ForSamplesAndTargets([&](const Sample& sample, const Numbers& numbers) {
    const Outcome one = RunOp(sample, numbers, {});
    EXPECT_FALSE(one.prepared.kernel.empty());
    ExpectClose(one.out, RunReferenceOp(sample, numbers, false), 1e-5, "result");
    ExpectSame(one, RunOp(sample, numbers, {.pool = &two_}));
    if (one.prepared.in_place) {
      EXPECT_TRUE(SameBits(one.out, RunOp(sample, numbers, {.in_place = true}).out)) << "in place";
    }
  });
}

// Ops that say so take values that live among the channels of others.
TEST_P(EveryOp, PixelsMayLieApart) {
  ForSamplesAndTargets([&](const Sample& sample, const Numbers& numbers) {
    const Outcome dense = RunOp(sample, numbers, {});
    const int64_t in_gap = dense.prepared.strided_in ? 5 : 0;
    const int64_t out_gap = dense.prepared.strided_out ? 19 : 0;
    if (in_gap + out_gap == 0) return;
    ExpectSame(dense, RunOp(sample, numbers, {.in_gap = in_gap, .out_gap = out_gap}));
    ExpectSame(dense,
               RunOp(sample, numbers, {.pool = &two_, .in_gap = in_gap, .out_gap = out_gap}));
  });
}

// Packed weights are bytes that can be kept.
TEST_P(EveryOp, RunsOnWeightsPackedBefore) {
  ForSamplesAndTargets([&](const Sample& sample, const Numbers& numbers) {
    const Prepared by_rule = DefOf(sample.op).prepare(sample.op, {sample.in, numbers.out_shape});
    std::vector<std::string> implementations = by_rule.candidates;
    if (implementations.empty()) implementations = {""};
    for (const std::string& name : implementations) {
      SCOPED_TRACE(name);
      ExpectSame(RunOp(sample, numbers, {.implementation = name}),
                 RunOp(sample, numbers, {.implementation = name, .packed_elsewhere = true}));
    }
  });
}

// Those that the rules pass over, too: whoever measures may choose them.
TEST_P(EveryOp, EveryImplementationIsTheReferences) {
  ForSamplesAndTargets([&](const Sample& sample, const Numbers& numbers) {
    const Prepared by_rule = DefOf(sample.op).prepare(sample.op, {sample.in, numbers.out_shape});
    const std::vector<double> expected = RunReferenceOp(sample, numbers, false);
    for (const std::string& name : by_rule.candidates) {
      SCOPED_TRACE(name);
      const Outcome one = RunOp(sample, numbers, {.implementation = name});
      EXPECT_EQ(one.prepared.implementation, name);
      ExpectClose(one.out, expected, 1e-5, "result");
      ExpectSame(one, RunOp(sample, numbers, {.pool = &two_, .implementation = name}));
    }
  });
}

TEST_P(EveryOp, TrainingIsTheReferences) {
  ForSamplesAndTargets([&](const Sample& sample, const Numbers& numbers) {
    const Outcome one = RunOp(sample, numbers, {.training = true});
    ExpectClose(one.out, RunReferenceOp(sample, numbers, true), 2e-5, "result");
    ExpectSame(one, RunOp(sample, numbers, {.training = true, .pool = &two_}));
    for (size_t i = 0; i < numbers.specs.size(); ++i) {
      if (!numbers.specs[i].trainable) continue;
      EXPECT_TRUE(SameBits(one.params[i], numbers.params[i])) << "a weight has changed";
    }
  });
}

TEST_P(EveryOp, GradientsAreTheComplexSteps) {
  ForSamplesAndTargets([&](const Sample& sample, const Numbers& numbers) {
    const Outcome outcome = RunOp(sample, numbers, {.training = true});
    ComplexStep step(sample, numbers);
    for (size_t i = 0; i < sample.in.size(); ++i) ExpectGradient(step, i, outcome.din[i], "input");
    for (size_t i = 0; i < numbers.specs.size(); ++i) {
      if (!numbers.specs[i].trainable) continue;
      ExpectGradient(step, sample.in.size() + i, outcome.dparams[i], "input or parameter");
    }
  });
}

TEST_P(EveryOp, GradientsMayTakeTheirPlace) {
  ForSamplesAndTargets([&](const Sample& sample, const Numbers& numbers) {
    const Outcome apart = RunOp(sample, numbers, {.training = true});
    if (!apart.prepared.gradient_in_place) return;
    ExpectSame(apart, RunOp(sample, numbers, {.training = true, .gradient_in_place = true}));
    ExpectSame(apart, RunOp(sample, numbers,
                            {.training = true, .pool = &two_, .gradient_in_place = true}));
  });
}

// What is there plus the gradient.
std::vector<double> Plus(const Floats& gradient, double initial) {
  std::vector<double> sum(gradient.begin(), gradient.end());
  for (double& value : sum) value += initial;
  return sum;
}

TEST_P(EveryOp, BackwardAddsWhereItIsTold) {
  ForSamplesAndTargets([&](const Sample& sample, const Numbers& numbers) {
    const Outcome fresh = RunOp(sample, numbers, {.training = true});
    const Outcome added =
        RunOp(sample, numbers, {.training = true, .accumulate = true, .initial = 0.75f});
    for (size_t i = 0; i < fresh.din.size(); ++i) {
      ExpectClose(added.din[i], Plus(fresh.din[i], 0.75), 1e-5, "gradient of an input");
    }
    for (size_t i = 0; i < fresh.dparams.size(); ++i) {
      ExpectClose(added.dparams[i], Plus(fresh.dparams[i], 0.75), 1e-5, "gradient of a parameter");
    }
    // Inputs that want no gradient change nothing for the parameters.
    const Outcome unwanted = RunOp(sample, numbers, {.training = true, .want_din = false});
    for (size_t i = 0; i < fresh.dparams.size(); ++i) {
      EXPECT_TRUE(SameBits(fresh.dparams[i], unwanted.dparams[i]));
    }
  });
}

// y = f(x, x): its derivative is the sum of those of both inputs.
TEST_P(EveryOp, TheSameInputTwice) {
  ForSamplesAndTargets([&](const Sample& sample, const Numbers& random) {
    if (sample.in.size() < 2 || !(sample.in[0] == sample.in[1])) return;
    Numbers numbers = random;
    numbers.in[1] = numbers.in[0];
    const Outcome apart = RunOp(sample, numbers, {.training = true});
    const Outcome together = RunOp(sample, numbers, {.training = true, .twice = true});
    std::vector<double> sum(apart.din[0].begin(), apart.din[0].end());
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += apart.din[1][i];
    ExpectClose(together.din[0], sum, 1e-5, "gradient of the input");
  });
}

INSTANTIATE_TEST_SUITE_P(Ops, EveryOp, testing::Range<size_t>(0, std::variant_size_v<Op>),
                         [](const auto& info) { return std::string(kOpNames[info.param]); });

}  // namespace
}  // namespace linnet
