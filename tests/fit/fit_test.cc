#include "fit/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "fit/candidates.h"
#include "io/model_file.h"
#include "test_data.h"

namespace linnet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ReportCandidate Candidate(double width, int size, double ms, int64_t bytes) {
  ReportCandidate candidate;
  candidate.spec = fmt::format("net:width={},size={}", width, size);
  candidate.width = width;
  candidate.resolution = size;
  candidate.latency_ms = ms;
  candidate.bytes = bytes;
  return candidate;
}

FitOptions Budget(double ms, int64_t bytes) {
  FitOptions options;
  options.latency.seconds = ms / 1e3;
  options.size.bytes = bytes;
  return options;
}

TEST(ApplyBudget, MarksWhatBreaksIt) {
  std::vector<ReportCandidate> candidates = {
      Candidate(0.25, 16, 0.1, 100), Candidate(0.5, 16, 1.5, 200), Candidate(1, 16, 0.5, 900)};
  EXPECT_EQ(ApplyBudget(Budget(1, 500), candidates), 1);
  EXPECT_EQ(candidates[0].status, CandidateStatus::kNotTried);
  EXPECT_EQ(candidates[1].status, CandidateStatus::kTooSlow);
  EXPECT_EQ(candidates[2].status, CandidateStatus::kTooLarge);
}

TEST(ApplyBudget, LeavesAMarginAndNamesTheNearest) {
  std::vector<ReportCandidate> candidates = {Candidate(0.5, 16, 0.999, 100),
                                             Candidate(1, 16, 3, 100)};
  EXPECT_EQ(ApplyBudget(Budget(1, 0), candidates), 0);
  EXPECT_EQ(&NearestCandidate(Budget(1, 0), candidates), &candidates[0]);
}

TEST(DefaultSizes, FollowThePictures) {
  EXPECT_EQ(DefaultSizes({.side = 32}), (std::vector<int>{16, 24, 32, 48}));
  EXPECT_EQ(DefaultSizes({.side = 300}), (std::vector<int>{112, 136, 160, 192, 224}));
}

std::string OutFolder(const char* name) {
  static const TemporaryFolder all;
  const std::string folder = all / name;
  std::filesystem::remove_all(folder);
  return folder;
}

FitOptions SmallFit(const char* name) {
  FitOptions options;
  options.data = "shapes:count=400,size=24,seed=1";
  options.out = OutFolder(name);
  options.widths = {0.125f, 0.25f};
  options.sizes = {16, 24};
  options.batch = 32;
  options.minutes = 0.25;
  return options;
}

