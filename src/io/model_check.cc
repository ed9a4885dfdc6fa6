#include "io/model_check.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "ops/types.h"

namespace linnet {
namespace {

constexpr size_t kLongestCheck = 1000;  // numbers
// Some 20 s of arithmetic; a network of the size Linnet is made for has a thousandth of that.
constexpr int64_t kMaxCheckMacs = 1'000'000'000'000;

InputSize SizeOf(const ImagePipeline& pipeline) { return {1, pipeline.size[0], pipeline.size[1]}; }

const Input& OnlyInput(const Graph& graph) {
  const Input* found = nullptr;
  for (const Node& node : graph.nodes) {
    const Input* input = std::get_if<Input>(&node.op);
    if (input != nullptr && found != nullptr) {
      Fail(ErrorKind::kUsage, "a model has one input; '{}' is a second", node.name);
    }
    if (input != nullptr) found = input;
  }
  if (found == nullptr || graph.outputs.empty()) {
    Fail(ErrorKind::kUsage, "a model's graph has an input and an output");
  }
  return *found;
}

// The output that the Plan gives first: auxiliary heads are dropped.
Value AnswerOf(const Graph& graph) {
  for (const Output& output : graph.outputs) {
    if (output.auxiliary == 0) return output;
  }
  return graph.outputs[0];
}

void CheckMemory(const std::vector<Shape>& shapes) {
  size_t bytes = 0;
  for (const Shape& shape : shapes) {
    bytes += static_cast<size_t>(shape.elements()) * sizeof(float);
    if (bytes > kMaxModelMemory) {
      Fail(ErrorKind::kUsage, "its values would take more than {} bytes of memory",
           kMaxModelMemory);
    }
  }
}

// CheckParams says what is missing; here, what is too much.
void CheckNothingElse(const Model& model, const std::vector<Shape>& shapes) {
  size_t count = 0;
  for (const auto& specs : GraphParams(model.graph, shapes)) count += specs.size();
  if (model.params.size() != count) {
    Fail(ErrorKind::kFile, "expected {} tensors, the graph's parameters, found {}", count,
         model.params.size());
  }
}

std::vector<float> RunCheck(Plan& plan, uint64_t seed, ThreadPool* pool) {
  Tensor input(plan.input_shape());
  Rng rng(seed, 0x636865636b);  // "check"
  for (int64_t i = 0; i < input.elements(); ++i) input.data()[i] = rng.Uniform(-2, 2);
  plan.Run(input.data(), {}, pool);
  const Tensor& output = plan.output(0);
  const size_t count = std::min(kLongestCheck, static_cast<size_t>(output.elements()));
  return std::vector<float>(output.data(), output.data() + count);
}

// Relative to the largest number expected; not finite if one of them is not.
double Difference(const std::vector<float>& expected, const std::vector<float>& actual) {
  double largest = 1e-6, difference = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    const double d = std::abs(static_cast<double>(expected[i]) - actual[i]);
    if (std::isnan(d)) return d;
    difference = std::max(difference, d);
  }
  return difference / largest;
}

}  // namespace

void CheckGraph(const Graph& graph, const ImagePipeline& pipeline) {
  const Input& input = OnlyInput(graph);
  ValidatePipeline(pipeline, "pipeline");
  if (input.channels != pipeline.channels) {
    Fail(ErrorKind::kUsage, "the network takes {} channels, its image pipeline gives {}",
         input.channels, pipeline.channels);
  }
  const std::vector<Shape> shapes = InferShapes(graph, SizeOf(pipeline));
  CheckMemory(shapes);
  CheckMemory(InferShapes(graph));
  CheckTypes(graph, shapes);
}

void CheckModel(const Model& model) {
  CheckGraph(model.graph, model.pipeline);
  const std::vector<Shape> shapes = InferShapes(model.graph, SizeOf(model.pipeline));
  CheckParams(model.graph, model.params, SizeOf(model.pipeline));
  CheckNothingElse(model, shapes);
  const Shape& output = shapes[AnswerOf(model.graph)];
  const int64_t classes = output[output.rank() - 1];
  if (!model.labels.empty() && static_cast<int64_t>(model.labels.size()) != classes) {
    Fail(ErrorKind::kUsage, "the network has {} outputs, but there are {} labels", classes,
         model.labels.size());
  }
}

std::unique_ptr<Plan> CompileModel(const Model& model, int batch, int threads,
                                   const KernelChoice& choice) {
  CompileOptions options;
  options.batch = batch;
  options.height = model.pipeline.size[0];
  options.width = model.pipeline.size[1];
  options.threads = threads;
  options.tune = choice.tune;
  options.precision = choice.precision;
  return Compile(model.graph, model.params, options);
}

std::vector<CheckVector> MakeChecks(const Model& model) {
  const auto plan = CompileModel(model, 1, 1);
  std::vector<CheckVector> checks;
  for (const uint64_t seed : {1, 2}) {
    checks.push_back({seed, RunCheck(*plan, seed, nullptr)});
    for (const float x : checks.back().output) {
      if (!std::isfinite(x)) {
        Fail(ErrorKind::kUsage,
             "the network's output is not finite: training has diverged; lower the learning rate");
      }
    }
  }
  return checks;
}

double VerifyModel(const Model& model, const std::string& where, ThreadPool* pool) {
  const auto plan = CompileModel(model, 1, Threads(pool));
  if (plan->macs() > kMaxCheckMacs) {
    Fail(ErrorKind::kFile, "{}: a network of {} multiply-adds is too large to be checked", where,
         plan->macs());
  }
  const double tolerance = IsQuantized(model.graph) ? kQuantizedCheckTolerance : kCheckTolerance;
  double worst = 0;
  for (const CheckVector& check : model.checks) {
    const std::vector<float> actual = RunCheck(*plan, check.seed, pool);
    if (check.output.size() != actual.size()) {
      Fail(ErrorKind::kFile, "{}: its check vector has {} numbers, the network {}", where,
           check.output.size(), actual.size());
    }
    const double difference = Difference(check.output, actual);
    if (!(difference <= tolerance)) {
      Fail(
          ErrorKind::kFile,
          "{}: on this machine the network's output differs by {:.2g} (of its largest number) from "
          "what was stored with it, expected at most {:.2g}",
          where, difference, tolerance);
    }
    worst = std::max(worst, difference);
  }
  return worst;
}

}  // namespace linnet
