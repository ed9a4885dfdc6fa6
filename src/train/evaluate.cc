#include "train/evaluate.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>

#include "infer/plan.h"

namespace linnet {
namespace {

constexpr int kBatch = 32;

float SoftmaxScore(std::span<const float> scores, int index) {
  double sum = 0;
  for (const float score : scores) sum += std::exp(static_cast<double>(score) - scores[index]);
  return static_cast<float>(1 / sum);
}

// 'probabilities': the scores are some already.
void Count(std::span<const float> scores, bool probabilities, int label, size_t item,
           Evaluation& result) {
  const int classes = static_cast<int>(scores.size());
  const int predicted =
      static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  const int rank = RankOf(scores, label);
  ++result.count;
  result.correct1 += rank == 0;
  result.correct5 += rank < 5;
  ++result.confusion[static_cast<size_t>(label) * classes + predicted];
  if (rank == 0) return;
  const float score = probabilities ? scores[predicted] : SoftmaxScore(scores, predicted);
  result.mistakes.push_back({item, label, predicted, score});
}

// The cache knows the broken pictures of every split that was read.
std::vector<BrokenImage> BrokenIn(const ImageCache& images, Split split) {
  std::vector<BrokenImage> broken = images.broken();
  std::unordered_set<std::string_view> names;
  if (!broken.empty()) {
    for (const DataItem& item : images.dataset().items(split)) names.insert(item.name);
  }
  std::erase_if(broken, [&](const BrokenImage& image) { return !names.contains(image.name); });
  return broken;
}

}  // namespace

int RankOf(std::span<const float> scores, int label) {
  if (!std::isfinite(scores[label])) return static_cast<int>(scores.size()) - 1;
  int rank = 0;
  for (int i = 0; i < static_cast<int>(scores.size()); ++i) {
    rank += scores[i] > scores[label] || (scores[i] == scores[label] && i < label);
  }
  return rank;
}

Evaluation Evaluate(const EvaluateArgs& args) {
  const auto loader = Loader::Evaluation(args.images, args.split, args.pipeline,
                                         {.batch = kBatch, .threads = args.loader_threads});
  const auto plan = Compile(args.graph, args.params,
                            {.batch = loader->batch(),
                             .height = args.pipeline.height(),
                             .width = args.pipeline.width(),
                             .threads = Threads(args.pool),
                             .precision = args.precision});
  const int64_t classes = static_cast<int64_t>(args.images->dataset().classes.size());
  const Tensor& output = plan->output(0);
  if (output.shape().rank() != 2 || output.shape()[1] != classes) {
    Fail(ErrorKind::kUsage, "the data have {} classes, the network's output is {}", classes,
         output.shape().ToString());
  }
  const bool probabilities = EndsInSoftmax(plan->graph());
  Evaluation result;
  result.confusion.resize(static_cast<size_t>(classes * classes));
  Progress progress(args.progress, "evaluating", loader->count(), "images");
  while (const Batch* batch = loader->Next()) {
    plan->Run(batch->images.data(), {}, args.pool);
    for (size_t i = 0; i < batch->labels.size(); ++i) {
      if (batch->labels[i] < 0) continue;
      Count({output.data() + i * classes, static_cast<size_t>(classes)}, probabilities,
            batch->labels[i], static_cast<size_t>(batch->indices[i]), result);
    }
    progress.Update(std::min((batch->index + 1) * loader->batch(), loader->count()));
  }
  progress.Finish();
  result.skipped = BrokenIn(*args.images, args.split);
  if (result.count == 0) {
    Fail(ErrorKind::kData, "none of the {} pictures of '{}' can be decoded; the first: {}",
         result.skipped.size(), FieldToText(args.split),
         result.skipped.empty() ? "" : result.skipped[0].error);
  }
  std::stable_sort(result.mistakes.begin(), result.mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.score > b.score; });
  if (result.mistakes.size() > Evaluation::kMaxMistakes)
    result.mistakes.resize(Evaluation::kMaxMistakes);
  return result;
}

}  // namespace linnet
