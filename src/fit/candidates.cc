#include "fit/candidates.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cost/cost.h"
#include "io/model_file.h"
#include "train/growth.h"

namespace linnet {
namespace {

// More than what TrainingRecord says of a run of fit, so that the delivered file is no larger than
// the candidate was.
constexpr size_t kRecordBytes = 1536;

int RoundToEight(double side) { return std::max(8, static_cast<int>(side / 8 + 0.5) * 8); }

// How many times the budget this candidate takes; at most 1 if it fits.
double BudgetUse(const FitOptions& options, const ReportCandidate& candidate) {
  double use = 0;
  if (options.latency.seconds > 0) {
    use = candidate.latency_ms / (options.latency.ms() * (1 - kLatencyMargin));
  }
  if (options.size.bytes > 0) {
    use = std::max(use,
                   static_cast<double>(candidate.bytes) / static_cast<double>(options.size.bytes));
  }
  return use;
}

ReportCandidate MeasureCandidate(const FitOptions& options, const ArchSpec& spec,
                                 const Dataset& data, const PictureSurvey& survey,
                                 ThreadPool* pool) {
  Model model;
  model.graph = BuildArch(spec);
  model.params = InitParams(model.graph, options.seed);
  model.pipeline = DefaultPipeline(model.graph, survey);
  model.labels = data.classes;
  model.record = nlohmann::json(std::string(kRecordBytes, ' ')).dump();
  const Cost cost = CountCost(model.graph);
  const auto plan = CompileModel(model, 1, options.latency_threads);
  // One busy moment may cost half as much again; what is far too slow is measured once.
  const double budget_ms = options.latency.ms() * (1 - kLatencyMargin);
  const Patience patience = {.budget_ms = budget_ms, .hopeless_ms = 1.5 * budget_ms, .tries = 3};
  TrainOptions training;
  training.start_size = options.start_size;
  const InputSize full = {1, model.pipeline.height(), model.pipeline.width()};
  const bool grows = CannotGrow(model.graph, training, full).empty();
  return {
      .spec = ToString(spec),
      .latency_ms = MeasureLeast(*plan, pool, patience, {.min_seconds = 0.25}).latency.median_ms,
      .bytes = static_cast<int64_t>(ModelToBytes(model).size()),
      .macs = cost.macs,
      .params = cost.params,
      .start_size = grows ? options.start_size : 1};
}

}  // namespace

LeastLatency MeasureLeast(Plan& plan, ThreadPool* pool, const Patience& patience,
                          const LatencyOptions& options) {
  LeastLatency least = {MeasureLatency(plan, pool, options), 1};
  while (least.tries < patience.tries && least.latency.median_ms > patience.budget_ms &&
         least.latency.median_ms <= patience.hopeless_ms) {
    const Latency latency = MeasureLatency(plan, pool, options);
    if (latency.median_ms < least.latency.median_ms) least.latency = latency;
    ++least.tries;
  }
  return least;
}

std::vector<int> DefaultSizes(const PictureSurvey& survey) {
  std::vector<int> sizes;
  const std::vector<double> parts = survey.small() ? std::vector<double>{0.5, 0.75, 1, 1.5}
                                                   : std::vector<double>{0.5, 0.6, 0.7, 0.85, 1};
  const int side = std::min(survey.side, 224);
  for (const double part : parts) sizes.push_back(RoundToEight(part * side));
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

std::vector<ReportCandidate> MeasureCandidates(const FitOptions& options, const Dataset& data,
                                               const PictureSurvey& survey, const FitHooks& hooks) {
  const std::vector<int> sizes = options.sizes.empty() ? DefaultSizes(survey) : options.sizes;
  const ArchSpec base = ParseArchSpec(options.arch);
  ThreadPool pool(options.latency_threads);
  Progress progress(hooks.progress, "measuring candidates",
                    static_cast<int64_t>(sizes.size() * options.widths.size()), "networks");
  std::vector<ReportCandidate> candidates;
  for (const int size : sizes) {
    for (const float width : options.widths) {
      ArchSpec spec = base;
      SetOption(spec, "width", FieldToText(width));
      SetOption(spec, "size", std::to_string(size));
      ReportCandidate candidate =
          MeasureCandidate(options, FitArchToData(spec, data, survey), data, survey, &pool);
      candidate.width = width;
      candidate.resolution = size;
      progress.Update(static_cast<int64_t>(candidates.size()) + 1,
                      fmt::format("{} {:.3f} ms", candidate.spec, candidate.latency_ms));
      candidates.push_back(std::move(candidate));
      if (hooks.interrupt != nullptr && *hooks.interrupt) {
        Fail(ErrorKind::kInterrupted, "interrupted while measuring; nothing was written");
      }
    }
  }
  progress.Finish();
  return candidates;
}

int64_t ApplyBudget(const FitOptions& options, std::vector<ReportCandidate>& candidates) {
  int64_t inside = 0;
  for (ReportCandidate& candidate : candidates) {
    if (options.size.bytes > 0 && candidate.bytes > options.size.bytes) {
      candidate.status = CandidateStatus::kTooLarge;
    } else if (BudgetUse(options, candidate) > 1) {
      candidate.status = CandidateStatus::kTooSlow;
    } else {
      candidate.status = CandidateStatus::kNotTried;
      ++inside;
    }
  }
  return inside;
}

const ReportCandidate& NearestCandidate(const FitOptions& options,
                                        const std::vector<ReportCandidate>& candidates) {
  return *std::min_element(candidates.begin(), candidates.end(),
                           [&](const ReportCandidate& a, const ReportCandidate& b) {
                             return BudgetUse(options, a) < BudgetUse(options, b);
                           });
}

}  // namespace linnet
