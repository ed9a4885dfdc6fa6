// Fit: from a data set and a budget to a network of the right size, trained, measured, in one file.
//
// The steps, each a function of fit.cc:
//   1. every width x resolution is compiled and its latency measured on this machine
//   (candidates.h);
//   2. what breaks the budget is dropped, and what the minutes cannot train (contenders.h);
//   3. the widest of each resolution that are left are compared by short training: successive
//   halving (1502.07943), equally many pictures for each;
//   4. the winner is trained for the rest of the time;
//   5. the file is written, read back, verified, and measured again.
#ifndef LINNET_FIT_FIT_H_
#define LINNET_FIT_FIT_H_

#include <string>
#include <vector>

#include "base/fields.h"
#include "base/units.h"
#include "fit/report.h"
#include "train/train.h"

namespace linnet {

struct FitOptions {
  std::string data;
  std::string out = "runs/fit";
  std::string arch = "mobilenet_v1";
  Duration latency;
  ByteSize size;
  double minutes = 10;
  std::vector<float> widths = {0.125f, 0.25f, 0.35f, 0.5f, 0.75f, 1.0f};
  std::vector<int> sizes;
  int latency_threads = 1;
  int threads = 0;
  // Small: its maps stay in the third-level cache, and `bench_train` with two threads makes 252,
  // 253, 243 images/s of batches of 32 and 223, 237, 200 of 64.
  int batch = 32;
  // High for such batches, as trainings here are short. `linnet train mobilenet_v1 --batch 32
  // --start-size 0.5 --lr LR` on CIFAR-10, test pictures: --width 0.25 --epochs 12 ends at 82.5 %
  // with 0.025, 84.5 with 0.05, 84.8 with 0.1, 84.6 with 0.2; --width 0.125 --epochs 5 at 65.3 with
  // 0.05, 68.9 with 0.1, 66.1 with 0.2.
  float lr = 0.1f;
  float weight_decay = 5e-4f;
  // `linnet train mobilenet_v1 --width 0.25 --batch 32 --lr 0.2` on CIFAR-10, two threads, test
  // pictures: --size 48 --epochs 8 takes 658 s to 84.16 %, --epochs 12 --start-size 0.5 662 s to
  // 85.35 %; --size 32 --epochs 16 577 s to 85.77 %, --epochs 24 --start-size 0.5 666 s to 86.48 %.
  // (Before filters of depthwise convolutions began as small as now, and before augment.pad was
  // rounded: it was 2 instead of 3 at 32 of 48 pixels.)
  float start_size = 0.5f;
  uint64_t seed = 1;

  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("data", self.data, "data set: folder, tar, IDX, CIFAR, or shapes:count=...");
    v("out", self.out, "folder for the model, the report and fit.json");
    v("arch", self.arch, "architecture whose width and size are chosen, with other options of it");
    v("latency", self.latency,
      "budget: median time of one picture on this machine, as 0.3ms; 0: none");
    v("size", self.size, "budget: bytes of the model file, as 500KB; 0: none");
    v("minutes", self.minutes, "time for everything, measuring and training");
    v("widths", self.widths, "width multipliers to try");
    v("sizes", self.sizes, "input sizes in pixels to try; empty: from the pictures' own size");
    v("latency_threads", self.latency_threads, "threads of the latency measurement");
    v("threads", self.threads, "threads for training; 0: the processors this process may use");
    v("batch", self.batch, "pictures in a training step");
    v("lr", self.lr, "highest learning rate");
    v("weight_decay", self.weight_decay, "decay of weights");
    v("start_size", self.start_size,
      "side of the inputs in the winner's first epoch, a share of the full one, to which it grows "
      "where the network allows");
    v("seed", self.seed, "seed of all random choices");
  }
};

// Of the delivered file, where there is one.
struct FitResult {
  std::string arch;           // "mobilenet_v1"
  std::string options;        // "width=0.5,size=32,..."
  double top1 = kUnknown;     // a fraction, on 'count' pictures of 'split'
  Split split = Split::kVal;  // test if the data have it; else val, which also chose the network
  int64_t count = 0;
  double latency_ms = kUnknown;  // median: the least of so many measurements
  int latency_tries = 0;
  int64_t bytes = 0;
  std::string file;
  int64_t skipped = 0;  // broken pictures
  std::vector<ReportCandidate> candidates;
  int64_t compared_on = 0;  // validation pictures of the comparison
  std::string comparison;   // what its last round says, in a sentence; empty: there was none
};

struct FitHooks {
  ProgressSink progress;
  const std::atomic<bool>* interrupt = nullptr;
};

// Writes OUT/model.safetensors, OUT/report.html, OUT/fit.json. fit.json is written early, with what
// is known then, and the model whenever the winner's training has a better one (at most once a
// minute), so that a run that ends before its time leaves something. Error (kBudget) naming the
// nearest candidate if nothing meets the budget (the report and fit.json are written all the same),
// (kData), (kUsage), (kInterrupted).
FitResult Fit(const FitOptions& options, const FitHooks& hooks);

}  // namespace linnet

#endif  // LINNET_FIT_FIT_H_
