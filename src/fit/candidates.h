// Candidates: the networks that fit chooses from, and what the budget leaves of them.
#ifndef LINNET_FIT_CANDIDATES_H_
#define LINNET_FIT_CANDIDATES_H_

#include <limits>
#include <vector>

#include "fit/fit.h"
#include "infer/latency.h"
#include "train/recipe.h"

namespace linnet {

// A part of the latency budget that candidates must leave free, because the delivered file is
// measured again, at another moment. 3 % is what medians of one network differ by between two quiet
// moments.
inline constexpr double kLatencyMargin = 0.03;

struct Patience {
  double budget_ms = 0;
  double hopeless_ms = std::numeric_limits<double>::infinity();
  int tries = 1;
};
struct LeastLatency {
  Latency latency;
  int tries = 0;  // measurements that were made
};
// The measurement with the least median of up to 'tries', as others may have had the machine for a
// moment. They end with the first inside the budget, and with one beyond 'hopeless_ms'.
LeastLatency MeasureLeast(Plan& plan, ThreadPool* pool, const Patience& patience,
                          const LatencyOptions& options);

// The input sizes to try for pictures of this size: parts of their own size and, for small
// pictures, one and a half times it (accuracy of small pictures gains from being enlarged, as the
// first layers keep their resolution). Multiples of 8.
std::vector<int> DefaultSizes(const PictureSurvey& survey);

// Builds every width x size and measures each on this machine. The options given in
// FitOptions::arch hold for all.
std::vector<ReportCandidate> MeasureCandidates(const FitOptions& options, const Dataset& data,
                                               const PictureSurvey& survey, const FitHooks& hooks);

// Marks what breaks the budget (kTooSlow, kTooLarge); the rest is kNotTried. Returns how many are
// inside.
int64_t ApplyBudget(const FitOptions& options, std::vector<ReportCandidate>& candidates);

// The candidate that breaks the budget by the smallest factor.
const ReportCandidate& NearestCandidate(const FitOptions& options,
                                        const std::vector<ReportCandidate>& candidates);

}  // namespace linnet

#endif  // LINNET_FIT_CANDIDATES_H_
