#include "compress/calibrate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/fields.h"
#include "base/rng.h"
#include "graph/value_type.h"

namespace linnet {
namespace {

Histogram HistogramOf(const std::vector<float>& numbers) {
  Histogram histogram;
  histogram.min = *std::min_element(numbers.begin(), numbers.end());
  histogram.max = *std::max_element(numbers.begin(), numbers.end());
  for (const float x : numbers) {
    const double bin = histogram.width() > 0 ? (x - histogram.min) / histogram.width() : 0;
    ++histogram.counts[std::clamp(static_cast<int>(bin), 0, Histogram::kBins - 1)];
  }
  return histogram;
}

// A normal distribution and one number far outside of it.
Histogram WithOutliers(bool relu) {
  Rng rng(1);
  std::vector<float> numbers;
  for (int i = 0; i < 400000; ++i) numbers.push_back(rng.Normal());
  numbers.push_back(20);
  if (relu) {
    for (float& x : numbers) x = std::max(x, 0.0f);
  }
  return HistogramOf(numbers);
}

double High(const Quantization& q) { return q.scale * (255 - q.zero_point); }
double Low(const Quantization& q) { return -q.scale * double(q.zero_point); }

TEST(CoverRange, ZeroIsALevelAndTheEndsAreCovered) {
  for (const auto& [low, high] : {std::pair{-1.0, 3.0}, {0.0, 6.0}, {-0.001, 200.0}, {-7.0, 0.0}}) {
    const Quantization q = CoverRange(low, high);
    EXPECT_NEAR(Low(q), low, q.scale);
    EXPECT_NEAR(High(q), high, q.scale);
    EXPECT_EQ(WrongType(ValueType::U8(q)), "");
  }
  // A range beside zero is widened to it.
  EXPECT_EQ(CoverRange(2, 6), CoverRange(0, 6));
  EXPECT_EQ(CoverRange(-6, -2).zero_point, 255);
  // Nothing but zeros; numbers beyond what a scale may be.
  EXPECT_EQ(WrongType(ValueType::U8(CoverRange(0, 0))), "");
  EXPECT_EQ(WrongType(ValueType::U8(CoverRange(0, 1e-30))), "");
  EXPECT_EQ(WrongType(ValueType::U8(CoverRange(-1e30, 1e30))), "");
  EXPECT_NEAR(CoverRange(-1e30, 1e30).zero_point, 127.5, 0.6);
}

TEST(Calibrate, EachMethodCutsAsItSays) {
  for (const bool relu : {false, true}) {
    SCOPED_TRACE(relu);
    const Histogram histogram = WithOutliers(relu);
    const auto high = [&](Calibration method) { return High(Calibrate(histogram, method)); };
    EXPECT_NEAR(high(Calibration::kMinMax), 20, 0.2);
    // 1 in 10000 of normal numbers is above 3.72; a bin is 0.02 wide.
    EXPECT_NEAR(high(Calibration::kPercentile), 3.72, 0.3);
    EXPECT_GT(high(Calibration::kMse), 3);
    EXPECT_LT(high(Calibration::kMse), 19);
    EXPECT_GT(high(Calibration::kKl), 2.5);
    EXPECT_LT(high(Calibration::kKl), 19.5);
    for (const Calibration method : kCalibrations) {
      EXPECT_GE(MeanSquaredError(histogram, Calibrate(histogram, method)),
                MeanSquaredError(histogram, Calibrate(histogram, Calibration::kMse)) * 0.98);
      if (relu) {
        EXPECT_EQ(Calibrate(histogram, method).zero_point, 0);
      }
    }
  }
}

TEST(Calibrate, AConstantIsNoTrouble) {
  for (const float constant : {0.0f, 3.5f, -2.0f}) {
    const Histogram histogram = HistogramOf({constant, constant});
    for (const Calibration method : kCalibrations) {
      const Quantization q = Calibrate(histogram, method);
      EXPECT_EQ(WrongType(ValueType::U8(q)), "");
      EXPECT_NEAR(MeanSquaredError(histogram, q), 0, 1e-4) << FieldToText(method) << constant;
    }
  }
}

// Evenly spread numbers have no tail: nothing is gained by cutting.
TEST(Calibrate, NothingIsCutForNothing) {
  std::vector<float> numbers;
  for (int i = 0; i <= 20000; ++i) numbers.push_back(-1 + i * 1e-4f);
  const Histogram histogram = HistogramOf(numbers);
  for (const Calibration method : kCalibrations) {
    EXPECT_NEAR(High(Calibrate(histogram, method)), 1, 0.1) << FieldToText(method);
  }
}

}  // namespace
}  // namespace linnet
