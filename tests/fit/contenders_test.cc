#include "fit/contenders.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace linnet {
namespace {

// Of width w: 2e5 w^2 parameters, and a training that gets slower as it gets wider and larger.
ReportCandidate Candidate(double width, int size) {
  ReportCandidate candidate;
  candidate.spec = fmt::format("net:width={},size={}", width, size);
  candidate.width = width;
  candidate.resolution = size;
  candidate.latency_ms = (width * size * size + size) / 1000;
  candidate.params = static_cast<int64_t>(2e5 * width * width);
  candidate.macs = static_cast<int64_t>(1e5 * width * width * size * size);
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

TEST(ChooseContenders, MuchTimeComparesTheWidestOfEachSize) {
  std::vector<ReportCandidate> candidates = Six();
  candidates.push_back(Candidate(0.75, 32));
  candidates.push_back(Candidate(1.5, 16));
  candidates.push_back(Candidate(2.1, 8));  // 0.28 of the largest
  candidates.push_back(Candidate(3.9, 4));  // 0.24
  const TrainingBounds bounds = {.comparison_seconds = 1e5,
                                 .winner_seconds = 1e5,
                                 .training_pictures = 1e6,
                                 .picture_side = 32};
  EXPECT_EQ(ChooseContenders(bounds, Speed, candidates), (Indices{8, 7, 5}));
}

TEST(ChooseContenders, WhatTheTimeCannotTrainIsLeftOut) {
  std::vector<ReportCandidate> candidates = Six();
  // Needed: 62 500, 250 000 and 1 000 000 pictures. In 200 s at 16 pixels 1.25 million, 312 500 and
  // 78 000 are seen; at 32 pixels a quarter of that.
  const TrainingBounds bounds = {.comparison_seconds = 1e5,
                                 .winner_seconds = 200,
                                 .training_pictures = 1e6,
                                 .picture_side = 32};
  EXPECT_EQ(ChooseContenders(bounds, Speed, candidates), (Indices{1, 3}));
  EXPECT_EQ(candidates[2].status, CandidateStatus::kTooLong);
  EXPECT_EQ(candidates[4].status, CandidateStatus::kTooLong);
  EXPECT_EQ(candidates[5].status, CandidateStatus::kTooLong);
  EXPECT_EQ(candidates[3].status, CandidateStatus::kNotTried);
}

TEST(ChooseContenders, FewPicturesAreEnoughAfterSomePasses) {
  std::vector<ReportCandidate> candidates = Six();
  // 30 passes are 30 000 pictures; in 200 s even the widest at 16 pixels sees more.
  const TrainingBounds bounds = {.comparison_seconds = 1e5,
                                 .winner_seconds = 200,
                                 .training_pictures = 1000,
                                 .picture_side = 32};
  EXPECT_EQ(ChooseContenders(bounds, Speed, candidates), (Indices{2, 4}));
  EXPECT_EQ(candidates[5].status, CandidateStatus::kTooLong);
}

TEST(ChooseContenders, EnlargedPicturesAreNoLarger) {
  std::vector<ReportCandidate> candidates = Six();
  candidates.push_back(Candidate(0.49, 64));  // at 32 pixels just under a quarter of the largest
  const TrainingBounds bounds = {.comparison_seconds = 1e5,
                                 .winner_seconds = 1e6,
                                 .training_pictures = 1e6,
                                 .picture_side = 32};
  EXPECT_EQ(ChooseContenders(bounds, Speed, candidates), (Indices{2, 5}));
  candidates.back() = Candidate(0.51, 64);
  EXPECT_EQ(ChooseContenders(bounds, Speed, candidates), (Indices{2, 5, 6}));
}

TEST(ChooseContenders, ShortRoundsCompareFewer) {
  std::vector<ReportCandidate> candidates = Six();
  // The largest trains at 98 pictures a second, the widest of 16 pixels at 391: on 10 000 pictures
  // both together take 128 s.
  TrainingBounds bounds = {.comparison_seconds = 120,
                           .winner_seconds = 1e5,
                           .training_pictures = 1e6,
                           .picture_side = 32};
  EXPECT_EQ(ChooseContenders(bounds, Speed, candidates), (Indices{5}));
  EXPECT_EQ(candidates[2].status, CandidateStatus::kNotTried);
  bounds.comparison_seconds = 140;
  EXPECT_EQ(ChooseContenders(bounds, Speed, candidates), (Indices{2, 5}));
}

TEST(ChooseContenders, WhereNothingCanBeTrainedTheNearestIs) {
  std::vector<ReportCandidate> candidates = Six();
  const TrainingBounds bounds = {.comparison_seconds = 0.1,
                                 .winner_seconds = 0.1,
                                 .training_pictures = 1e6,
                                 .picture_side = 32};
  EXPECT_EQ(ChooseContenders(bounds, Speed, candidates), (Indices{0}));
}

TEST(ChooseContenders, ABudgetBeyondTheTimeChangesNothing) {
  std::vector<ReportCandidate> tight = Six(), wide = Six();
  tight[2].status = tight[4].status = tight[5].status = CandidateStatus::kTooSlow;
  const TrainingBounds bounds = {.comparison_seconds = 1e5,
                                 .winner_seconds = 200,
                                 .training_pictures = 1e6,
                                 .picture_side = 32};
  EXPECT_EQ(ChooseContenders(bounds, Speed, tight), ChooseContenders(bounds, Speed, wide));
}

TEST(ChooseContenders, AsksTheSpeedOnlyOfWhatIsInside) {
  std::vector<ReportCandidate> candidates = Six();
  for (size_t i = 1; i < candidates.size(); ++i) candidates[i].status = CandidateStatus::kTooSlow;
  int asked = 0;
  const TrainingBounds bounds = {
      .comparison_seconds = 1, .winner_seconds = 1, .training_pictures = 1e6, .picture_side = 32};
  const auto speed = [&](const ReportCandidate& c) { return ++asked, Speed(c); };
  EXPECT_EQ(ChooseContenders(bounds, speed, candidates), (Indices{0}));
  EXPECT_EQ(asked, 1);
}

// Of a training whose inputs grow there are more passes in the same time, but not of a short one.
TEST(PassesInSeconds, AreMoreWhereInputsGrow) {
  ReportCandidate candidate = Candidate(0.5, 48);
  candidate.speed = 100;
  EXPECT_DOUBLE_EQ(PassesInSeconds(candidate, 1000, 400), 40);
  candidate.start_size = 0.5f;
  EXPECT_NEAR(PassesInSeconds(candidate, 1000, 400), 40 / 0.69, 2);
  EXPECT_DOUBLE_EQ(PassesInSeconds(candidate, 1000, 20), 2);
}

}  // namespace
}  // namespace linnet
