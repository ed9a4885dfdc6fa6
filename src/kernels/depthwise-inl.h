// Depthwise correlation of a few output rows of one image: the kernel of the forward pass, and,
// with the taps in reverse order, of the gradient of the input at stride 1.
//
// A segment of Q outputs of one row and one vector of channels stays in registers. For each kernel
// row, the inputs under the segment are loaded once and multiplied into every output they belong
// to: (Q-1)*S + KW loads of x and KW of w for Q*KW multiply-adds, so that at Q = 8 loads are not
// the limit.
#if defined(LINNET_KERNELS_DEPTHWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_DEPTHWISE_INL_H_
#undef LINNET_KERNELS_DEPTHWISE_INL_H_
#else
#define LINNET_KERNELS_DEPTHWISE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <utility>

#include "kernels/activation-inl.h"
#include "kernels/depthwise_cut.h"
#include "kernels/inline_lambda.h"
#include "kernels/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

// f(integral_constant 0), ..., f(integral_constant N-1), without a loop: arrays of vectors that are
// indexed by these stay in registers.
template <int... I, class F>
HWY_INLINE void UnrollSequence(std::integer_sequence<int, I...>, F&& f) {
  (f(std::integral_constant<int, I>()), ...);
}
template <int N, class F>
HWY_INLINE void Unroll(F&& f) {
  UnrollSequence(std::make_integer_sequence<int, N>(), static_cast<F&&>(f));
}

template <bool kPart>
HWY_INLINE VF LoadVector(const float* p, size_t n) {
  if constexpr (kPart) return LoadPart(DF(), p, n);
  return hn::LoadU(DF(), p);
}
template <bool kPart>
HWY_INLINE void StoreVector(VF v, float* p, size_t n) {
  if constexpr (kPart) return StorePart(v, DF(), p, n);
  hn::StoreU(v, DF(), p);
}

// Up to 8 neighbouring outputs of one row, a block of channels. Pointers are at the block's first
// channel.
struct Segment {
  const float* x;  // input of kernel row 'first' and column 0 for the first output; where the
                   // segment is clipped it may lie outside of the map, and is not read there
  int64_t x_pixel, x_row;    // floats to the next column, to the next kernel row's row
  int clip_begin, clip_end;  // columns of x that exist, counted from x
  const float* w;            // tap (first, 0)
  int64_t tap;               // floats to the next tap; negative: reversed
  int rows;                  // kernel rows that meet the map
  const float* bias;
  const float* residual;
  int64_t residual_pixel;
  float low, high;  // clamp
  float* y;
  int64_t y_pixel;
  size_t channels;
};

template <int KW, int S, int Q, bool kClip, bool kPart>
HWY_INLINE void SegmentVector(const Segment& s, size_t c, size_t n) {
  const DF d;
  VF acc[Q];
  const VF bias = s.bias == nullptr ? hn::Zero(d) : LoadVector<kPart>(s.bias + c, n);
  Unroll<Q>([&](auto q) LINNET_LAMBDA { acc[q()] = bias; });
  if (s.residual != nullptr) {
    Unroll<Q>([&](auto q) LINNET_LAMBDA {
      acc[q()] = hn::Add(
          bias,
          LoadVector<kPart>(s.residual + q() * s.residual_pixel + static_cast<int64_t>(c), n));
    });
  }
  const float* HWY_RESTRICT x = s.x + c;
  const float* HWY_RESTRICT w = s.w + c;
  for (int row = 0; row < s.rows; ++row, x += s.x_row, w += KW * s.tap) {
    VF taps[KW];
    Unroll<KW>([&](auto k) LINNET_LAMBDA { taps[k()] = hn::LoadU(d, w + k() * s.tap); });
    Unroll<(Q - 1) * S + KW>([&](auto j) LINNET_LAMBDA {
      if (kClip && (j() < s.clip_begin || j() >= s.clip_end)) return;
      const VF xj = LoadVector<kPart>(x + j() * s.x_pixel, n);
      Unroll<KW>([&](auto k) LINNET_LAMBDA {
        constexpr int kFrom = j() - k();
        if constexpr (kFrom >= 0 && kFrom % S == 0 && kFrom / S < Q) {
          acc[kFrom / S] = hn::MulAdd(xj, taps[k()], acc[kFrom / S]);
        }
      });
    });
  }
  Unroll<Q>([&](auto q) LINNET_LAMBDA {
    StoreVector<kPart>(AtMost(d, AtLeast(d, acc[q()], s.low), s.high),
                       s.y + q() * s.y_pixel + static_cast<int64_t>(c), n);
  });
}

