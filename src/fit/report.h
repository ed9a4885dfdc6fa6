// report.html: one self-contained page that says what was asked, what was delivered, and why.
//
// Goals: opened from a mail attachment without a network, in twenty years, by somebody who has
// never heard of Linnet; readable on a telephone and on paper; no script, no external resource.
// Non-goals: a dashboard; a source for scripts, which fit.json and log.csv are.
//
// ReportData is plain data, filled by `fit` and by `train`. Every part may be left empty: its
// section is then left out. A number nobody knows is NaN (or 0 where it says so) and is shown as a
// dash. Texts (class names, file names, arguments) may hold anything; they are escaped here.
#ifndef LINNET_FIT_REPORT_H_
#define LINNET_FIT_REPORT_H_

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace linnet {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// What became of a candidate, worst first.
enum class CandidateStatus {
  kTooSlow,     // its latency breaks the budget; never trained
  kTooLarge,    // its file breaks the budget; never trained
  kTooLong,     // inside the budget, but cannot be trained in the minutes there are
  kNotTried,    // inside the budget, but left out of the comparison
  kEliminated,  // compared, and left behind in its last round
  kFinalist,    // reached the last round
  kWinner,
};

// What one round of the comparison found.
struct ReportTrial {
  double epochs = kUnknown;    // passes over the training pictures
  double accuracy = kUnknown;  // top-1 on the validation pictures, a fraction; unknown: it diverged
};

struct ReportCandidate {
  std::string spec;              // "mobilenet_v1:width=0.5,size=160"
  double width = kUnknown;       // width multiplier
  int resolution = 0;            // input side in pixels; 0: unknown
  double latency_ms = kUnknown;  // median on this machine
  int64_t bytes = 0;             // of the model file; 0: unknown
  int64_t macs = 0, params = 0;  // 0: unknown
  double speed = kUnknown;       // pictures a second in training, of full inputs
  float start_size = 1;          // TrainOptions::start_size of its training as the winner
  CandidateStatus status = CandidateStatus::kNotTried;
  std::vector<ReportTrial> trials;  // by round; empty: it took no part in the comparison

  int rounds() const { return static_cast<int>(trials.size()); }
  // Of its last round.
  double accuracy() const { return trials.empty() ? kUnknown : trials.back().accuracy; }
  double epochs() const { return trials.empty() ? kUnknown : trials.back().epochs; }
};

struct ReportEpoch {
  double epoch = 0;  // epochs done, from 1
  double train_loss = kUnknown;
  double val_top1 = kUnknown;  // a fraction
  double learning_rate = kUnknown;
};

struct ReportClass {
  std::string name;
  int64_t train = 0, val = 0, test = 0;  // pictures
};

// A picture the delivered network gets wrong, and how many of them are shown.
inline constexpr size_t kMostMistakes = 24;
struct ReportMistake {
  std::string file;              // or another name of the picture
  std::string label, predicted;  // names of the true and of the predicted class
  double score = kUnknown;       // of the predicted class, a fraction
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // [height, width, 3]; best not larger than 160 x 160
};

struct ReportSkipped {
  std::string file, reason;
};

// A step of the delivered Plan.
struct ReportStep {
  std::string name;            // "block3.depthwise"
  std::string op;              // kernel or operation
  double ms = kUnknown;        // median
  double limit_ms = kUnknown;  // the least that arithmetic and memory of this machine allow
  int64_t macs = 0;
};

// {"width", "0.5"}: shown as rows, in the order given.
using ReportFacts = std::vector<std::pair<std::string, std::string>>;

struct ReportData {
  // ---- what was asked ----
  std::string verb;          // "fit" or "train"
  std::string data;          // the data folder, as given
  double budget_ms = 0;      // 0: no such budget
  int64_t budget_bytes = 0;  // 0: no such budget

  // ---- what was delivered ----
  bool delivered = true;  // false: nothing meets the budget; 'failure' says what is nearest
  std::string failure;    // one sentence
  std::string spec;       // of the delivered network, as one word
  std::string file;       // path of the model file
  int64_t bytes = 0;      // of the model file
  int64_t macs = 0, params = 0;
  double top1 = kUnknown, top5 = kUnknown;  // fractions, measured on the compiled Plan
  std::string eval_split;                   // what they were measured on: "test" or "val"
  int64_t eval_count = 0;                   // pictures in it
  double median_ms = kUnknown, p95_ms = kUnknown, p99_ms = kUnknown;  // of the file, batch 1
  double limit_ms = kUnknown;  // the least this machine allows for this network
  std::string precision;       // "float32"
  int threads = 0;             // of the latency measurement; 0: unknown
  int latency_tries = 1;       // measurements, of which these times are the least
  std::string machine;         // "Intel Xeon ..., AVX-512, 2 processors"

  // ---- how to use it: texts to copy; left out where empty ----
  std::string predict_command;  // "linnet predict --model ... picture.jpg"
  std::string cpp_snippet;

  // ---- why this size ----
  std::vector<ReportCandidate> candidates;  // in any order
  int64_t compared_on = 0;                  // validation pictures of the comparison; 0: unknown

  // ---- how well it does ----
  std::vector<ReportEpoch> epochs;      // in order
  std::vector<ReportClass> classes;     // in the order of the network's outputs
  std::vector<int64_t> confusion;       // [classes, classes]: row = true, column = predicted
  std::vector<ReportMistake> mistakes;  // worst first

  // ---- what it was made from ----
  std::vector<ReportSkipped> skipped;  // broken pictures; all are counted, the first 200 listed
  ReportFacts pipeline;                // the image pipeline, step by step
  std::vector<ReportStep> steps;       // of the Plan, in order
  ReportFacts arguments;               // of the run
  ReportFacts record;                  // seed, versions, wall time, date, ...
};

// The whole page. Never fails: what is not known is left out. The same data give the same bytes.
std::string RenderReport(const ReportData& data);

}  // namespace linnet

#endif  // LINNET_FIT_REPORT_H_
