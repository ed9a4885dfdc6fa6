#include "fit/fit.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "base/clock.h"
#include "base/fields_json.h"
#include "base/file.h"
#include "fit/candidates.h"
#include "fit/comparison.h"
#include "fit/contenders.h"
#include "fit/fit_json.h"
#include "fit/halving.h"
#include "fit/report_fill.h"
#include "fit/training_speed.h"

namespace linnet {
namespace {

// What goes where, of the time that is left after measuring. The comparison gets a quarter of what
// the winner gets, whose training is the result: all see equally many pictures, so a few passes
// tell. The rest is for the last evaluation and slow moments.
constexpr double kComparisonShare = 0.2;
constexpr double kReserveShare = 0.08;
// The winner's best network so far is written no more often than this.
constexpr double kSaveSeconds = 60;
// Where the data have no validation split, this part of the training pictures becomes one.

class FitRun {
 public:
  FitRun(const FitOptions& options, const FitHooks& hooks)
      : options_(options), hooks_(hooks), end_(SecondsNow() + options.minutes * 60) {
    auto data = std::make_shared<Dataset>(OpenDataset(options.data));
    RequireSplit(*data, Split::kTrain);
    EnsureValidation(*data, kDefaultValFraction);
    RequireSplit(*data, Split::kVal);
    options_.batch = static_cast<int>(
        std::min<int64_t>(options_.batch, static_cast<int64_t>(data->items(Split::kTrain).size())));
    for (const std::string& note : data->notes) hooks_.progress.Say(note);
    survey_ = SurveyPictures(*data);
    images_ = std::make_shared<ImageCache>(data);
    report_.arguments = FactsOf(options);  // as they were given
    std::filesystem::create_directories(options.out);
  }

  FitResult Go() {
    result_.candidates = MeasureCandidates(options_, data(), survey_, hooks_);
    const int64_t inside = ApplyBudget(options_, result_.candidates);
    BeginReport();
    if (inside == 0) FailBudget();
    WriteJson();
    const std::vector<size_t> racing = Contenders();
    hooks_.progress.Say(fmt::format(
        "{} of {} candidates meet the budget, {} of them cannot be trained in the time; {}", inside,
        result_.candidates.size(), CountTooLong(),
        racing.size() > 1 ? fmt::format("comparing {}", racing.size()) : "nothing to compare"));
    if (inside == CountTooLong()) {
      hooks_.progress.Say(
          fmt::format("{:g} minutes are too short to train any of them well; give more if you can",
                      options_.minutes));
    }
    const size_t winner = Compare(racing);
    TrainWinner(result_.candidates[winner]);
    MeasureDelivered();
    WriteResults();
    if (!InsideBudget()) FailDelivered();
    return result_;
  }

 private:
  const Dataset& data() const { return images_->dataset(); }
  double Left() const { return std::max(0.0, end_ - SecondsNow()); }
  std::string ModelPath() const { return options_.out + "/model.safetensors"; }

  int64_t CountTooLong() const {
    return std::count_if(
        result_.candidates.begin(), result_.candidates.end(),
        [](const ReportCandidate& c) { return c.status == CandidateStatus::kTooLong; });
  }

  std::vector<size_t> Contenders() {
    hooks_.progress.Say("measuring how fast they train");
    const double left = Left();
    const TrainingBounds bounds = {
        .comparison_seconds = left * kComparisonShare,
        .winner_seconds = left * (1 - kComparisonShare) * (1 - kReserveShare),
        .training_pictures = static_cast<double>(data().items(Split::kTrain).size()),
        .picture_side = survey_.side};
    return ChooseContenders(
        bounds,
        [&](const ReportCandidate& candidate) {
          return TrainingSpeed(CandidateJob(options_, candidate, images_, survey_));
        },
        result_.candidates);
  }

  size_t Compare(const std::vector<size_t>& racing) {
    const size_t winner = RunHalving(options_, images_, survey_, Left() * kComparisonShare,
                                     result_.candidates, racing, hooks_);
    if (racing.size() > 1) {
      result_.compared_on = static_cast<int64_t>(data().items(Split::kVal).size());
    }
    result_.comparison = ComparisonText(result_.candidates, result_.compared_on);
    if (!result_.comparison.empty()) hooks_.progress.Say(result_.comparison);
    WriteJson();
    return winner;
  }