template <int KW, int S, int Q, bool kClip>
void RunSegment(const Segment& s) {
  const size_t lanes = hn::Lanes(DF());
  size_t c = 0;
  for (; c + lanes <= s.channels; c += lanes) SegmentVector<KW, S, Q, kClip, false>(s, c, lanes);
  if (c < s.channels) SegmentVector<KW, S, Q, kClip, true>(s, c, s.channels - c);
}

// One output, any kernel width, dilation and stride: clip_begin and clip_end count taps here.
template <bool kPart>
HWY_INLINE void PixelVector(const Segment& s, int kernel_w, size_t c, size_t n) {
  const DF d;
  VF acc = s.bias == nullptr ? hn::Zero(d) : LoadVector<kPart>(s.bias + c, n);
  if (s.residual != nullptr) acc = hn::Add(acc, LoadVector<kPart>(s.residual + c, n));
  const float* HWY_RESTRICT x = s.x + c;
  const float* HWY_RESTRICT w = s.w + c;
  for (int row = 0; row < s.rows; ++row, x += s.x_row, w += kernel_w * s.tap) {
    for (int k = s.clip_begin; k < s.clip_end; ++k) {
      acc = hn::MulAdd(LoadVector<kPart>(x + k * s.x_pixel, n), hn::LoadU(d, w + k * s.tap), acc);
    }
  }
  StoreVector<kPart>(AtMost(d, AtLeast(d, acc, s.low), s.high), s.y + c, n);
}

inline void RunPixel(const Segment& s, int kernel_w) {
  const size_t lanes = hn::Lanes(DF());
  size_t c = 0;
  for (; c + lanes <= s.channels; c += lanes) PixelVector<false>(s, kernel_w, c, lanes);
  if (c < s.channels) PixelVector<true>(s, kernel_w, c, s.channels - c);
}

using SegmentFn = void (*)(const Segment&);
// [0]: 8 outputs, [1]: 4, [2]: 2, [3]: 1; [clipped]
template <int KW, int S>
inline constexpr SegmentFn kSegmentFns[4][2] = {
    {RunSegment<KW, S, 8, false>, RunSegment<KW, S, 8, true>},
    {RunSegment<KW, S, 4, false>, RunSegment<KW, S, 4, true>},
    {RunSegment<KW, S, 2, false>, RunSegment<KW, S, 2, true>},
    {RunSegment<KW, S, 1, false>, RunSegment<KW, S, 1, true>}};

inline const SegmentFn (*FindSegmentFns(int kernel_w, int stride_w, int dilation_w))[2] {
  if (dilation_w != 1) return nullptr;
  if (kernel_w == 3 && stride_w == 1) return kSegmentFns<3, 1>;
  if (kernel_w == 3 && stride_w == 2) return kSegmentFns<3, 2>;
  if (kernel_w == 5 && stride_w == 1) return kSegmentFns<5, 1>;
  if (kernel_w == 5 && stride_w == 2) return kSegmentFns<5, 2>;
  return nullptr;
}

