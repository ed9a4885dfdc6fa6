#include "kernels/taps.h"

#include "kernels/targets.h"
#include "kernels/training_only.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/taps.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/elementwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

template <int kCount>
HWY_INLINE void GatherTaps(const Taps& taps, const float* map, int64_t channels, float scale,
                           float* to) {
  const DF d;
  ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    VF sum = hn::Zero(d);
    for (int i = 0; i < kCount; ++i) {
      sum = hn::MulAdd(load(map + taps.offset[i] + c), hn::Set(d, taps.weight[i] * scale), sum);
    }
    store(sum, to + c);
  });
}

void Gather(const Taps& taps, const float* map, int64_t channels, float scale, float* to) {
  switch (taps.count) {
    case 0:
      return GatherTaps<0>(taps, map, channels, scale, to);
    case 1:
      return GatherTaps<1>(taps, map, channels, scale, to);
    case 2:
      return GatherTaps<2>(taps, map, channels, scale, to);
    case 3:
      return GatherTaps<3>(taps, map, channels, scale, to);
    default:
      return GatherTaps<4>(taps, map, channels, scale, to);
  }
}

void Scatter(const Taps& taps, const float* from, int64_t channels, float scale, float* map) {
  const DF d;
  for (int i = 0; i < taps.count; ++i) {
    const VF weight = hn::Set(d, taps.weight[i] * scale);
    float* to = map + taps.offset[i];
    ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
      store(hn::MulAdd(load(from + c), weight, load(to + c)), to + c);
    });
  }
}

void Dots(const Taps& taps, const float* map, const float* g, int64_t channels, float* dots) {
  for (int i = 0; i < taps.count; ++i) dots[i] += DotRun(channels, map + taps.offset[i], g);
}

const TapsTable* GetTapsTable() {
  static constexpr TapsTable kTable = {Gather, LINNET_TRAINING_ONLY(Scatter),
                                       LINNET_TRAINING_ONLY(Dots)};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {

HWY_EXPORT(GetTapsTable);
const TapsTable& GetTaps() { return *HWY_DYNAMIC_DISPATCH(GetTapsTable)(); }

}  // namespace linnet::kernels
#endif  // HWY_ONCE
