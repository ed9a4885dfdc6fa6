#include "kernels/channel_shuffle.h"

#include <algorithm>

#include "kernels/elementwise_table.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/channel_shuffle.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {

#ifndef LINNET_KERNELS_CHANNEL_SHUFFLE_TABLE_
#define LINNET_KERNELS_CHANNEL_SHUFFLE_TABLE_
// One pixel: y[c * groups + g] (+)= x[g * each + c].
using ShufflePixel = void (*)(int64_t groups, int64_t each, const float* x, bool accumulate,
                              float* y);
struct ChannelShuffleTable {
  ShufflePixel deal[3];    // for 2, 3 and 4 groups
  ShufflePixel gather[3];  // for groups of 2, 3 and 4 channels
  ShufflePixel any;
};
#endif

namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

HWY_INLINE void Put(float value, bool accumulate, float& to) {
  to = accumulate ? to + value : value;
}

inline void ShuffleAny(int64_t groups, int64_t each, const float* x, bool accumulate, float* y) {
  for (int64_t c = 0; c < each; ++c) {
    for (int64_t g = 0; g < groups; ++g) Put(x[g * each + c], accumulate, y[c * groups + g]);
  }
}

// v[i] = p[i], p[i + kN], p[i + 2 kN] ... and the reverse.
template <int kN>
HWY_INLINE void LoadDealt(const float* p, VF (&v)[4]) {
  const DF d;
  if constexpr (kN == 2) hn::LoadInterleaved2(d, p, v[0], v[1]);
  if constexpr (kN == 3) hn::LoadInterleaved3(d, p, v[0], v[1], v[2]);
  if constexpr (kN == 4) hn::LoadInterleaved4(d, p, v[0], v[1], v[2], v[3]);
}
template <int kN>
HWY_INLINE void StoreDealt(const VF (&v)[4], float* p) {
  const DF d;
  if constexpr (kN == 2) hn::StoreInterleaved2(v[0], v[1], d, p);
  if constexpr (kN == 3) hn::StoreInterleaved3(v[0], v[1], v[2], d, p);
  if constexpr (kN == 4) hn::StoreInterleaved4(v[0], v[1], v[2], v[3], d, p);
}

template <int kGroups>
void Deal(int64_t, int64_t each, const float* x, bool accumulate, float* y) {
  const DF d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= each; c += lanes) {
    VF v[4];
    if (accumulate) LoadDealt<kGroups>(y + c * kGroups, v);
    for (int g = 0; g < kGroups; ++g) {
      const VF from = hn::LoadU(d, x + g * each + c);
      v[g] = accumulate ? hn::Add(v[g], from) : from;
    }
    StoreDealt<kGroups>(v, y + c * kGroups);
  }
  for (; c < each; ++c) {
    for (int g = 0; g < kGroups; ++g) Put(x[g * each + c], accumulate, y[c * kGroups + g]);
  }
}

template <int kEach>
void Gather(int64_t groups, int64_t, const float* x, bool accumulate, float* y) {
  const DF d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t g = 0;
  for (; g + lanes <= groups; g += lanes) {
    VF v[4];
    LoadDealt<kEach>(x + g * kEach, v);
    for (int c = 0; c < kEach; ++c) {
      float* to = y + c * groups + g;
      hn::StoreU(accumulate ? hn::Add(v[c], hn::LoadU(d, to)) : v[c], d, to);
    }
  }
  for (; g < groups; ++g) {
    for (int c = 0; c < kEach; ++c) Put(x[g * kEach + c], accumulate, y[c * groups + g]);
  }
}

const ChannelShuffleTable* GetChannelShuffleTable() {
  static constexpr ChannelShuffleTable kTable = {
      {Deal<2>, Deal<3>, Deal<4>}, {Gather<2>, Gather<3>, Gather<4>}, ShuffleAny};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {

HWY_EXPORT(GetChannelShuffleTable);

void ChannelShuffle(int64_t rows, int64_t channels, int64_t groups, const float* x,
                    int64_t x_stride, bool accumulate, float* y, int64_t y_stride,
                    ThreadPool* pool) {
  const ChannelShuffleTable& table = *HWY_DYNAMIC_DISPATCH(GetChannelShuffleTable)();
  const int64_t each = channels / groups;
  const auto has_kernel = [](int64_t size) { return size >= 2 && size <= 4; };
  const ShufflePixel shuffle = has_kernel(groups) ? table.deal[groups - 2]
                               : has_kernel(each) ? table.gather[each - 2]
                                                  : table.any;
  ForRowRuns(pool, rows, channels, [&](int64_t row, int64_t count) {
    for (int64_t r = row; r < row + count; ++r) {
      shuffle(groups, each, x + r * x_stride, accumulate, y + r * y_stride);
    }
  });
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
