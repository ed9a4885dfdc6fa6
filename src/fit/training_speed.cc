#include "fit/training_speed.h"

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "train/trainer.h"

namespace linnet {
namespace {

// The first meets cold caches and an empty loader.
constexpr int kWarmUpSteps = 1;
constexpr int kSteps = 5;

std::unique_ptr<Loader> LoaderOf(const TrainJob& job, std::shared_ptr<ImageCache> images) {
  return Loader::Train(std::move(images), Split::kTrain, job.pipeline, job.augment,
                       {.batch = job.options.batch,
                        .seed = job.options.seed,
                        .threads = job.options.loader_threads});
}

// The pictures as all passes but the first meet them: decoded already, if all of them can be kept.
std::shared_ptr<ImageCache> AsInLaterPasses(const TrainJob& job) {
  const auto loader = LoaderOf(job, job.images);
  for (int step = 0; step < kWarmUpSteps + kSteps; ++step) loader->Next();
  if (job.images->KeepsAll(Split::kTrain)) return job.images;
  return std::make_shared<ImageCache>(job.images->shared_dataset(), /*max_bytes=*/0);
}

}  // namespace

double TrainingSpeed(const TrainJob& job) {
  ThreadPool pool(job.options.threads);
  const auto loader = LoaderOf(job, AsInLaterPasses(job));
  Trainer trainer(job.graph, {loader->batch(), job.pipeline.height(), job.pipeline.width()},
                  job.options, &pool);
  const Schedule schedule = MakeSchedule(job.options, loader->batches());
  std::vector<double> seconds;
  for (int step = 0; step < kWarmUpSteps + kSteps; ++step) {
    const double begin = SecondsNow();
    const Batch& pictures = *loader->Next();
    trainer.Step(pictures.images, pictures.labels, schedule, step);
    if (step >= kWarmUpSteps) seconds.push_back(SecondsNow() - begin);
  }
  std::nth_element(seconds.begin(), seconds.begin() + kSteps / 2, seconds.end());
  return loader->batch() / seconds[kSteps / 2];
}

}  // namespace linnet