  void BeginReport() {
    report_.verb = "fit";
    report_.budget_ms = options_.latency.ms();
    report_.budget_bytes = options_.size.bytes;
  }

  void TrainWinner(const ReportCandidate& winner) {
    hooks_.progress.Say("training " + winner.spec);
    expected_ms_ = winner.latency_ms;
    TrainJob job = CandidateJob(options_, winner, images_, survey_);
    job.options.start_size = winner.start_size;
    const double seconds = Left() * (1 - kReserveShare);
    const double pictures = static_cast<double>(data().items(Split::kTrain).size());
    job.options.steps =
        std::max<int64_t>(1, static_cast<int64_t>(PassesInSeconds(winner, pictures, seconds) *
                                                  pictures / options_.batch));
    ParamMap best;
    EpochLog best_row;
    double saved = -std::numeric_limits<double>::infinity();
    const auto save = [&](int64_t steps) {
      // Of the log one line, so that the file is no larger than when candidates were measured.
      const TrainResult so_far = {.log = {best_row}, .best_epoch = best_row.epoch, .steps = steps};
      SaveModel(ModelPath(), {.graph = job.graph,
                              .params = best,
                              .pipeline = job.pipeline,
                              .labels = data().classes,
                              .record = TrainingRecord(job, so_far)});
      saved = SecondsNow();
    };
    TrainResult trained;
    try {
      trained = Train(job, {.progress = hooks_.progress,
                            .interrupt = hooks_.interrupt,
                            .seconds = seconds,
                            .best = [&](const ParamMap& params, const EpochLog& row) {
                              best = params;
                              best_row = row;
                              if (SecondsNow() - saved >= kSaveSeconds) save(0);
                            }});
    } catch (const Error&) {  // Ctrl-C, or training has diverged: minutes of work are kept
      if (!best.empty()) {
        save(0);
        hooks_.progress.Say(fmt::format("{} is the best so far: {:.2f} % after epoch {}",
                                        ModelPath(), 100 * best_row.val_top1, best_row.epoch));
      }
      throw;
    }
    save(trained.steps);
    job.options.steps = trained.steps;
    const ArchSpec spec = ParseArchSpec(winner.spec);
    result_.arch = spec.name;
    result_.options = winner.spec.substr(std::min(winner.spec.size(), spec.name.size() + 1));
    report_.spec = winner.spec;
    FillTraining(report_, job, trained);
    FillData(report_, data(), job.pipeline);
  }

  // Everything is measured on the file: read back, verified against its check vectors, compiled.
  void MeasureDelivered() {
    const Model model = LoadModel(ModelPath());
    VerifyModel(model, ModelPath());
    ThreadPool pool(options_.threads), latency_pool(options_.latency_threads);
    const auto plan = CompileModel(model, 1, options_.latency_threads);
    const Patience patience = {.budget_ms = options_.latency.ms(),
                               .tries = options_.latency.seconds > 0 ? 10 : 1};
    const LeastLatency measured = MeasureLeast(*plan, &latency_pool, patience, {.min_seconds = 1});
    const Latency& latency = measured.latency;
    FillModel(report_, ModelPath(), model, *plan, latency);
    report_.latency_tries = measured.tries;
    FillSteps(report_, *plan, &latency_pool);
    const Split split = data().items(Split::kTest).empty() ? Split::kVal : Split::kTest;
    const Evaluation evaluation = Evaluate({.graph = model.graph,
                                            .params = model.params,
                                            .pipeline = model.pipeline,
                                            .images = images_,
                                            .split = split,
                                            .pool = &pool,
                                            .progress = hooks_.progress});
    FillEvaluation(report_, evaluation, *images_, split);
    result_.top1 = evaluation.top1();
    result_.split = split;
    result_.count = evaluation.count;
    result_.latency_ms = latency.median_ms;
    result_.latency_tries = measured.tries;
    result_.bytes = report_.bytes;
    result_.file = ModelPath();
    result_.skipped = static_cast<int64_t>(report_.skipped.size());
  }

  void WriteJson() const {
    WriteFileAtomic(options_.out + "/fit.json", JsonDocument(FitToJson(options_, result_)));
  }

  void WriteResults() {
    report_.candidates = result_.candidates;
    report_.compared_on = result_.compared_on;
    WriteFileAtomic(options_.out + "/report.html", RenderReport(report_));
    WriteJson();
  }

