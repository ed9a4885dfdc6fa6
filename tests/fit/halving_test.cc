#include "fit/halving.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace linnet {
namespace {

ReportCandidate Candidate(const char* spec, int size, double speed) {
  ReportCandidate candidate;
  candidate.spec = spec;
  candidate.resolution = size;
  candidate.speed = speed;
  return candidate;
}

TEST(PicturesForEach, AreAsManyForTheSlow) {
  const std::vector<ReportCandidate> candidates = {Candidate("a", 16, 100), Candidate("b", 16, 50),
                                                   Candidate("c", 16, 1)};
  EXPECT_DOUBLE_EQ(PicturesForEach(candidates, {0, 1}, 30), 1000);
  EXPECT_DOUBLE_EQ(PicturesForEach(candidates, {0}, 30), 3000);
}

std::shared_ptr<Dataset> ShapesWithValidation() {
  auto data = std::make_shared<Dataset>(OpenDataset("shapes:count=200,size=16,seed=1"));
  EnsureValidation(*data, 0.1);
  return data;
}

// At 16 and 24 pixels, with these speeds.
std::vector<ReportCandidate> TwoCandidates(double first, double second) {
  return {Candidate("mobilenet_v1:width=0.125,size=16,classes=10,small_input=true", 16, first),
          Candidate("mobilenet_v1:width=0.125,size=24,classes=10,small_input=true", 24, second)};
}

FitOptions SmallBatches() {
  FitOptions options;
  options.batch = 32;
  options.threads = 1;
  return options;
}

TEST(RunHalving, ComparesOnEquallyManyPictures) {
  const auto data = ShapesWithValidation();
  const PictureSurvey survey = SurveyPictures(*data);
  std::vector<ReportCandidate> candidates = TwoCandidates(1000, 100);
  // 2.2 seconds would be 200 pictures for each.
  const size_t winner = RunHalving(SmallBatches(), std::make_shared<ImageCache>(data), survey, 2.2,
                                   candidates, {0, 1}, {});
  ASSERT_EQ(candidates[0].rounds(), 1);
  EXPECT_GT(candidates[0].epochs(), 0);
  EXPECT_EQ(candidates[0].epochs(), candidates[1].epochs());
  EXPECT_EQ(candidates[winner].status, CandidateStatus::kWinner);
  EXPECT_EQ(candidates[1 - winner].status, CandidateStatus::kFinalist);
  EXPECT_GE(candidates[winner].accuracy(), candidates[1 - winner].accuracy());
}

// The first contender waits for pictures that later passes find decoded: that is not its speed.
TEST(RunHalving, ASpeedWithDecodingIsNotTaken) {
  const auto data = ShapesWithValidation();
  const PictureSurvey survey = SurveyPictures(*data);
  data->load = [load = data->load](const DataItem& item) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return load(item);
  };
  std::vector<ReportCandidate> candidates = TwoCandidates(1234, 1234);
  RunHalving(SmallBatches(), std::make_shared<ImageCache>(data), survey, 0.5, candidates, {0, 1},
             {});
  EXPECT_EQ(candidates[0].speed, 1234);
  EXPECT_NE(candidates[1].speed, 1234);
}

}  // namespace
}  // namespace linnet
