// Train: from a data set and an untrained network to trained parameters.
#ifndef LINNET_TRAIN_TRAIN_H_
#define LINNET_TRAIN_TRAIN_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "data/pipeline.h"
#include "ops/network.h"
#include "train/checkpoint.h"
#include "train/options.h"

namespace linnet {

// After which epochs the validation pictures are looked at; the log's accuracies are 0 elsewhere.
enum class Validation { kNever, kAtTheEnd, kEveryEpoch };

struct TrainJob {
  Graph graph;
  ImagePipeline pipeline;
  AugmentOptions augment;
  TrainOptions options;
  // The data set, with what is decoded of it.
  std::shared_ptr<ImageCache> images;
  // Of checkpoint.safetensors and log.csv; a run found there goes on. Empty: nothing is written.
  std::string folder;
  Validation validation = Validation::kEveryEpoch;
};

struct TrainHooks {
  ProgressSink progress;
  // Set by Ctrl-C: a checkpoint is written, and Error (kInterrupted) thrown.
  const std::atomic<bool>* interrupt = nullptr;
  // Where the run would take longer, it is shortened, and its learning rate falls sooner: decided
  // from the time that everything took so far, at the ends of epochs and, after the first tenth of
  // the time, after each step. 0: no limit. With one, the result depends on the machine's speed,
  // too.
  double seconds = 0;
  // The best parameters so far, by validation on the Plan (the later of equals).
  std::function<void(const ParamMap&, const EpochLog&)> best;
};

struct TrainResult {
  ParamMap params;  // as delivered after the last step
  std::vector<EpochLog> log;
  int best_epoch = 0;
  int64_t steps = 0;
  // Of training alone, over inputs of all sizes it had; 0 if nothing was left to do.
  double images_per_second = 0;
  std::vector<BrokenImage> broken;
};

// Thrown where the loss is no number any more; kUsage.
struct Diverged : Error {
  using Error::Error;
};

// Error (kData) if a split is missing or broken, (kUsage) if network, pipeline and classes do not
// fit together or the folder holds another run, (kInterrupted) as above; Diverged. The result
// depends on the job's arguments only: not on the number of threads, nor on where it was stopped
// and resumed.
TrainResult Train(const TrainJob& job, const TrainHooks& hooks);

}  // namespace linnet

#endif  // LINNET_TRAIN_TRAIN_H_
