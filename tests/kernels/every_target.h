// Runs a check for every instruction set the machine has.
#ifndef LINNET_TESTS_KERNELS_EVERY_TARGET_H_
#define LINNET_TESTS_KERNELS_EVERY_TARGET_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/guarded_buffer.h"
#include "kernels/targets.h"

namespace linnet::kernels {

template <class F>
void ForEveryTarget(F&& f) {
  for (const int64_t target : Targets()) {
    SCOPED_TRACE(TargetName(target));
    ForceTarget(target);
    f();
    if (::testing::Test::HasFatalFailure()) break;
  }
  ForceTarget(0);
}

// The same for 1, 2 and 3 threads: f(pool) returns numbers, which must have the same bits each
// time. Returns those of one thread.
template <class F>
std::vector<float> SameForAnyThreads(F&& f) {
  const std::vector<float> one = f(nullptr);
  static ThreadPool two(2), three(3);
  for (ThreadPool* pool : {&two, &three}) {
    const std::vector<float> many = f(pool);
    EXPECT_EQ(one.size(), many.size());
    EXPECT_EQ(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)), 0)
        << pool->threads() << " threads give other bits";
  }
  return one;
}

// What f(to, pool) leaves in 'to', which first holds 'before'; the same for any number of threads.
template <class F>
std::vector<float> WrittenOver(const GuardedBuffer& before, F&& f) {
  return SameForAnyThreads([&](ThreadPool* pool) {
    GuardedBuffer to(before.size());
    std::copy(before.span().begin(), before.span().end(), to.data());
    f(to.data(), pool);
    EXPECT_TRUE(to.GuardsIntact());
    return std::vector<float>(to.span().begin(), to.span().end());
  });
}

// |got - want| <= tolerance * (1 + |want|), everywhere. Says where it is not.
inline void ExpectNear(std::span<const float> got, std::span<const double> want, double tolerance,
                       const char* what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i) {
    // Written so that NaN fails.
    ASSERT_TRUE(std::abs(got[i] - want[i]) <= tolerance * (1 + std::abs(want[i])))
        << what << "[" << i << "] = " << got[i] << ", expected " << want[i];
  }
}

}  // namespace linnet::kernels

#endif  // LINNET_TESTS_KERNELS_EVERY_TARGET_H_
