#include "fit/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ReportCandidate Compared(const char* spec, CandidateStatus status,
                         std::vector<ReportTrial> trials) {
  ReportCandidate candidate;
  candidate.spec = spec;
  candidate.status = status;
  candidate.trials = std::move(trials);
  return candidate;
}

TEST(StandardError, IsThatOfAShareAndNeverNone) {
  // sqrt(0.7 * 0.3 / 5000) = 0.00648
  EXPECT_NEAR(StandardError(0.7, 5000), 0.00648, 1e-5);
  EXPECT_GT(StandardError(1, 20), 0.05);
  EXPECT_GT(StandardError(0, 20), 0.05);
}

TEST(ComparisonText, SaysWhetherChanceCouldHaveMadeTheLead) {
  // Errors of 0.64 points each: two standard errors of the difference are 1.8.
  std::vector<ReportCandidate> candidates = {
      Compared("a", CandidateStatus::kWinner, {{1.5, 0.616}, {2.8, 0.708}}),
      Compared("b", CandidateStatus::kFinalist, {{1.5, 0.601}, {2.8, 0.706}}),
      Compared("c", CandidateStatus::kEliminated, {{1.5, 0.71}}),
      Compared("d", CandidateStatus::kTooSlow, {})};
  const std::string close = ComparisonText(candidates, 5000);
  EXPECT_THAT(close, HasSubstr("a leads b by 0.2 points"));
  EXPECT_THAT(close, HasSubstr("up to 1.8 "));
  EXPECT_THAT(close, HasSubstr("either may be the better one"));
  candidates[1].trials[1].accuracy = 0.65;
  EXPECT_THAT(ComparisonText(candidates, 5000), Not(HasSubstr("either")));
}

TEST(ComparisonText, IsEmptyWhereNothingWasCompared) {
  EXPECT_EQ(ComparisonText({}, 100), "");
  EXPECT_EQ(ComparisonText({Compared("a", CandidateStatus::kWinner, {})}, 100), "");
  EXPECT_EQ(ComparisonText({Compared("a", CandidateStatus::kWinner, {{1, 0.5}}),
                            Compared("b", CandidateStatus::kFinalist, {{kUnknown, kUnknown}})},
                           100),
            "");
}

}  // namespace
}  // namespace linnet
