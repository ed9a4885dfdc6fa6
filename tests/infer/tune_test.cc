// Choosing by measurement: what is chosen can be computed, is remembered, and survives any file.
#include "infer/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "graph/graph.h"
#include "infer/plan.h"
#include "ops/network.h"
#include "test_data.h"

namespace linnet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Conv2d kConv = {.out_channels = 24, .kernel = {3, 3}, .padding = Padding::All(1)};
const std::vector<std::string> kCandidates = {"winograd4", "winograd2", "matmul"};

class TuneTest : public testing::Test {
 protected:
  TuneTest() { setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1); }
  ~TuneTest() override { unsetenv("XDG_CACHE_HOME"); }

  // A choice for kConv on [1,8,8,16]; 'measured' says whether it came from a measurement.
  Tuner::Choice Choose(bool& measured) {
    Tuner tuner(TuneFile(), 1, 100000);
    const Tuner::Choice choice = tuner.Choose(kConv, {{1, 8, 8, 16}}, {1, 8, 8, 24}, kCandidates);
    measured = tuner.measured() == 1;
    tuner.Save();
    return choice;
  }
  const TemporaryFolder folder_;
};

TEST_F(TuneTest, MeasuresOnceAndRemembers) {
  bool measured = false;
  const Tuner::Choice first = Choose(measured);
  EXPECT_TRUE(measured);
  EXPECT_THAT(kCandidates, testing::Contains(first.implementation));
  for (const std::string& name : kCandidates) EXPECT_THAT(first.why, HasSubstr(name));
  const Tuner::Choice second = Choose(measured);
  EXPECT_FALSE(measured);
  EXPECT_EQ(second.implementation, first.implementation);
  EXPECT_EQ(second.why, first.why);
}

TEST_F(TuneTest, OtherShapesAreOtherMeasurements) {
  Tuner tuner(TuneFile(), 1, 100000);
  tuner.Choose(kConv, {{1, 8, 8, 16}}, {1, 8, 8, 24}, kCandidates);
  tuner.Choose(kConv, {{1, 9, 8, 16}}, {1, 9, 8, 24}, kCandidates);
  tuner.Choose(kConv, {{1, 8, 8, 16}}, {1, 8, 8, 24}, kCandidates);
  EXPECT_EQ(tuner.measured(), 2);
}

TEST_F(TuneTest, ABrokenFileIsNoFile) {
  bool measured = false;
  Choose(measured);
  const std::string good = ReadFile(TuneFile());
  const size_t number = good.find("\"winograd4\": ") + 13;
  const std::vector<std::string> broken = {
      "",
      "{",
      "[]",
      "null",
      "\xff\xfe",
      good.substr(0, good.size() / 2),
      R"({"format": 1})",
      R"({"format": "1", "choices": {}})",
      R"({"format": 1, "choices": []})",
      good.substr(0, number) + "\"fast\"" + good.substr(good.find(',', number))};
  for (const std::string& text : broken) {
    SCOPED_TRACE(text);
    WriteFileAtomic(TuneFile(), text);
    Choose(measured);
    EXPECT_TRUE(measured);
    Choose(measured);
    EXPECT_FALSE(measured) << "not written anew";
  }
}

TEST_F(TuneTest, WithoutAPlaceToRememberItMeasures) {
  bool measured = false;
  const std::string file = folder_ / "file";
  WriteFileAtomic(file, "not a folder");
  setenv("XDG_CACHE_HOME", file.c_str(), 1);
  Choose(measured);
  EXPECT_TRUE(measured);
  Choose(measured);
  EXPECT_TRUE(measured);
}

TEST_F(TuneTest, APlanSaysWhatWasMeasured) {
  Graph graph;
  const Value image = graph.Emit("image", Input{.height = 12, .width = 12, .channels = 16});
  const Value conv = graph.Emit("conv", kConv, {image});
  graph.outputs = {graph.Emit("pool", GlobalPool{}, {conv})};
  const ParamMap params = InitParams(graph, 1);
  const auto tuned = Compile(graph, params, {.threads = 1, .tune = true});
  EXPECT_THAT(tuned->steps()[0].measured, HasSubstr("matmul"));
  EXPECT_THAT(tuned->steps()[1].measured, IsEmpty()) << "one implementation";
  const auto by_rule = Compile(graph, params, {.threads = 1});
  EXPECT_THAT(by_rule->steps()[0].measured, IsEmpty());
  EXPECT_THAT(by_rule->steps()[0].kernel, Not(IsEmpty()));

  std::vector<float> input(12 * 12 * 16, 0.5f);
  tuned->Run(input.data(), {}, nullptr);
  by_rule->Run(input.data(), {}, nullptr);
  for (int64_t i = 0; i < 24; ++i) {
    EXPECT_NEAR(tuned->output(0).data()[i], by_rule->output(0).data()[i], 1e-5);
  }
  // Split products have one implementation: nothing to measure, and no reason to fail.
  const auto split =
      Compile(graph, params, {.threads = 1, .tune = true, .precision = Precision::kBf16x3});
  EXPECT_THAT(split->steps()[0].measured, IsEmpty());
}

}  // namespace
}  // namespace linnet
