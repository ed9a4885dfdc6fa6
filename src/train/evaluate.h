// Evaluate: accuracy, measured on the compiled Plan, so that what is printed is what ships.
#ifndef LINNET_TRAIN_EVALUATE_H_
#define LINNET_TRAIN_EVALUATE_H_

#include <memory>
#include <span>
#include <vector>

#include "base/precision.h"
#include "base/progress.h"
#include "base/thread_pool.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "data/pipeline.h"
#include "ops/network.h"

namespace linnet {

struct Mistake {
  size_t item = 0;  // index in the split
  int label = 0, predicted = 0;
  float score = 0;  // softmax of the predicted class
};

struct Evaluation {
  int64_t count = 0;  // pictures evaluated: those of the split but for the skipped
  int64_t correct1 = 0, correct5 = 0;
  std::vector<int64_t> confusion;  // [classes, classes]: row = true, column = predicted
  std::vector<Mistake> mistakes;   // most confident first, at most kMaxMistakes
  std::vector<BrokenImage> skipped;
  static constexpr size_t kMaxMistakes = 64;

  double top1() const { return count > 0 ? static_cast<double>(correct1) / count : 0; }
  double top5() const { return count > 0 ? static_cast<double>(correct5) / count : 0; }
};

struct EvaluateArgs {
  const Graph& graph;
  const ParamMap& params;
  const ImagePipeline& pipeline;
  std::shared_ptr<ImageCache> images;
  Split split = Split::kVal;
  Precision precision = Precision::kFloat32;  // CompileOptions::precision
  int loader_threads = 1;
  ThreadPool* pool = nullptr;
  ProgressSink progress;
};

// Compiles the network and runs it over the split. The first output is the answer. Error (kData) if
// the split is empty or every picture is broken.
Evaluation Evaluate(const EvaluateArgs& args);

// The place of 'label' in the order of falling scores; of equal scores the lower index comes first.
int RankOf(std::span<const float> scores, int label);

}  // namespace linnet

#endif  // LINNET_TRAIN_EVALUATE_H_
