#include "fit/training_speed.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "train/trainer.h"

namespace linnet {
namespace {

// The first meets cold caches and an empty loader.
constexpr int kWarmUpSteps = 1;
constexpr int kSteps = 5;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

double TrainingSpeed(const TrainJob& job) {
  ThreadPool pool(job.options.threads);
  const auto loader = Loader::Train(job.images, Split::kTrain, job.pipeline, job.augment,
                                    {.batch = job.options.batch,
                                     .seed = job.options.seed,
                                     .threads = job.options.loader_threads});
  Trainer trainer(job.graph, {loader->batch(), job.pipeline.height(), job.pipeline.width()},
                  job.options, &pool);
  const Schedule schedule = MakeSchedule(job.options, loader->batches());
  std::vector<double> seconds;
  for (int step = 0; step < kWarmUpSteps + kSteps; ++step) {
    const double begin = Now();
    const Batch& pictures = *loader->Next();
    trainer.Step(pictures.images, pictures.labels, schedule, step);
    if (step >= kWarmUpSteps) seconds.push_back(Now() - begin);
  }
  std::nth_element(seconds.begin(), seconds.begin() + kSteps / 2, seconds.end());
  return loader->batch() / seconds[kSteps / 2];
}

}  // namespace linnet
