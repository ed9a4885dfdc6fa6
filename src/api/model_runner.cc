#include "api/model_runner.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace linnet {
namespace {

void ToProbabilities(std::vector<float>& scores) {
  const float most = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (float& score : scores) sum += score = std::exp(score - most);
  for (float& score : scores) score = static_cast<float>(score / sum);
}

}  // namespace

ModelRunner::ModelRunner(Model model, int threads, const KernelChoice& choice)
    : model_(std::move(model)),
      pool_(threads),
      plan_(CompileModel(model_, 1, pool_.threads(), choice)) {
  const Shape& shape = plan_->output(0).shape();
  classes_ = static_cast<int>(shape[shape.rank() - 1]);
  if (shape.elements() != classes_) {
    Fail(ErrorKind::kUsage, "the model's output is {}, which is no list of class scores",
         shape.ToString());
  }
  has_softmax_ = EndsInSoftmax(plan_->graph());
  names_ = model_.labels;
  for (int i = static_cast<int>(names_.size()); i < classes_; ++i) {
    names_.push_back(std::to_string(i));
  }
  input_.resize(static_cast<size_t>(plan_->input_shape().elements()));
  scores_.resize(static_cast<size_t>(classes_));
}

std::vector<ClassScore> ModelRunner::Classify(const ImageView& image, int top) {
  if (image.width <= 0 || image.height <= 0 || image.pixels == nullptr) {
    Fail(ErrorKind::kUsage, "a picture of {}x{} pixels has nothing to see", image.width,
         image.height);
  }
  const std::lock_guard lock(mutex_);
  Preprocess(image, model_.pipeline, input_.data(), scratch_);
  float* outputs[] = {scores_.data()};
  plan_->Run(input_.data(), outputs, &pool_);
  if (!has_softmax_) ToProbabilities(scores_);
  std::vector<ClassScore> ranked(scores_.size());
  for (int i = 0; i < classes_; ++i) ranked[i] = {i, scores_[i]};
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const ClassScore& a, const ClassScore& b) { return a.score > b.score; });
  if (top > 0 && top < classes_) ranked.resize(static_cast<size_t>(top));
  return ranked;
}

Latency ModelRunner::MeasureLatency(const LatencyOptions& options) {
  if (!std::isfinite(options.min_seconds) || options.min_seconds < 0) {
    Fail(ErrorKind::kUsage, "seconds={}: expected 0 or more", options.min_seconds);
  }
  const std::lock_guard lock(mutex_);
  return linnet::MeasureLatency(*plan_, &pool_, options);
}

}  // namespace linnet
