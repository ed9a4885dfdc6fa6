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
    EXPECT_GT(machine.peak_gmacs, 0.1);
    EXPECT_LT(machine.peak_gmacs, 10000);
    EXPECT_GT(machine.read.back().gbytes_per_second, 0.05);
    double macs = 0;
    EXPECT_GT(FmaSeconds(100, &macs), 0);
    EXPECT_GE(macs, 100 * 12);
  }
  ForceTarget(0);
}

TEST(Machine, FloorIsTheLargerOfArithmeticAndMemory) {
  const Machine machine{.peak_gmacs = 10, .read = {{1000, 100}, {10000, 10}}};
  EXPECT_DOUBLE_EQ(machine.FloorSeconds(1e9, 10), 0.1);
  EXPECT_DOUBLE_EQ(machine.GBytesPerSecond(10), 100);
  EXPECT_DOUBLE_EQ(machine.GBytesPerSecond(9999), 100);
  EXPECT_DOUBLE_EQ(machine.FloorSeconds(1, 20'000'000), 20e6 / 10e9);
}

}  // namespace
}  // namespace linnet::kernels
