// Depthwise correlation of a few output rows of one image: the kernel of the forward pass, and,
// with the taps in reverse order, of the gradient of the input at stride 1.
//
// A segment of Q outputs of one row and a cache line of channels stays in registers. For each
// kernel row, the inputs under the segment are loaded once and multiplied into every output they
// belong to: (Q-1)*S + KW loads of x and KW of w for Q*KW multiply-adds, so that loads are not the
// limit. The whole line of channels at once, because the next segment may not find it in the
// first-level cache: where pixels lie a power of two apart, they fall into few sets of it (see
// RunCopied).
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

// Rows of outputs of a tile, so that the sums, a column of inputs and a tap stay in the registers:
// for 5x5 of stride 1 20 + 8 + 1 of 32; of 16, 9 + 5 + 1 for 3x3 (two rows were slower on every
// layer of MobileNet V1 but one), and 5x5 is left to the segments.
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
inline constexpr int kTileRows = 4, kTileKernel = 5;
#else
inline constexpr int kTileRows = 3, kTileKernel = 3;
#endif

// Vectors of a segment: a line of 64 bytes, of at most two vectors, as more would not leave
// registers for the outputs. Then so many outputs that eight or more sums hide the latency of the
// multiply-add.
inline constexpr int kSegmentVectors =
    std::clamp(static_cast<int>(kDepthwiseLanes / hn::MaxLanes(DF())), 1, 2);
inline constexpr int kSegmentOutputs[4] = {kSegmentVectors == 2 ? 4 : 8,
                                           kSegmentVectors == 2 ? 3 : 4, 2, 1};

// Neighbouring outputs of one row, a block of channels. Pointers are at the block's first channel,
// which is a multiple of kDepthwiseLanes.
struct Segment {
  const float* x;  // input of kernel row 'first' and column 0 for the first output; where the
                   // segment is clipped it may lie outside of the map, and is not read there
  int64_t x_pixel, x_row;    // floats to the next column, to the next kernel row's row
  int wrap;                  // the kernel row that is the last one of the ring of rows,
  int64_t x_wrap;            // and floats from it to the next
  int clip_begin, clip_end;  // columns of x that exist, counted from x
  const float* w;            // tap (first, 0)
  int64_t tap;               // floats to the next tap; negative: reversed
  int64_t w_block;           // floats to the next kDepthwiseLanes channels
  int rows;                  // kernel rows that meet the map
  const float* bias;
  const float* residual;
  int64_t residual_pixel;
  const float* bounds;  // clamp
  float* y;
  int64_t y_pixel;
  size_t channels;
};

// v, which has to be in a register from here on: else GCC loads it again for each of its products.
HWY_INLINE VF InRegister(VF v) {
#if HWY_ARCH_X86
  asm("" : "+v"(v.raw));
#endif
  return v;
}

// Which columns of a segment's inputs lie outside of the map: a border of one column, as kernels of
// three have, is known to the compiler; kAny asks clip_begin and clip_end.
enum class Clip { kNone, kFirst, kLast, kAny };

// Whether column j of 'columns' is inside.
template <Clip kClip>
HWY_INLINE bool Inside(const Segment& s, int j, int columns) {
  if (kClip == Clip::kFirst) return j != 0;
  if (kClip == Clip::kLast) return j != columns - 1;
  return kClip == Clip::kNone || (j >= s.clip_begin && j < s.clip_end);
}

