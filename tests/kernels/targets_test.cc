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

// Forcing a target brings all its extras; a limit takes some away.
TEST(Targets, ExtrasCanBeLimited) {
  for (const int64_t target : Targets()) {
    ForceTarget(target);
    const Extras most = MachineExtras(target);
    EXPECT_EQ(CurrentExtras(), most);
    for (const Extras limit : {Extras::kNone, Extras::kVnni, Extras::kBf16, Extras::kAmx}) {
      LimitExtras(limit);
      EXPECT_EQ(CurrentExtras(), std::min(limit, most));
    }
  }
  ForceTarget(0);
}

}  // namespace
}  // namespace linnet::kernels