  bool InsideBudget() const {
    return (options_.latency.seconds <= 0 || result_.latency_ms <= options_.latency.ms()) &&
           (options_.size.bytes <= 0 || result_.bytes <= options_.size.bytes);
  }

  [[noreturn]] void FailBudget() {
    const ReportCandidate& nearest = NearestCandidate(options_, result_.candidates);
    report_.delivered = false;
    report_.failure = fmt::format("Nothing meets the budget; nearest is {} with {:.3f} ms and {}.",
                                  nearest.spec, nearest.latency_ms, BytesText(nearest.bytes));
    const bool slow = options_.latency.seconds > 0 &&
                      nearest.latency_ms > options_.latency.ms() * (1 - kLatencyMargin);
    if (slow) {
      // Rounded up: what is named here must do.
      const double needed = std::ceil(1e3 * nearest.latency_ms / (1 - kLatencyMargin)) / 1e3;
      report_.failure +=
          fmt::format(" {:g} % of the latency are kept for slow moments: it needs {:.3f} ms.",
                      100 * kLatencyMargin, needed);
    }
    WriteResults();
    Fail(ErrorKind::kBudget, "{} Allow more, or offer smaller {}", report_.failure,
         slow ? "--widths or --sizes" : "--widths");
  }

  [[noreturn]] void FailDelivered() {
    if (options_.size.bytes > 0 && result_.bytes > options_.size.bytes) {
      Fail(ErrorKind::kBudget,
           "the delivered file has {}, more than the {} of the budget; it and the report are in {}",
           BytesText(result_.bytes), BytesText(options_.size.bytes), options_.out);
    }
    Fail(ErrorKind::kBudget,
         "the delivered file takes {:.3f} ms, outside the budget, although it was inside when "
         "candidates were measured ({:.3f} ms): is the machine busy? The model and report are in "
         "{}; `linnet time --model {}` measures again",
         result_.latency_ms, expected_ms_, options_.out, ModelPath());
  }

  FitOptions options_;
  const FitHooks& hooks_;
  const double end_;
  std::shared_ptr<ImageCache> images_;
  PictureSurvey survey_;
  double expected_ms_ = 0;  // of the winner, when candidates were measured
  FitResult result_;
  ReportData report_;
};

void CheckOptions(const FitOptions& options) {
  if (options.data.empty())
    Fail(ErrorKind::kUsage, "fit needs --data: a folder of labelled pictures");
  if (options.out.empty()) Fail(ErrorKind::kUsage, "--out is empty: expected a folder");
  if (options.latency.seconds <= 0 && options.size.bytes <= 0) {
    Fail(ErrorKind::kUsage, "fit needs a budget: --latency 1ms, --size 500KB, or both");
  }
  constexpr double kMostMinutes = 1e6;
  if (!(options.minutes > 0 && options.minutes <= kMostMinutes)) {
    Fail(ErrorKind::kUsage, "minutes={}: expected more than 0, at most {:g}", options.minutes,
         kMostMinutes);
  }
  if (options.latency_threads < 1 || options.latency_threads > kMostThreads) {
    Fail(ErrorKind::kUsage, "latency_threads={}: expected 1 to {}", options.latency_threads,
         kMostThreads);
  }
  const ArchSpec spec = ParseArchSpec(options.arch);
  for (const char* option : {"width", "size"}) {
    if (HasOption(FindArch(spec.name), option)) continue;
    Fail(ErrorKind::kUsage,
         "fit chooses width and size, but {} has no option '{}'; `linnet archs mobilenet` lists "
         "some that have both",
         spec.name, option);
  }
  for (const auto& [name, value] : spec.options) {
    if (name != "width" && name != "size") continue;
    Fail(ErrorKind::kUsage, "--arch {}: fit chooses the {}; to offer this one alone, say --{}s {}",
         options.arch, name, name, value);
  }
  if (options.widths.empty()) Fail(ErrorKind::kUsage, "fit needs at least one of --widths");
  TrainOptions training = TrainOptionsOf(options);
  training.start_size = options.start_size;
  CheckOptions(training);
}

}  // namespace

FitResult Fit(const FitOptions& options, const FitHooks& hooks) {
  CheckOptions(options);
  return FitRun(options, hooks).Go();
}

}  // namespace linnet
