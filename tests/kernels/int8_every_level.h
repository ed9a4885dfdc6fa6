// What the tests of the int8 kernels share: every instruction set with every extra, any number of
// threads, and bytes that end at a forbidden page.
#ifndef LINNET_TESTS_KERNELS_INT8_EVERY_LEVEL_H_
#define LINNET_TESTS_KERNELS_INT8_EVERY_LEVEL_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "base/quantization.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/guarded_buffer.h"
#include "kernels/targets.h"

namespace linnet::kernels {

// Bytes whose last one ends at a page that may not be touched.
class GuardedBytes {
 public:
  explicit GuardedBytes(size_t count) : count_(count), buffer_((count + 3) / 4) {}
  GuardedBytes(size_t count, Rng& rng, int low = 0, int high = 255) : GuardedBytes(count) {
    for (size_t i = 0; i < count; ++i) {
      data()[i] = static_cast<uint8_t>(low + static_cast<int>(rng.Below(high - low + 1)));
    }
  }
  uint8_t* data() { return reinterpret_cast<uint8_t*>(buffer_.data() + buffer_.size()) - count_; }
  const uint8_t* data() const { return const_cast<GuardedBytes*>(this)->data(); }
  size_t size() const { return count_; }
  bool GuardsIntact() const { return buffer_.GuardsIntact(); }
  std::vector<uint8_t> Copy() const { return {data(), data() + count_}; }

 private:
  size_t count_;
  GuardedBuffer buffer_;
};

// Every target with every extra that this machine has with it.
template <class F>
void ForEveryLevel(F&& f) {
  for (const int64_t target : Targets()) {
    ForceTarget(target);
    const Extras most = CurrentExtras();
    for (const Extras extras : {Extras::kNone, Extras::kVnni, Extras::kAmx}) {
      if (extras > most) continue;
      SCOPED_TRACE(::testing::Message() << TargetName(target) << " with extras "
                                        << kExtrasNames[static_cast<int>(extras)]);
      LimitExtras(extras);
      f();
      if (::testing::Test::HasFatalFailure()) return ForceTarget(0);
    }
  }
  ForceTarget(0);
}

// run(dst, pool) on every level and for 1 and 2 threads; all must give 'expected'.
template <class F>
void ExpectEverywhere(const std::vector<uint8_t>& expected, F&& run) {
  static ThreadPool two(2);
  ForEveryLevel([&] {
    for (ThreadPool* pool : {static_cast<ThreadPool*>(nullptr), &two}) {
      GuardedBytes dst(expected.size());
      run(dst.data(), pool);
      EXPECT_TRUE(dst.GuardsIntact());
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(int{dst.data()[i]}, int{expected[i]})
            << "element " << i << ", " << Threads(pool) << " threads";
      }
    }
  });
}

}  // namespace linnet::kernels

#endif  // LINNET_TESTS_KERNELS_INT8_EVERY_LEVEL_H_