// The message of the Error of this kind that Fit must throw.
std::string FitError(const FitOptions& options, ErrorKind kind) {
  try {
    Fit(options, {});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(SlowFit, DeliversAFileInsideTheBudget) {
  FitOptions options = SmallFit("linnet_fit_test");
  options.latency.seconds = 1;
  options.size.bytes = 700'000;
  // The folder may be one that holds something else, pictures even.
  const std::string picture = options.out + "/training/cat/1.jpg";
  std::filesystem::create_directories(std::filesystem::path(picture).parent_path());
  WriteFileAtomic(picture, "a picture");
  const FitResult result = Fit(options, {});
  EXPECT_LE(result.latency_ms, 1000);
  EXPECT_EQ(result.bytes, static_cast<int64_t>(std::filesystem::file_size(result.file)));
  EXPECT_LE(result.bytes, 700'000);
  EXPECT_EQ(ReadFile(picture), "a picture");
  EXPECT_EQ(result.candidates.size(), 4u);
  EXPECT_EQ(LoadModel(result.file).labels.size(), 10u);
  // A candidate is judged by no fewer bytes than its file has.
  const auto winner =
      std::find_if(result.candidates.begin(), result.candidates.end(),
                   [](const ReportCandidate& c) { return c.status == CandidateStatus::kWinner; });
  ASSERT_NE(winner, result.candidates.end());
  EXPECT_LE(result.bytes, winner->bytes);
  EXPECT_THAT(ReadFile(options.out + "/report.html"), HasSubstr("mobilenet_v1"));
  const auto json = nlohmann::json::parse(ReadFile(options.out + "/fit.json"));
  EXPECT_EQ(json["arch"], "mobilenet_v1");
  EXPECT_EQ(json["candidates"].size(), 4u);
  EXPECT_EQ(json["split"], "test");
  EXPECT_EQ(json["count"], result.count);
  EXPECT_EQ(json["candidates"][winner - result.candidates.begin()]["rounds"].size(),
            winner->trials.size());
  // A machine that is busy with others leaves one that can be trained in the time.
  EXPECT_EQ(json["compared_on"] > 0, winner->rounds() > 0);
  EXPECT_EQ(result.comparison.find(" leads ") != std::string::npos, winner->rounds() > 0);
}

TEST(SlowFit, TakesFewerPicturesThanABatch) {
  FitOptions options = SmallFit("linnet_fit_few");
  options.data = "shapes:count=100,size=16,seed=1";
  options.sizes = {16};
  options.widths = {0.125f};
  options.minutes = 0.1;
  options.latency.seconds = 1;
  options.batch = 512;
  const FitResult result = Fit(options, {});
  EXPECT_TRUE(std::filesystem::exists(result.file));
  EXPECT_EQ(result.comparison, "");  // there was one
}

TEST(Fit, SaysWhatIsNearestWhenNothingFits) {
  FitOptions options = SmallFit("linnet_fit_none");
  options.latency.seconds = 1e-9;
  const std::string error = FitError(options, ErrorKind::kBudget);
  EXPECT_THAT(error, HasSubstr("nearest is mobilenet_v1:"));
  EXPECT_THAT(error, HasSubstr("3 % of the latency are kept"));
  EXPECT_TRUE(std::filesystem::exists(options.out + "/report.html"));
  const auto json = nlohmann::json::parse(ReadFile(options.out + "/fit.json"));
  EXPECT_TRUE(json["latency_ms"].is_null());
  EXPECT_TRUE(json["file"].is_null());
}

TEST(Fit, NamesWhatTheFileLacksAndNotTheLatency) {
  FitOptions options = SmallFit("linnet_fit_bytes");
  options.latency.seconds = 1;
  options.size.bytes = 100;
  const std::string error = FitError(options, ErrorKind::kBudget);
  EXPECT_THAT(error, HasSubstr("nearest is mobilenet_v1:"));
  EXPECT_THAT(error, Not(HasSubstr("of the latency")));
  options.latency.seconds = 1e-9;  // too small, too
  EXPECT_THAT(FitError(options, ErrorKind::kBudget), HasSubstr("of the latency are kept"));
}

TEST(Fit, RefusesASizeInTheArchitecture) {
  FitOptions options = SmallFit("linnet_fit_arch");
  options.latency.seconds = 1;
  options.arch = "mobilenet_v1:width=0.5";
  EXPECT_THAT(FitError(options, ErrorKind::kUsage), HasSubstr("--widths 0.5"));
}

// VGG's first fully connected layer has a weight for each pixel of its map.
TEST(MeasureCandidates, KnowWhetherTheirInputsCanGrow) {
  auto data = OpenDataset("shapes:count=100,size=32,seed=1");
  const PictureSurvey survey = SurveyPictures(data);
  FitOptions options = SmallFit("linnet_fit_grow");
  options.widths = {0.125f};
  options.sizes = {32};
  EXPECT_EQ(MeasureCandidates(options, data, survey, {})[0].start_size, 0.5f);
  options.arch = "vgg11:hidden=64";
  EXPECT_EQ(MeasureCandidates(options, data, survey, {})[0].start_size, 1);
}

TEST(MeasureLeast, EndsInsideTheBudgetAndWhereThereIsNoHope) {
  const Graph graph = BuildArch("mobilenet_v1:width=0.125,size=16,small_input=true");
  ThreadPool pool(1);
  const auto plan = Compile(graph, InitParams(graph, 1), {});
  const LatencyOptions once = {.warmup_seconds = 0, .min_seconds = 0, .min_runs = 1};
  EXPECT_EQ(MeasureLeast(*plan, &pool, {.budget_ms = 1e6, .tries = 3}, once).tries, 1);
  EXPECT_EQ(MeasureLeast(*plan, &pool, {.budget_ms = 1e-6, .tries = 3}, once).tries, 3);
  EXPECT_EQ(
      MeasureLeast(*plan, &pool, {.budget_ms = 1e-6, .hopeless_ms = 2e-6, .tries = 3}, once).tries,
      1);
}

TEST(Fit, RefusesAFamilyWithoutWidths) {
  FitOptions options = SmallFit("linnet_fit_family");
  options.latency.seconds = 1;
  options.arch = "resnet50";
  EXPECT_THAT(FitError(options, ErrorKind::kUsage), HasSubstr("resnet50 has no option 'width'"));
}

TEST(Fit, RefusesTrainingOptionsBeforeItMeasures) {
  FitOptions options = SmallFit("linnet_fit_batch");
  options.latency.seconds = 1;
  options.batch = 0;
  EXPECT_THAT(FitError(options, ErrorKind::kUsage), HasSubstr("batch=0"));
  EXPECT_FALSE(std::filesystem::exists(options.out));
}

TEST(Fit, RefusesMinutesWithoutEnd) {
  FitOptions options = SmallFit("endless");
  options.latency.seconds = 1;
  options.minutes = std::numeric_limits<double>::infinity();
  EXPECT_THAT(FitError(options, ErrorKind::kUsage), HasSubstr("minutes=inf"));
}

TEST(Fit, AsksForDataAndABudget) {
  EXPECT_THROW(Fit({}, {}), Error);
  FitOptions options = SmallFit("linnet_fit_usage");
  EXPECT_THROW(Fit(options, {}), Error);
}

}  // namespace
}  // namespace linnet
