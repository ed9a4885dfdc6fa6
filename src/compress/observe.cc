#include "compress/observe.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "infer/plan.h"

namespace linnet {
namespace {

// A Plan of the network as it is.
std::unique_ptr<Plan> PlanOf(const Network& network, const Tensor& picture, ThreadPool* pool) {
  CompileOptions options;
  options.height = static_cast<int>(picture.shape().h());
  options.width = static_cast<int>(picture.shape().w());
  options.threads = Threads(pool);
  return Compile(network.graph, network.params, options);
}

// Calls f(value, its numbers on a picture) for every value and picture.
template <class F>
void ForEachValue(const Network& network, std::span<const Tensor> pictures, ThreadPool* pool,
                  Progress& progress, int64_t done, F&& f) {
  Network all = network;
  all.graph.outputs.clear();
  for (size_t i = 0; i < all.graph.nodes.size(); ++i) {
    all.graph.outputs.push_back(static_cast<Value>(i));
  }
  const auto plan = PlanOf(all, pictures[0], pool);
  Check(plan->graph().nodes.size() == network.graph.nodes.size(), "the network was rewritten");
  for (size_t p = 0; p < pictures.size(); ++p) {
    plan->Run(pictures[p].data(), {}, pool);
    for (size_t i = 0; i < plan->outputs(); ++i) f(i, plan->output(i));
    progress.Update(done + static_cast<int64_t>(p) + 1);
  }
}

// Range and sums by channel.
void Extend(const Tensor& numbers, bool first, const std::string& name, Observation& value) {
  const int64_t channels = numbers.shape()[numbers.shape().rank() - 1];
  value.channel_mean.resize(static_cast<size_t>(channels));
  Histogram& histogram = value.histogram;
  if (first) histogram.min = histogram.max = numbers.data()[0];
  for (int64_t i = 0; i < numbers.elements(); ++i) {
    const float x = numbers.data()[i];
    if (!std::isfinite(x)) Fail(ErrorKind::kUsage, "'{}' is not finite on a picture", name);
    histogram.min = std::min(histogram.min, x);
    histogram.max = std::max(histogram.max, x);
    value.channel_mean[static_cast<size_t>(i % channels)] += x;
  }
}

void Count(const Tensor& numbers, Histogram& histogram) {
  const double width = histogram.width();
  const double bins_per_unit = width > 0 ? 1 / width : 0;
  for (int64_t i = 0; i < numbers.elements(); ++i) {
    const int bin = static_cast<int>((numbers.data()[i] - histogram.min) * bins_per_unit);
    ++histogram.counts[std::clamp(bin, 0, Histogram::kBins - 1)];
  }
}

}  // namespace

std::vector<Tensor> CalibrationPictures(ImageCache& images, Split split,
                                        const ImagePipeline& pipeline, int count) {
  const int64_t there = static_cast<int64_t>(images.dataset().items(split).size());
  const int64_t wanted = std::min<int64_t>(count, there);
  std::vector<Tensor> pictures;
  Image scratch;
  PipelineScratch pipeline_scratch;
  for (int64_t i = 0; i < wanted; ++i) {
    const Image* image = images.Get(split, i * there / wanted, scratch);
    if (image == nullptr) continue;
    pictures.emplace_back(pipeline.InputShape());
    Preprocess(*image, pipeline, pictures.back().data(), pipeline_scratch);
  }
  if (pictures.empty()) {
    Fail(ErrorKind::kData, "{}: none of its {} pictures can be read", images.dataset().path,
         FieldToText(split));
  }
  return pictures;
}

std::vector<Observation> Observe(const Network& network, std::span<const Tensor> pictures,
                                 ThreadPool* pool, const ProgressSink& sink) {
  std::vector<Observation> values(network.graph.nodes.size());
  const int64_t count = static_cast<int64_t>(pictures.size());
  Progress progress(sink, "calibrating", 2 * count, "images");
  std::vector<bool> seen(values.size());
  std::vector<double> numbers(values.size());
  ForEachValue(network, pictures, pool, progress, 0, [&](size_t i, const Tensor& value) {
    Extend(value, !seen[i], network.graph.nodes[i].name, values[i]);
    seen[i] = true;
    numbers[i] += static_cast<double>(value.elements());
  });
  for (size_t i = 0; i < values.size(); ++i) {
    const double rows = numbers[i] / static_cast<double>(values[i].channel_mean.size());
    for (double& mean : values[i].channel_mean) mean /= rows;
  }
  ForEachValue(network, pictures, pool, progress, count,
               [&](size_t i, const Tensor& value) { Count(value, values[i].histogram); });
  progress.Finish();
  return values;
}

std::vector<float> Answers(const Network& network, std::span<const Tensor> pictures,
                           ThreadPool* pool) {
  const auto plan = PlanOf(network, pictures[0], pool);
  std::vector<float> answers;
  for (const Tensor& picture : pictures) {
    plan->Run(picture.data(), {}, pool);
    const Tensor& output = plan->output(0);
    answers.insert(answers.end(), output.data(), output.data() + output.elements());
  }
  return answers;
}

double RelativeError(std::span<const float> expected, std::span<const float> actual) {
  Check(expected.size() == actual.size() && !expected.empty(), "answers of two networks");
  double mean = 0, variance = 1e-30, error = 0;
  for (const float x : expected) mean += x;
  mean /= static_cast<double>(expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    variance += (expected[i] - mean) * (expected[i] - mean);
    error += (static_cast<double>(expected[i]) - actual[i]) *
             (static_cast<double>(expected[i]) - actual[i]);
  }
  return error / variance;
}

}  // namespace linnet
