// Checkpoint: all that a run needs to go on as if it had never stopped, in one safetensors file.
//
// Random numbers have no state of their own: they are a function of seed, epoch and sample
// (base/rng.h).
#ifndef LINNET_TRAIN_CHECKPOINT_H_
#define LINNET_TRAIN_CHECKPOINT_H_

#include <optional>
#include <string>
#include <vector>

#include "base/tensor.h"

namespace linnet {

// One line of log.csv.
struct EpochLog {
  int epoch = 0;  // from 1
  double lr = 0;
  double train_loss = 0;
  double val_top1 = 0;  // fraction, measured on the Plan
  double val_top5 = 0;

  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("epoch", self.epoch, "");
    v("lr", self.lr, "");
    v("train_loss", self.train_loss, "");
    v("val_top1", self.val_top1, "");
    v("val_top5", self.val_top5, "");
  }
};

// Header and lines of log.csv.
std::string LogToCsv(const std::vector<EpochLog>& log);
// Error (kFile) beginning with 'where' for anything else.
std::vector<EpochLog> LogFromCsv(const std::string& text, const std::string& where = "log.csv");

struct Checkpoint {
  std::string identity;  // graph, options and data: a run goes on only with the same
  int64_t epoch = 0;     // position: epochs done, and steps of the epoch begun
  int64_t step_in_epoch = 0;
  double loss_sum = 0;  // of the epoch begun
  std::vector<EpochLog> log;
  double best_top1 = -1;
  int best_epoch = 0;
  Tensor weights, momentum, average;  // blocks (train/parameters.h)
};

void SaveCheckpoint(const std::string& path, const Checkpoint& checkpoint);
// Nothing if there is no such file. Error (kFile) if it is damaged.
std::optional<Checkpoint> LoadCheckpoint(const std::string& path);

}  // namespace linnet

#endif  // LINNET_TRAIN_CHECKPOINT_H_
