// How to train: every knob, with its default.
#ifndef LINNET_TRAIN_OPTIONS_H_
#define LINNET_TRAIN_OPTIONS_H_

#include <cstdint>

#include "base/fields.h"

namespace linnet {

struct TrainOptions {
  int epochs = 30;
  int64_t steps = 0;
  int batch = 128;
  float lr = 0.1f;
  float warmup_epochs = 1;
  float momentum = 0.9f;
  bool nesterov = true;
  float weight_decay = 5e-4f;
  float label_smoothing = 0.1f;
  float ema = 0.999f;
  float start_size = 1;
  uint64_t seed = 1;
  int threads = 0;
  int loader_threads = 1;
  float checkpoint_minutes = 2;

  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("epochs", self.epochs, "passes over the training pictures");
    v("steps", self.steps, "steps of the whole run, instead of epochs; 0: from epochs");
    v("batch", self.batch, "pictures in a step");
    v("lr", self.lr, "highest learning rate; a cosine takes it to zero");
    v("warmup_epochs", self.warmup_epochs, "epochs over which the learning rate rises to lr");
    v("momentum", self.momentum, "momentum of SGD");
    v("nesterov", self.nesterov, "Nesterov's momentum");
    v("weight_decay", self.weight_decay,
      "decay of weights; batch norm, biases, depthwise filters are spared");
    v("label_smoothing", self.label_smoothing, "share of the target spread over all classes");
    v("ema", self.ema,
      "decay of the average of the weights that is delivered; 0: the last weights");
    v("start_size", self.start_size,
      "side of the inputs in the first epoch, a share of the full one, to which it grows");
    v("seed", self.seed, "the same seed gives the same weights, bit for bit");
    v("threads", self.threads, "threads for arithmetic; 0: the processors this process may use");
    v("loader_threads", self.loader_threads, "threads that decode and augment pictures");
    v("checkpoint_minutes", self.checkpoint_minutes, "minutes between checkpoints");
  }
};

// Error (kUsage) naming the first option out of range.
void CheckOptions(const TrainOptions& options);

// Where a step stands in the run; 'step' counts from 0.
struct Schedule {
  int64_t steps = 1;
  int64_t warmup_steps = 0;
};
// Warm-up takes at most a tenth of the run.
Schedule MakeSchedule(const TrainOptions& options, int64_t steps_per_epoch);

// Linear warm-up, then half a cosine to zero (1608.03983).
float LearningRate(const TrainOptions& options, const Schedule& schedule, int64_t step);

// The decay of the average at 'step': min(ema, (1 + step) / (10 + step)), so that the first steps,
// whose weights are mostly noise, are soon forgotten (TensorFlow's ExponentialMovingAverage).
float EmaDecay(const TrainOptions& options, int64_t step);

}  // namespace linnet

#endif  // LINNET_TRAIN_OPTIONS_H_
