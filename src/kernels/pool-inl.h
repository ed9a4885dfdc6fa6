// Pooling of one output pixel: a window of the map, all channels.
#if defined(LINNET_KERNELS_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_POOL_INL_H_
#undef LINNET_KERNELS_POOL_INL_H_
#else
#define LINNET_KERNELS_POOL_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/elementwise-inl.h"
#include "kernels/pool_window.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

// Calls f(pointer offset) for the pixels of the window, row by row.
template <class F>
HWY_INLINE void ForWindow(const PoolWindow& w, F&& f) {
  for (int64_t y = 0; y < w.rows; ++y) {
    for (int64_t x = 0; x < w.columns; ++x) f(y * w.row + x * w.pixel);
  }
}

template <class Load>
HWY_INLINE VF WindowMax(const PoolWindow& w, const float* p, Load load) {
  VF max = load(p);
  ForWindow(w, [&](int64_t at) LINNET_LAMBDA { max = NanMax(max, load(p + at)); });
  return max;
}

inline void MaxPixel(const PoolWindow& w, const float* src, int64_t channels, float* dst) {
  ForVectors(channels, [&](int64_t c, auto load, auto store)
                           LINNET_LAMBDA { store(WindowMax(w, src + c, load), dst + c); });
}

// 'outputs' neighbouring outputs of windows three columns wide, all inside of the map, 'to_pixel'
// floats apart. Each column's maximum is taken once and kept for the windows that share it.
template <int kStride, int kRows>
void MaxRow3(const PoolWindow& w, int64_t outputs, const float* src, int64_t channels, float* dst,
             int64_t to_pixel) {
  ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const auto column = [&](int64_t x) LINNET_LAMBDA {
      const float* p = src + x * w.pixel + c;
      VF max = load(p);
      if constexpr (kRows > 1) max = NanMax(max, load(p + w.row));
      if constexpr (kRows > 2) max = NanMax(max, load(p + 2 * w.row));
      return max;
    };
    VF first = column(0), second = kStride == 1 ? column(1) : first;
    for (int64_t i = 0; i < outputs; ++i) {
      if constexpr (kStride == 2) second = column(2 * i + 1);
      const VF third = column(i * kStride + 2);
      store(NanMax(NanMax(first, second), third), dst + i * to_pixel + c);
      first = kStride == 2 ? third : second;
      second = third;
    }
  });
}

// dx += dy at the first place of the maximum.
inline void MaxGradientPixel(const PoolWindow& w, const float* src, const float* dy,
                             int64_t channels, float* dx) {
  ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const VF max = WindowMax(w, src + c, load);
    VF left = load(dy + c);  // becomes zero once it is given away
    ForWindow(w, [&](int64_t at) LINNET_LAMBDA {
      const VF x = load(src + at + c);
      const auto here = hn::Or(hn::Eq(x, max), hn::IsNaN(x));
      float* to = dx + at + c;
      store(hn::Add(load(to), hn::IfThenElseZero(here, left)), to);
      left = hn::IfThenZeroElse(here, left);
    });
  });
}

// dst (+)= what 'from' holds at the first place of the maximum of src
inline void PickAtMaxPixel(const PoolWindow& w, const float* src, const float* from,
                           int64_t channels, bool accumulate, float* dst) {
  const DF d;
  ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const VF max = WindowMax(w, src + c, load);
    VF picked = hn::Zero(d), open = hn::Set(d, 1.0f);  // 'open' becomes zero once it is found
    ForWindow(w, [&](int64_t at) LINNET_LAMBDA {
      const VF x = load(src + at + c);
      const auto here = hn::Or(hn::Eq(x, max), hn::IsNaN(x));
      picked =
          hn::IfThenElse(hn::And(here, hn::Gt(open, hn::Zero(d))), load(from + at + c), picked);
      open = hn::IfThenZeroElse(here, open);
    });
    store(accumulate ? hn::Add(picked, load(dst + c)) : picked, dst + c);
  });
}

// dst = scale * sum of the window
inline void AveragePixel(const PoolWindow& w, const float* src, float scale, int64_t channels,
                         float* dst) {
  const DF d;
  ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    VF sum = hn::Zero(d);
    ForWindow(w, [&](int64_t at) LINNET_LAMBDA { sum = hn::Add(sum, load(src + at + c)); });
    store(hn::Mul(sum, hn::Set(d, scale)), dst + c);
  });
}

// dx += scale * dy in the whole window
inline void AverageGradientPixel(const PoolWindow& w, const float* dy, float scale,
                                 int64_t channels, float* dx) {
  const DF d;
  ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const VF g = hn::Mul(load(dy + c), hn::Set(d, scale));
    ForWindow(w,
              [&](int64_t at) LINNET_LAMBDA { store(hn::Add(load(dx + at + c), g), dx + at + c); });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_POOL_INL_H_
