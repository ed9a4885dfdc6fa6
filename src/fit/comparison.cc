#include "fit/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

// The best of those that the winner beat in its last round; null if there is none.
const ReportCandidate* Second(const std::vector<ReportCandidate>& candidates,
                              const ReportCandidate& winner) {
  const ReportCandidate* second = nullptr;
  for (const ReportCandidate& c : candidates) {
    if (&c == &winner || c.rounds() != winner.rounds() || !std::isfinite(c.accuracy())) continue;
    if (second == nullptr || c.accuracy() > second->accuracy()) second = &c;
  }
  return second;
}

std::string NameOf(const ReportCandidate& c) {
  if (!std::isfinite(c.width) || c.resolution <= 0) return c.spec;
  return fmt::format("width {:g} at {} pixels", c.width, c.resolution);
}

}  // namespace

double StandardError(double accuracy, int64_t pictures) {
  const double n = static_cast<double>(pictures) + 4;
  const double right = std::clamp(accuracy, 0.0, 1.0) * static_cast<double>(pictures) + 2;
  return std::sqrt(right / n * (1 - right / n) / n);
}

std::string ComparisonText(const std::vector<ReportCandidate>& candidates, int64_t pictures) {
  const auto winner =
      std::find_if(candidates.begin(), candidates.end(),
                   [](const ReportCandidate& c) { return c.status == CandidateStatus::kWinner; });
  if (winner == candidates.end() || !std::isfinite(winner->accuracy()) || pictures <= 0) return "";
  const ReportCandidate* second = Second(candidates, *winner);
  if (second == nullptr) return "";
  // The errors of both as if independent: both answer the same pictures, so this is rather much.
  const double chance = 2 * std::hypot(StandardError(winner->accuracy(), pictures),
                                       StandardError(second->accuracy(), pictures));
  const double lead = winner->accuracy() - second->accuracy();
  return fmt::format(
      "{} leads {} by {:.1f} points ({:.1f} and {:.1f} % of {} validation pictures); chance alone "
      "makes up to {:.1f} (two standard errors){}",
      NameOf(*winner), NameOf(*second), 100 * lead, 100 * winner->accuracy(),
      100 * second->accuracy(), pictures, 100 * chance,
      lead < chance ? ": either may be the better one" : "");
}

}  // namespace linnet
