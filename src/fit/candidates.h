// Candidates: the networks that fit chooses from, and what the budget leaves of them.
#ifndef LINNET_FIT_CANDIDATES_H_
#define LINNET_FIT_CANDIDATES_H_

#include <vector>

#include "fit/fit.h"
#include "train/recipe.h"

namespace linnet {

// A part of the latency budget that candidates must leave free, because the delivered file is
// measured again, at another moment. 3 % is what medians of one network differ by between two quiet
// moments.
inline constexpr double kLatencyMargin = 0.03;

// The input sizes to try for pictures of this size: parts of their own size and, for small
// pictures, one and a half times it (accuracy of small pictures gains from being enlarged, as the
// first layers keep their resolution). Multiples of 8.
std::vector<int> DefaultSizes(const PictureSurvey& survey);

// Builds every width x size and measures each on this machine. The options given in
// FitOptions::arch hold for all.
std::vector<ReportCandidate> MeasureCandidates(const FitOptions& options, const Dataset& data,
                                               const PictureSurvey& survey, const FitHooks& hooks);

// Networks of one input size that are compared by training: the widest that meet the budget. Not
// the widest alone, because it may be too large for the minutes there are: on CIFAR-10 and ten
// minutes a budget of 1 ms then gave a worse network than one of 0.3 ms.
inline constexpr size_t kWidthsCompared = 2;

// Marks what breaks the budget (kTooSlow, kTooLarge) and, of the rest, what kWidthsCompared wider
// networks of the same size make pointless (kNotTried). Returns the indices of the others, fastest
// first.
std::vector<size_t> ApplyBudget(const FitOptions& options,
                                std::vector<ReportCandidate>& candidates);

// The candidate that breaks the budget by the smallest factor.
const ReportCandidate& NearestCandidate(const FitOptions& options,
                                        const std::vector<ReportCandidate>& candidates);

}  // namespace linnet

#endif  // LINNET_FIT_CANDIDATES_H_
