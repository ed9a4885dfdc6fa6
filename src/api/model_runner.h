// ModelRunner: a model made ready to answer what is in a picture. Commands and public headers use
// it.
#ifndef LINNET_API_MODEL_RUNNER_H_
#define LINNET_API_MODEL_RUNNER_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "data/pipeline.h"
#include "infer/latency.h"
#include "infer/plan.h"
#include "io/model_file.h"

namespace linnet {

struct ClassScore {
  int index = 0;
  float score = 0;  // softmax
};

// Safe from any thread: calls take turns.
class ModelRunner {
 public:
  // threads 0: all that this process may use. Error (kUsage) below 0, or if the model's first
  // output is no list of class scores.
  ModelRunner(Model model, int threads, const KernelChoice& choice = {});

  const Model& model() const { return model_; }
  int classes() const { return classes_; }
  // The model's name of a class, or its number.
  const std::string& LabelName(int index) const { return names_[static_cast<size_t>(index)]; }

  // The 'top' best classes, best first, of equals the lower index; top <= 0: all. Error (kUsage) if
  // the picture has no pixels.
  std::vector<ClassScore> Classify(const ImageView& image, int top);
  Latency MeasureLatency(const LatencyOptions& options);

 private:
  Model model_;
  ThreadPool pool_;
  std::unique_ptr<Plan> plan_;
  int classes_ = 0;
  bool has_softmax_ = false;
  std::vector<std::string> names_;
  std::mutex mutex_;  // over what follows, and Plan::Run
  PipelineScratch scratch_;
  std::vector<float> input_, scores_;
};

}  // namespace linnet

#endif  // LINNET_API_MODEL_RUNNER_H_
