#include "kernels/rbf.h"

#include <algorithm>

#include "kernels/elementwise_table.h"
#include "kernels/targets.h"
#include "kernels/training_only.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rbf.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/elementwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {

#ifndef LINNET_KERNELS_RBF_TABLE_
#define LINNET_KERNELS_RBF_TABLE_
struct RbfTable {
  float (*squared_distance)(int64_t n, const float* a, const float* b);
  void (*add_difference)(int64_t n, float factor, const float* a, const float* b, float* to);
};
#endif

namespace HWY_NAMESPACE {

float SquaredDistance(int64_t n, const float* a, const float* b) {
  const DF d;
  VF sum = hn::Zero(d);
  ForVectors(n, [&](int64_t i, auto load, auto) LINNET_LAMBDA {
    const VF difference = hn::Sub(load(a + i), load(b + i));
    sum = hn::MulAdd(difference, difference, sum);
  });
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// to += factor * (a - b)
void AddDifference(int64_t n, float factor, const float* a, const float* b, float* to) {
  const VF f = hn::Set(DF(), factor);
  ForVectors(n, [&](int64_t i, auto load, auto store) LINNET_LAMBDA {
    store(hn::MulAdd(f, hn::Sub(load(a + i), load(b + i)), load(to + i)), to + i);
  });
}

const RbfTable* GetRbfTable() {
  static constexpr RbfTable kTable = {SquaredDistance, LINNET_TRAINING_ONLY(AddDifference)};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {

HWY_EXPORT(GetRbfTable);

void RbfForward(int64_t n, int64_t features, int64_t outputs, const float* x, const float* codes,
                float* y, ThreadPool* pool) {
  const RbfTable& table = *HWY_DYNAMIC_DISPATCH(GetRbfTable)();
  ForRowRuns(pool, n, features * outputs, [&](int64_t first, int64_t count) {
    for (int64_t i = first * outputs; i < (first + count) * outputs; ++i) {
      y[i] = -table.squared_distance(features, x + i / outputs * features,
                                     codes + i % outputs * features);
    }
  });
}

void RbfBackward(int64_t n, int64_t features, int64_t outputs, const float* x, const float* codes,
                 const float* dy, bool accumulate, float* dx, ThreadPool* pool) {
  const RbfTable& table = *HWY_DYNAMIC_DISPATCH(GetRbfTable)();
  ForRowRuns(pool, n, features * outputs, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) {
      float* to = dx + r * features;
      if (!accumulate) std::fill_n(to, features, 0.0f);
      for (int64_t i = 0; i < outputs; ++i) {
        table.add_difference(features, -2 * dy[r * outputs + i], x + r * features,
                             codes + i * features, to);
      }
    }
  });
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
