#include "kernels/machine.h"

#include <gtest/gtest.h>

#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

TEST(Machine, MeasuresPossibleNumbers) {
  for (const int64_t target : Targets()) {
    ForceTarget(target);
    const Machine machine = MeasureMachine(nullptr);
    EXPECT_EQ(machine.target, TargetName(target));
    EXPECT_FALSE(machine.processor.empty());
    for (const Peak& peak : machine.peaks) {
      EXPECT_GT(peak.gmacs, 0.1) << peak.unit;
      EXPECT_LT(peak.gmacs, 100000) << peak.unit;
    }
    EXPECT_EQ(machine.peaks[0].precision, Precision::kFloat32);
    EXPECT_GT(machine.read.back().gbytes_per_second, 0.05);
    double macs = 0;
    EXPECT_GT(FmaSeconds(100, &macs), 0);
    EXPECT_GE(macs, 100 * 12);
  }
  ForceTarget(0);
}

TEST(Machine, FloorIsTheLargerOfArithmeticAndMemory) {
  const Machine machine{.peaks = {{Precision::kFloat32, "FMA", 10}},
                        .read = {{1000, 100}, {10000, 10}}};
  EXPECT_DOUBLE_EQ(machine.FloorSeconds(1e9, 10), 0.1);
  EXPECT_DOUBLE_EQ(machine.GBytesPerSecond(10), 100);
  EXPECT_DOUBLE_EQ(machine.GBytesPerSecond(9999), 100);
  EXPECT_DOUBLE_EQ(machine.FloorSeconds(1, 20'000'000), 20e6 / 10e9);
}

TEST(Machine, APrecisionHasTheBestOfTheInstructionsThatServeIt) {
  Machine machine{.peaks = {{Precision::kFloat32, "FMA", 10}}};
  EXPECT_DOUBLE_EQ(machine.PeakGmacs(Precision::kBf16), 10);
  EXPECT_DOUBLE_EQ(machine.PeakGmacs(Precision::kInt8), 10);
  machine.peaks.push_back({Precision::kBf16, "AVX-512 BF16", 20});
  EXPECT_DOUBLE_EQ(machine.PeakGmacs(Precision::kBf16), 20);
  EXPECT_DOUBLE_EQ(machine.PeakGmacs(Precision::kBf16x3), 10);
  machine.peaks.push_back({Precision::kBf16, "AMX", 90});
  machine.peaks.push_back({Precision::kInt8, "AMX", 180});
  EXPECT_DOUBLE_EQ(machine.PeakGmacs(), 10);
  EXPECT_DOUBLE_EQ(machine.PeakGmacs(Precision::kBf16), 90);
  EXPECT_DOUBLE_EQ(machine.PeakGmacs(Precision::kBf16x3), 30);
  EXPECT_DOUBLE_EQ(machine.PeakGmacs(Precision::kInt8), 180);
}

}  // namespace
}  // namespace linnet::kernels