// V vectors of the segment; kPart: one, of n lanes. The pointers of s are at the vectors' first
// channel.
template <int KW, int S, int Q, int V, Clip kClip, bool kPart>
HWY_INLINE void SegmentVectors(const Segment& s, size_t n) {
  const DF d;
  constexpr int kColumns = (Q - 1) * S + KW;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  VF acc[Q][V];
  Unroll<V>([&](auto v) LINNET_LAMBDA {
    const VF bias = s.bias == nullptr ? hn::Zero(d) : LoadVector<kPart>(s.bias + v() * lanes, n);
    Unroll<Q>([&](auto q) LINNET_LAMBDA { acc[q()][v()] = bias; });
  });
  if (s.residual != nullptr) {
    Unroll<Q>([&](auto q) LINNET_LAMBDA {
      Unroll<V>([&](auto v) LINNET_LAMBDA {
        const float* residual = s.residual + q() * s.residual_pixel + v() * lanes;
        acc[q()][v()] = hn::Add(acc[q()][v()], LoadVector<kPart>(residual, n));
      });
    });
  }
  const float* HWY_RESTRICT x = s.x;
  const float* HWY_RESTRICT w = s.w;
  for (int row = 0; row < s.rows; ++row, w += KW * s.tap) {
    Unroll<V>([&](auto v) LINNET_LAMBDA {
      VF xs[kColumns];
      Unroll<KW>([&](auto k) LINNET_LAMBDA {
        // The inputs of tap k; those that tap k - S has met are in registers.
        Unroll<Q>([&](auto q) LINNET_LAMBDA {
          constexpr int kJ = q() * S + k();
          if constexpr (k() < S || q() + 1 == Q) {
            if (!Inside<kClip>(s, kJ, kColumns)) return;
            xs[kJ] = InRegister(LoadVector<kPart>(x + kJ * s.x_pixel + v() * lanes, n));
          }
        });
        const VF tap = InRegister(hn::LoadU(d, w + k() * s.tap + v() * lanes));
        Unroll<Q>([&](auto q) LINNET_LAMBDA {
          constexpr int kJ = q() * S + k();
          if (!Inside<kClip>(s, kJ, kColumns)) return;
          acc[q()][v()] = hn::MulAdd(xs[kJ], tap, acc[q()][v()]);
        });
      });
    });
    x += row == s.wrap ? s.x_wrap : s.x_row;
  }
  // Loaded here, and not once for all segments: the sums and inputs leave no register for them.
  const VF low = hn::Set(d, s.bounds[0]), high = hn::Set(d, s.bounds[1]);
  Unroll<Q>([&](auto q) LINNET_LAMBDA {
    Unroll<V>([&](auto v) LINNET_LAMBDA {
      StoreVector<kPart>(AtMost(AtLeast(acc[q()][v()], low), high),
                         s.y + q() * s.y_pixel + v() * lanes, n);
    });
  });
}

template <int KW, int S, int Q, Clip kClip>
void RunSegment(const Segment& segment) {
  // A copy, which no store to y can change, so that it stays in registers.
  Segment s = segment;
  constexpr size_t kBlock = static_cast<size_t>(kDepthwiseLanes);
  const size_t lanes = hn::Lanes(DF()), step = kSegmentVectors * lanes;
  const auto advance = [&](size_t channels, int64_t w) LINNET_LAMBDA {
    s.x += channels;
    s.y += channels;
    s.w += w;
    if (s.bias != nullptr) s.bias += channels;
    if (s.residual != nullptr) s.residual += channels;
  };
  size_t left = s.channels;
  for (; left >= kBlock; left -= kBlock) {
    for (size_t c = 0; c < kBlock; c += step) {
      SegmentVectors<KW, S, Q, kSegmentVectors, kClip, false>(s, lanes);
      advance(step, static_cast<int64_t>(step));
    }
    s.w += s.w_block - kDepthwiseLanes;
  }
  for (; left > 0; left -= std::min(left, lanes)) {
    SegmentVectors<KW, S, Q, 1, Clip::kAny, true>(s, std::min(lanes, left));
    advance(std::min(lanes, left), static_cast<int64_t>(lanes));
  }
}

// One output, any kernel width, dilation and stride: clip_begin and clip_end count taps here.
template <bool kPart>
HWY_INLINE void PixelVector(const Segment& s, int kernel_w, size_t c, size_t n) {
  const DF d;
  VF acc = s.bias == nullptr ? hn::Zero(d) : LoadVector<kPart>(s.bias + c, n);
  if (s.residual != nullptr) acc = hn::Add(acc, LoadVector<kPart>(s.residual + c, n));
  const float* HWY_RESTRICT x = s.x + c;
  const float* HWY_RESTRICT w = s.w + DepthwiseTaps(static_cast<int64_t>(c), s.w_block);
  for (int row = 0; row < s.rows; ++row, x += s.x_row, w += kernel_w * s.tap) {
    for (int k = s.clip_begin; k < s.clip_end; ++k) {
      acc = hn::MulAdd(LoadVector<kPart>(x + k * s.x_pixel, n), hn::LoadU(d, w + k * s.tap), acc);
    }
  }
  StoreVector<kPart>(AtMost(d, AtLeast(d, acc, s.bounds[0]), s.bounds[1]), s.y + c, n);
}

inline void RunPixel(const Segment& s, int kernel_w) {
  const size_t lanes = hn::Lanes(DF());
  size_t c = 0;
  for (; c + lanes <= s.channels; c += lanes) PixelVector<false>(s, kernel_w, c, lanes);
  if (c < s.channels) PixelVector<true>(s, kernel_w, c, s.channels - c);
}

