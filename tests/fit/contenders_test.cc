#include "fit/contenders.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace linnet {
namespace {

// Of width w: 4e6 w^2 parameters, and a training that gets slower as it gets wider and larger.
ReportCandidate Candidate(double width, int size) {
  ReportCandidate candidate;
  candidate.spec = fmt::format("net:width={},size={}", width, size);
  candidate.width = width;
  candidate.resolution = size;
  candidate.latency_ms = (width * size * size + size) / 1000;
  candidate.params = static_cast<int64_t>(4e6 * width * width);
  return candidate;
}

double Speed(const ReportCandidate& c) {
  return 1e5 / (c.width * c.width * c.resolution * c.resolution);
}

// Widths 0.25, 0.5 and 1 (0 to 2) at 16 pixels, then (3 to 5) at 32.
std::vector<ReportCandidate> Six() {
  std::vector<ReportCandidate> candidates;
  for (const int size : {16, 32}) {
    for (const double width : {0.25, 0.5, 1.0}) candidates.push_back(Candidate(width, size));
  }
  return candidates;
}

using Indices = std::vector<size_t>;

TEST(ChooseContenders, MuchTimeComparesTheTwoWidestOfEachResolution) {
  std::vector<ReportCandidate> candidates = Six();
  const TrainingTime time = {
      .comparison_seconds = 1e5, .winner_seconds = 1e5, .training_pictures = 1e6};
  EXPECT_EQ(ChooseContenders(time, Speed, candidates), (Indices{1, 2, 4, 5}));
}

TEST(ChooseContenders, WhatTheTimeCannotTrainIsLeftOut) {
  std::vector<ReportCandidate> candidates = Six();
  // Needed: 62 500, 250 000 and 1 000 000 pictures. In 200 s at 16 pixels 1.25 million, 312 500 and
  // 78 000 are seen; at 32 pixels a quarter of that.
  const TrainingTime time = {
      .comparison_seconds = 1e5, .winner_seconds = 200, .training_pictures = 1e6};
  EXPECT_EQ(ChooseContenders(time, Speed, candidates), (Indices{0, 1, 3}));
  EXPECT_EQ(candidates[2].status, CandidateStatus::kTooLong);
  EXPECT_EQ(candidates[4].status, CandidateStatus::kTooLong);
  EXPECT_EQ(candidates[5].status, CandidateStatus::kTooLong);
  EXPECT_EQ(candidates[3].status, CandidateStatus::kNotTried);
}

TEST(ChooseContenders, FewPicturesAreEnoughAfterSomePasses) {
  std::vector<ReportCandidate> candidates = Six();
  // 30 passes are 30 000 pictures; in 200 s even the widest at 16 pixels sees more.
  const TrainingTime time = {
      .comparison_seconds = 1e5, .winner_seconds = 200, .training_pictures = 1000};
  EXPECT_EQ(ChooseContenders(time, Speed, candidates), (Indices{1, 2, 3, 4}));
  EXPECT_EQ(candidates[5].status, CandidateStatus::kTooLong);
}

TEST(ChooseContenders, ShortRoundsCompareOneWidthOfEachResolution) {
  std::vector<ReportCandidate> candidates = Six();
  // A quarter of half of 60 s is too short for 10 000 pictures of the widest at 32 pixels, which
  // trains at 98 a second.
  const TrainingTime time = {
      .comparison_seconds = 60, .winner_seconds = 1e5, .training_pictures = 1e6};
  EXPECT_EQ(ChooseContenders(time, Speed, candidates), (Indices{2, 5}));
  EXPECT_EQ(candidates[1].status, CandidateStatus::kNotTried);
}

TEST(ChooseContenders, WhereNothingCanBeTrainedTheNearestIs) {
  std::vector<ReportCandidate> candidates = Six();
  const TrainingTime time = {
      .comparison_seconds = 0.1, .winner_seconds = 0.1, .training_pictures = 1e6};
  EXPECT_EQ(ChooseContenders(time, Speed, candidates), (Indices{0}));
}

TEST(ChooseContenders, ABudgetBeyondTheTimeChangesNothing) {
  std::vector<ReportCandidate> tight = Six(), wide = Six();
  tight[2].status = tight[4].status = tight[5].status = CandidateStatus::kTooSlow;
  const TrainingTime time = {
      .comparison_seconds = 1e5, .winner_seconds = 200, .training_pictures = 1e6};
  EXPECT_EQ(ChooseContenders(time, Speed, tight), ChooseContenders(time, Speed, wide));
}

TEST(ChooseContenders, AsksTheSpeedOnlyOfWhatIsInside) {
  std::vector<ReportCandidate> candidates = Six();
  for (size_t i = 1; i < candidates.size(); ++i) candidates[i].status = CandidateStatus::kTooSlow;
  int asked = 0;
  const TrainingTime time = {
      .comparison_seconds = 1, .winner_seconds = 1, .training_pictures = 1e6};
  const auto speed = [&](const ReportCandidate& c) { return ++asked, Speed(c); };
  EXPECT_EQ(ChooseContenders(time, speed, candidates), (Indices{0}));
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace linnet
