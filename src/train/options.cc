#include "train/options.h"

#include <algorithm>
#include <cmath>

#include "base/thread_pool.h"
#include "data/loader.h"

namespace linnet {
namespace {

template <class T>
void Expect(const char* name, T value, double low, double high) {
  if (!(value >= static_cast<T>(low) && value <= static_cast<T>(high))) {
    Fail(ErrorKind::kUsage, "{}={}: expected {} to {}", name, value, low, high);
  }
}

}  // namespace

void CheckOptions(const TrainOptions& o) {
  Expect("epochs", o.epochs, 1, 1e6);
  Expect("batch", o.batch, 1, 65536);
  Expect("lr", o.lr, 0, 1e3);
  Expect("steps", o.steps, 0, 1e12);
  Expect("warmup_epochs", o.warmup_epochs, 0, 1e6);
  Expect("momentum", o.momentum, 0, 0.99999);
  Expect("weight_decay", o.weight_decay, 0, 1);
  Expect("label_smoothing", o.label_smoothing, 0, 0.999);
  Expect("ema", o.ema, 0, 0.999999);
  Expect("start_size", o.start_size, 0.1, 1);
  Expect("threads", o.threads, 0, kMostThreads);
  Expect("loader_threads", o.loader_threads, 1, kMostLoaderThreads);
  Expect("checkpoint_minutes", o.checkpoint_minutes, 0, 1e6);
}

Schedule MakeSchedule(const TrainOptions& options, int64_t steps_per_epoch) {
  Schedule schedule;
  schedule.steps = options.steps > 0 ? options.steps : options.epochs * steps_per_epoch;
  const double warmup = options.warmup_epochs * static_cast<double>(steps_per_epoch);
  schedule.warmup_steps =
      static_cast<int64_t>(std::min(warmup, 0.1 * static_cast<double>(schedule.steps)));
  return schedule;
}

float LearningRate(const TrainOptions& options, const Schedule& schedule, int64_t step) {
  constexpr double kPi = 3.14159265358979323846;
  const double done = static_cast<double>(step),
               warmup = static_cast<double>(schedule.warmup_steps);
  if (step < schedule.warmup_steps)
    return static_cast<float>(options.lr * (done + 1) / (warmup + 1));
  const double progress =
      (done - warmup) / std::max(1.0, static_cast<double>(schedule.steps) - warmup);
  return static_cast<float>(options.lr * 0.5 * (1 + std::cos(kPi * std::min(1.0, progress))));
}

float EmaDecay(const TrainOptions& options, int64_t step) {
  const double ramp = (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step));
  return static_cast<float>(std::min<double>(options.ema, ramp));
}

}  // namespace linnet
