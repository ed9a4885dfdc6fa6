#include "kernels/targets.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace linnet::kernels {
namespace {

TEST(Targets, BestFirstAndForced) {
  const std::vector<int64_t> targets = Targets();
  ASSERT_FALSE(targets.empty());
  EXPECT_TRUE(std::is_sorted(targets.begin(), targets.end()));
  for (const int64_t target : targets) {
    ForceTarget(target);
    EXPECT_EQ(CurrentTarget(), target);
    EXPECT_STRNE(TargetName(target), "Unknown");
  }
  EXPECT_EQ(Targets(), targets) << "forcing must not change the list";
  ForceTarget(0);
  EXPECT_EQ(CurrentTarget(), BestTarget());
}

}  // namespace
}  // namespace linnet::kernels