using SegmentFn = void (*)(const Segment&);
struct SegmentFns {
  SegmentFn of[4];  // by Clip
};
template <int KW, int S, int Q>
constexpr SegmentFns ClippedFns() {
  // Kernels of five may lose two columns.
  constexpr Clip kFirst = KW == 3 ? Clip::kFirst : Clip::kAny;
  constexpr Clip kLast = KW == 3 ? Clip::kLast : Clip::kAny;
  return {{RunSegment<KW, S, Q, Clip::kNone>, RunSegment<KW, S, Q, kFirst>,
           RunSegment<KW, S, Q, kLast>, RunSegment<KW, S, Q, Clip::kAny>}};
}
// By kind of kSegmentOutputs.
template <int KW, int S>
inline constexpr SegmentFns kSegmentFns[4] = {
    ClippedFns<KW, S, kSegmentOutputs[0]>(), ClippedFns<KW, S, kSegmentOutputs[1]>(),
    ClippedFns<KW, S, kSegmentOutputs[2]>(), ClippedFns<KW, S, kSegmentOutputs[3]>()};

inline const SegmentFns* FindSegmentFns(int kernel_w, int stride_w, int dilation_w) {
  if (!DepthwiseHasSegments(kernel_w, stride_w, dilation_w)) return nullptr;
  constexpr int kTiles = kSegmentsBesideTiles ? 0 : kTileKernel;
  if constexpr (kTiles < 3) {
    if (kernel_w == 3) return stride_w == 1 ? kSegmentFns<3, 1> : kSegmentFns<3, 2>;
  }
  if constexpr (kTiles < 5) {
    if (kernel_w == 5) return stride_w == 1 ? kSegmentFns<5, 1> : kSegmentFns<5, 2>;
  }
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

// Where the input rows lie: in the map, or in a ring of rows that were copied.
struct InputRows {
  const float* x;      // slot 0, where column 0 of the map would be, channel 0 of the strip
  int64_t pixel, row;  // floats to the next column, to the next slot
  int64_t slots;       // row r lies in slot r % slots; a map has one for each row
};

// One strip: outputs [ox0, ox1) of row oy, channels [c0, c0 + channels).
inline void RunStrip(const Correlation& a, const InputRows& rows, float* dst, const float* residual,
                     int64_t oy, int64_t ox0, int64_t ox1, int64_t c0, int64_t channels) {
  const int64_t iy = oy * a.stride_h - a.pad_top;
  const TapRange ky = TapsInside(iy, a.dilation_h, a.kernel_h, a.in_h);
  const auto* segments = FindSegmentFns(a.kernel_w, a.stride_w, a.dilation_w);
  Segment s;
  s.x_pixel = rows.pixel * (segments == nullptr ? a.dilation_w : 1);
  s.x_row = a.dilation_h * rows.row;
  s.x_wrap = (1 - rows.slots) * rows.row;
  s.w_block = a.block;
  s.w = a.weights + ky.first * a.kernel_w * a.tap + DepthwiseTaps(c0, a.block);
  s.tap = a.tap;
  s.rows = ky.last - ky.first;
  s.bias = a.epilogue.bias == nullptr ? nullptr : a.epilogue.bias + c0;
  s.residual_pixel = a.epilogue.residual_stride;
  s.bounds = a.bounds;
  s.y_pixel = a.y_pixel;
  s.channels = static_cast<size_t>(channels);
  const int64_t slot = (iy + int64_t{ky.first} * a.dilation_h) % rows.slots;
  s.wrap = static_cast<int>(rows.slots - 1 - slot);
  for (int64_t ox = ox0; ox < ox1;) {
    const int64_t ix = ox * a.stride_w - a.pad_left;
    const int64_t pixel = oy * a.out_w + ox;
    s.x = rows.x + slot * rows.row + ix * rows.pixel;
    s.y = dst + pixel * a.y_pixel + c0;
    s.residual = residual == nullptr ? nullptr : residual + pixel * s.residual_pixel + c0;
    int64_t outputs = 1;
    if (segments != nullptr) {
      int kind = 0;
      while (kSegmentOutputs[kind] > ox1 - ox) ++kind;
      outputs = kSegmentOutputs[kind];
      const int64_t before = std::max<int64_t>(-ix, 0);
      const int64_t end = ix + (outputs - 1) * a.stride_w + a.kernel_w;
      const int64_t after = std::max<int64_t>(end - a.in_w, 0);
      s.clip_begin = static_cast<int>(before);
      s.clip_end = static_cast<int>(std::min<int64_t>(a.in_w - ix, 64));
      const Clip clip = before == 0 && after == 0   ? Clip::kNone
                        : before == 1 && after == 0 ? Clip::kFirst
                        : before == 0 && after == 1 ? Clip::kLast
                                                    : Clip::kAny;
      segments[kind].of[static_cast<int>(clip)](s);
    } else {
      const TapRange kx = TapsInside(ix, a.dilation_w, a.kernel_w, a.in_w);
      s.clip_begin = kx.first;
      s.clip_end = kx.last;
      RunPixel(s, a.kernel_w);
    }
    if (a.activate_after) {
      float* y = s.y;
      ActivateRows(a.epilogue.act, a.epilogue.alpha, outputs, s.channels,
                   [=, pixel = a.y_pixel](int64_t q) { return y + q * pixel; });
    }
    ox += outputs;
  }
}

// 'pixels' runs of 'channels' floats, from memory where they lie 'pixel' floats apart to where they
// touch.
inline void CopyRow(const float* from, int64_t pixel, int64_t pixels, int64_t channels, float* to) {
  const DF d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  // Whole vectors: a ring's channels are a multiple of kDepthwiseLanes, as DepthwiseCopies asks.
  for (int64_t x = 0; x < pixels; ++x, from += pixel, to += channels) {
    for (int64_t c = 0; c < channels; c += lanes) hn::Store(hn::LoadU(d, from + c), d, to + c);
  }
}

// The same as RunRows where neighbouring pixels lie a multiple of 2048 bytes apart, mostly a power
// of two. All pixels under a channel then fall into one or two sets of the first-level cache, which
// cannot hold the lines of one segment. So a strip of columns and channels is copied, row by row,
// into a ring in that cache: long runs of neighbouring lines, each of them read once.
inline void RunCopied(const Correlation& a, const float* src, float* dst, const float* residual,
                      int64_t oy0, int64_t oy1, int64_t c0, int64_t c1) {
  const DepthwiseRing ring = DepthwiseRingOf(a);
  HWY_ALIGN float memory[DepthwiseRing::kFloats];
  for (; c0 < c1; c0 += ring.channels) {
    const int64_t channels = std::min(ring.channels, c1 - c0);
    const int64_t row_floats = ring.columns * channels;
    for (int64_t ox0 = 0; ox0 < a.out_w; ox0 += ring.outputs) {
      const int64_t ox1 = std::min(ox0 + ring.outputs, a.out_w);
      const int64_t ix = ox0 * a.stride_w - a.pad_left;
      const int64_t x0 = std::clamp<int64_t>(ix, 0, a.in_w);
      const int64_t x1 =
          std::clamp<int64_t>((ox1 - 1) * a.stride_w - a.pad_left + a.kernel_w, x0, a.in_w);
      const InputRows rows = {memory - x0 * channels, channels, row_floats, a.kernel_h};
      int64_t copied = std::max<int64_t>(oy0 * a.stride_h - a.pad_top, 0);
      for (int64_t oy = oy0; oy < oy1; ++oy) {
        const int64_t iy = oy * a.stride_h - a.pad_top;
        copied = std::max(copied, iy);
        for (; copied < std::min(iy + a.kernel_h, a.in_h); ++copied) {
          CopyRow(src + (copied * a.in_w + x0) * a.x_pixel + c0, a.x_pixel, x1 - x0, channels,
                  memory + copied % a.kernel_h * row_floats);
        }
        RunStrip(a, rows, dst, residual, oy, ox0, ox1, c0, channels);
      }
    }
  }
}

// Output rows [oy0, oy1) of one image, channels [c0, c1).
inline void RunRows(const Correlation& a, const float* src, float* dst, const float* residual,
                    int64_t oy0, int64_t oy1, int64_t c0, int64_t c1) {
  const int64_t block = DepthwiseChannelBlock(a.c);
  for (; c0 < c1; c0 += block) {
    const InputRows rows = {src + c0, a.x_pixel, a.in_w * a.x_pixel, a.in_h};
    for (int64_t oy = oy0; oy < oy1; ++oy) {
      RunStrip(a, rows, dst, residual, oy, 0, a.out_w, c0, std::min(block, c1 - c0));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_DEPTHWISE_INL_H_