// Kernel rows (or columns) [first, last) that meet the map, for an output whose tap 0 lies at
// 'origin'.
struct TapRange {
  int first, last;
};
inline TapRange TapsInside(int64_t origin, int dilation, int taps, int64_t size) {
  const int64_t first = origin >= 0 ? 0 : (-origin + dilation - 1) / dilation;
  const int64_t last = origin >= size ? 0 : (size - origin + dilation - 1) / dilation;
  const int64_t end = std::min<int64_t>(last, taps);
  return {static_cast<int>(std::min<int64_t>(first, end)),
          static_cast<int>(std::max<int64_t>(end, 0))};
}

// One strip: outputs [ox0, ox1) of row oy, channels [c0, c0 + channels).
inline void RunStrip(const Correlation& a, const float* src, float* dst, const float* residual,
                     int64_t oy, int64_t ox0, int64_t ox1, int64_t c0, int64_t channels) {
  const int64_t iy = oy * a.stride_h - a.pad_top;
  const TapRange ky = TapsInside(iy, a.dilation_h, a.kernel_h, a.in_h);
  const auto* segments = FindSegmentFns(a.kernel_w, a.stride_w, a.dilation_w);
  Segment s;
  s.x_pixel = a.c * (segments == nullptr ? a.dilation_w : 1);
  s.x_row = a.dilation_h * a.in_w * a.c;
  s.w = a.weights + ky.first * a.kernel_w * a.tap + c0;
  s.tap = a.tap;
  s.rows = ky.last - ky.first;
  s.bias = a.epilogue.bias == nullptr ? nullptr : a.epilogue.bias + c0;
  s.residual_pixel = a.epilogue.residual_stride;
  s.low = a.low;
  s.high = a.high;
  s.y_pixel = a.c;
  s.channels = static_cast<size_t>(channels);
  const int64_t x_row = (iy + int64_t{ky.first} * a.dilation_h) * a.in_w;
  for (int64_t ox = ox0; ox < ox1;) {
    const int64_t ix = ox * a.stride_w - a.pad_left;
    const int64_t pixel = oy * a.out_w + ox;
    s.x = src + (x_row + ix) * a.c + c0;
    s.y = dst + pixel * a.c + c0;
    s.residual = residual == nullptr ? nullptr : residual + pixel * s.residual_pixel + c0;
    int64_t outputs = 1;
    if (segments != nullptr) {
      int kind = 3;
      for (kind = 0; (outputs = 8 >> kind) > ox1 - ox; ++kind) {
      }
      const int64_t last = ix + (outputs - 1) * a.stride_w + a.kernel_w - 1;
      s.clip_begin = static_cast<int>(std::max<int64_t>(-ix, 0));
      s.clip_end = static_cast<int>(std::min<int64_t>(a.in_w - ix, 64));
      segments[kind][ix < 0 || last >= a.in_w](s);
    } else {
      const TapRange kx = TapsInside(ix, a.dilation_w, a.kernel_w, a.in_w);
      s.clip_begin = kx.first;
      s.clip_end = kx.last;
      RunPixel(s, a.kernel_w);
    }
    if (a.activate_after) {
      for (int64_t q = 0; q < outputs; ++q) {
        ActivateRow(a.epilogue.act, a.epilogue.alpha, s.y + q * a.c, s.channels);
      }
    }
    ox += outputs;
  }
}

// Output rows [oy0, oy1) of one image. Strips of a few columns and channels go down the rows, so
// that an input row is still in the first-level cache when the next output row needs it again.
inline void RunRows(const Correlation& a, const float* src, float* dst, const float* residual,
                    int64_t oy0, int64_t oy1) {
  const int64_t columns = DepthwiseStripColumns(a);
  const int64_t block = DepthwiseChannelBlock(a.c);
  for (int64_t c0 = 0; c0 < a.c; c0 += block) {
    const int64_t channels = std::min(block, a.c - c0);
    for (int64_t ox0 = 0; ox0 < a.out_w; ox0 += columns) {
      const int64_t ox1 = std::min(ox0 + columns, a.out_w);
      for (int64_t oy = oy0; oy < oy1; ++oy) {
        RunStrip(a, src, dst, residual, oy, ox0, ox1, c0, channels);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_DEPTHWISE_INL_H_
