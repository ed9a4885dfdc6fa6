// Gradients of the depthwise convolution: of the input where the horizontal stride is 2 or anything
// else (stride 1 is a correlation, depthwise-inl.h), and of the weights.
#if defined(LINNET_KERNELS_DEPTHWISE_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_DEPTHWISE_GRADIENT_INL_H_
#undef LINNET_KERNELS_DEPTHWISE_GRADIENT_INL_H_
#else
#define LINNET_KERNELS_DEPTHWISE_GRADIENT_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/depthwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

// ---- gradient of the input, horizontal stride 2 ----
//
// With u = ix + pad_left = 2m + r, the taps that reach column u are kx = r, r + 2, ..., from output
// column m - t for kx = r + 2t. A segment is Q values of m, so 2Q columns of dx; each dy is loaded
// once a kernel row.

struct GradientSegment {
  const float* dy;  // of the first kernel row, output column m - (KW+1)/2 + 1
  int64_t dy_pixel, dy_row;
  int clip_begin, clip_end;  // columns of dy that exist
  const float* w;
  int64_t w_row, w_block;  // floats to the next kernel row, to the next kDepthwiseLanes channels
  int rows;
  float* dx;  // column 2m - pad_left
  int64_t dx_pixel;
  int out_begin, out_end;  // columns of dx that exist
  bool accumulate;
  size_t channels;
};

template <int KW, int Q, bool kClip, bool kPart>
HWY_INLINE void GradientVector(const GradientSegment& s, size_t c, size_t n) {
  const DF d;
  constexpr int kBefore = (KW + 1) / 2 - 1;
  VF acc[2 * Q];
  Unroll<2 * Q>([&](auto p) LINNET_LAMBDA { acc[p()] = hn::Zero(d); });
  const float* HWY_RESTRICT dy = s.dy + c;
  const float* HWY_RESTRICT w = s.w + DepthwiseTaps(static_cast<int64_t>(c), s.w_block);
  for (int row = 0; row < s.rows; ++row, dy += s.dy_row, w += s.w_row) {
    VF taps[KW];
    Unroll<KW>([&](auto k) LINNET_LAMBDA { taps[k()] = hn::LoadU(d, w + k() * kDepthwiseLanes); });
    Unroll<Q + kBefore>([&](auto j) LINNET_LAMBDA {
      if (kClip && (j() < s.clip_begin || j() >= s.clip_end)) return;
      const VF g = LoadVector<kPart>(dy + j() * s.dy_pixel, n);
      Unroll<KW>([&](auto k) LINNET_LAMBDA {
        constexpr int kM = j() - kBefore + k() / 2;
        if constexpr (kM >= 0 && kM < Q) {
          acc[2 * kM + k() % 2] = hn::MulAdd(g, taps[k()], acc[2 * kM + k() % 2]);
        }
      });
    });
  }
  Unroll<2 * Q>([&](auto p) LINNET_LAMBDA {
    if (kClip && (p() < s.out_begin || p() >= s.out_end)) return;
    float* HWY_RESTRICT dx = s.dx + p() * s.dx_pixel + static_cast<int64_t>(c);
    VF sum = acc[p()];
    if (s.accumulate) sum = hn::Add(sum, LoadVector<kPart>(dx, n));
    StoreVector<kPart>(sum, dx, n);
  });
}

template <int KW, int Q, bool kClip>
void RunGradientSegment(const GradientSegment& s) {
  const size_t lanes = hn::Lanes(DF());
  size_t c = 0;
  for (; c + lanes <= s.channels; c += lanes) GradientVector<KW, Q, kClip, false>(s, c, lanes);
  if (c < s.channels) GradientVector<KW, Q, kClip, true>(s, c, s.channels - c);
}

using GradientSegmentFn = void (*)(const GradientSegment&);
// [0]: 4 values of m, [1]: 2, [2]: 1; [clipped]
template <int KW>
inline constexpr GradientSegmentFn kGradientFns[3][2] = {
    {RunGradientSegment<KW, 4, false>, RunGradientSegment<KW, 4, true>},
    {RunGradientSegment<KW, 2, false>, RunGradientSegment<KW, 2, true>},
    {RunGradientSegment<KW, 1, false>, RunGradientSegment<KW, 1, true>}};

// One row iy of dx, channels [c0, c0 + channels).
inline void Stride2GradientRow(const DepthwiseShape& shape, const float* packed, const float* dy,
                               float* dx, bool accumulate, int64_t iy, int64_t c0,
                               int64_t channels) {
  const int64_t kw = shape.kernel_w, c = shape.c;
  // The kernel rows that reach iy: first, first + stride, ..., from output rows oy, oy - 1, ...
  const int64_t u = iy + shape.pad_top;
  int64_t first = u % shape.stride_h, oy = u / shape.stride_h;
  const int64_t skip = std::max<int64_t>(oy - (shape.out_h - 1), 0);
  first += skip * shape.stride_h;
  oy -= skip;
  const int64_t reaching =
      first >= shape.kernel_h ? 0 : (shape.kernel_h - first - 1) / shape.stride_h + 1;
  GradientSegment s;
  s.rows = static_cast<int>(std::max<int64_t>(std::min(reaching, oy + 1), 0));
  s.dy_pixel = c;
  s.dy_row = -shape.out_w * c;
  s.w_block = DepthwiseBlockFloats(shape);
  s.w = packed + first * kw * kDepthwiseLanes + DepthwiseTaps(c0, s.w_block);
  s.w_row = shape.stride_h * kw * kDepthwiseLanes;
  s.dx_pixel = c;
  s.accumulate = accumulate;
  s.channels = static_cast<size_t>(channels);
  const auto* fns = kw == 3 ? kGradientFns<3> : kGradientFns<5>;
  const int64_t before = (kw + 1) / 2 - 1;
  const int64_t m_end = (shape.pad_left + shape.w - 1) / 2 + 1;
  for (int64_t m = shape.pad_left / 2; m < m_end;) {
    int kind = 0;
    int64_t count;
    for (; (count = 4 >> kind) > m_end - m; ++kind) {
    }
    const int64_t ox = m - before, ix = 2 * m - shape.pad_left;
    s.dy = dy + (oy * shape.out_w + ox) * c + c0;
    s.dx = dx + (iy * shape.w + ix) * c + c0;
    s.clip_begin = static_cast<int>(std::max<int64_t>(-ox, 0));
    s.clip_end = static_cast<int>(std::min<int64_t>(shape.out_w - ox, 64));
    s.out_begin = static_cast<int>(std::max<int64_t>(-ix, 0));
    s.out_end = static_cast<int>(std::min<int64_t>(shape.w - ix, 64));
    const bool clip = ox < 0 || m + count > shape.out_w || ix < 0 || ix + 2 * count > shape.w;
    fns[kind][clip](s);
    m += count;
  }
}

// One row of dx for any kernel, stride and dilation: each element looks for the outputs it reached.
inline void GeneralGradientRow(const DepthwiseShape& shape, const float* packed, const float* dy,
                               float* dx, bool accumulate, int64_t iy, int64_t c0,
                               int64_t channels) {
  const DF d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t ix = 0; ix < shape.w; ++ix) {
    for (int64_t c = c0; c < c0 + channels; c += lanes) {
      const size_t n = static_cast<size_t>(std::min(lanes, c0 + channels - c));
      float* to = dx + (iy * shape.w + ix) * shape.c + c;
      const float* taps = packed + DepthwiseTaps(c, DepthwiseBlockFloats(shape));
      VF sum = accumulate ? LoadPart(d, to, n) : hn::Zero(d);
      for (int ky = 0; ky < shape.kernel_h; ++ky) {
        const int64_t y = iy + shape.pad_top - ky * shape.dilation_h;
        if (y < 0 || y % shape.stride_h != 0 || y / shape.stride_h >= shape.out_h) continue;
        for (int kx = 0; kx < shape.kernel_w; ++kx) {
          const int64_t x = ix + shape.pad_left - kx * shape.dilation_w;
          if (x < 0 || x % shape.stride_w != 0 || x / shape.stride_w >= shape.out_w) continue;
          const int64_t pixel = y / shape.stride_h * shape.out_w + x / shape.stride_w;
          sum = hn::MulAdd(LoadPart(d, dy + pixel * shape.c + c, n),
                           hn::LoadU(d, taps + (ky * shape.kernel_w + kx) * kDepthwiseLanes), sum);
        }
      }
      StorePart(sum, d, to, n);
    }
  }
}

// Rows [iy0, iy1) of dx of one image.
inline void InputGradientRows(const DepthwiseShape& shape, const float* packed, const float* dy,
                              float* dx, bool accumulate, int64_t iy0, int64_t iy1) {
  const bool stride2 = shape.stride_w == 2 && shape.dilation_w == 1 && shape.dilation_h == 1 &&
                       (shape.kernel_w == 3 || shape.kernel_w == 5);
  const auto row = stride2 ? Stride2GradientRow : GeneralGradientRow;
  const int64_t block = DepthwiseChannelBlock(shape.c);
  for (int64_t c0 = 0; c0 < shape.c; c0 += block) {
    for (int64_t iy = iy0; iy < iy1; ++iy) {
      row(shape, packed, dy, dx, accumulate, iy, c0, std::min(block, shape.c - c0));
    }
  }
}

// ---- gradient of the weights ----
//
// dw[ky, kx] = sum of dy[oy, ox] x[oy*stride + ky - pad, ox*stride + kx - pad]. KH kernel rows by
// KW taps are summed in registers over a number of output rows, one vector of channels at a time.

// A row of outputs of one image, seen from kernel row 'ky' = 0.
struct WeightRow {
  const float* dy;
  const float* x;  // row of kernel row 0, column 0 of the map; may lie outside
  TapRange ky;     // kernel rows that meet the map
};

template <int KH, int KW, int S, int Q, bool kClip, bool kPart>
HWY_INLINE void WeightSegment(const DepthwiseShape& shape, const WeightRow& row, int ky0,
                              int64_t ox, size_t n, VF (&acc)[KH * KW]) {
  VF g[Q];
  const float* HWY_RESTRICT dy = row.dy + ox * shape.c;
  Unroll<Q>([&](auto q) LINNET_LAMBDA { g[q()] = LoadVector<kPart>(dy + q() * shape.c, n); });
  const int64_t ix = ox * S - shape.pad_left;
  Unroll<KH>([&](auto r) LINNET_LAMBDA {
    const int ky = ky0 + r();
    if (ky < row.ky.first || ky >= row.ky.last) return;
    const float* HWY_RESTRICT x = row.x + (int64_t{ky} * shape.dilation_h * shape.w + ix) * shape.c;
    Unroll<(Q - 1) * S + KW>([&](auto j) LINNET_LAMBDA {
      if (kClip && (ix + j() < 0 || ix + j() >= shape.w)) return;
      const VF xj = LoadVector<kPart>(x + j() * shape.c, n);
      Unroll<KW>([&](auto k) LINNET_LAMBDA {
        constexpr int kFrom = j() - k();
        if constexpr (kFrom >= 0 && kFrom % S == 0 && kFrom / S < Q) {
          constexpr int kAcc = r() * KW + k();
          acc[kAcc] = hn::MulAdd(xj, g[kFrom / S], acc[kAcc]);
        }
      });
    });
  });
}

// Adds to partial[tap * taps_stride], taps of kernel rows [ky0, ky0 + KH).
template <int KH, int KW, int S, bool kPart>
HWY_INLINE void WeightVisit(const DepthwiseShape& shape, const float* x, const float* dy,
                            int64_t row0, int64_t row1, int ky0, int64_t c, size_t n,
                            float* partial, int64_t tap) {
  const DF d;
  VF acc[KH * KW];
  Unroll<KH * KW>([&](auto k) LINNET_LAMBDA { acc[k()] = hn::LoadU(d, partial + k() * tap); });
  int64_t image = row0 / shape.out_h, oy = row0 % shape.out_h;
  for (int64_t r = row0; r < row1; ++r) {
    const int64_t iy = oy * shape.stride_h - shape.pad_top;
    const WeightRow row = {dy + r * shape.out_w * shape.c + c,
                           x + (image * shape.h + iy) * shape.w * shape.c + c,
                           TapsInside(iy, shape.dilation_h, shape.kernel_h, shape.h)};
    const auto inside = [&](int64_t ox, int64_t outputs) {
      const int64_t ix = ox * S - shape.pad_left;
      return ix >= 0 && ix + (outputs - 1) * S + KW <= shape.w;
    };
    int64_t ox = 0;
    for (; ox + 4 <= shape.out_w; ox += 4) {
      if (inside(ox, 4)) {
        WeightSegment<KH, KW, S, 4, false, kPart>(shape, row, ky0, ox, n, acc);
      } else {
        WeightSegment<KH, KW, S, 4, true, kPart>(shape, row, ky0, ox, n, acc);
      }
    }
    if (ox + 2 <= shape.out_w) {
      WeightSegment<KH, KW, S, 2, true, kPart>(shape, row, ky0, ox, n, acc);
      ox += 2;
    }
    if (ox < shape.out_w) WeightSegment<KH, KW, S, 1, true, kPart>(shape, row, ky0, ox, n, acc);
    if (++oy == shape.out_h) oy = 0, ++image;
  }
  Unroll<KH * KW>([&](auto k) LINNET_LAMBDA { hn::StoreU(acc[k()], d, partial + k() * tap); });
}

// The same for any kernel, one tap (KH = KW = 1 at dilated, strided places).
inline void GeneralWeightVisit(const DepthwiseShape& shape, const float* x, const float* dy,
                               int64_t row0, int64_t row1, int ky, int kx, int64_t c, size_t n,
                               float* partial) {
  const DF d;
  VF acc = hn::LoadU(d, partial);
  for (int64_t r = row0; r < row1; ++r) {
    const int64_t iy = r % shape.out_h * shape.stride_h - shape.pad_top + ky * shape.dilation_h;
    if (iy < 0 || iy >= shape.h) continue;
    const float* x_row = x + (r / shape.out_h * shape.h + iy) * shape.w * shape.c + c;
    for (int64_t ox = 0; ox < shape.out_w; ++ox) {
      const int64_t ix = ox * shape.stride_w - shape.pad_left + kx * shape.dilation_w;
      if (ix < 0 || ix >= shape.w) continue;
      acc = hn::MulAdd(LoadPart(d, x_row + ix * shape.c, n),
                       LoadPart(d, dy + (r * shape.out_w + ox) * shape.c + c, n), acc);
    }
  }
  hn::StoreU(acc, d, partial);
}

template <int KH, int KW, int S>
void WeightVector(const DepthwiseShape& shape, const float* x, const float* dy, int64_t row0,
                  int64_t row1, int64_t c, size_t n, float* partial, int64_t tap) {
  for (int ky = 0; ky < shape.kernel_h; ky += KH) {
    float* taps = partial + int64_t{ky} * KW * tap + c;
    if (n == hn::Lanes(DF())) {
      WeightVisit<KH, KW, S, false>(shape, x, dy, row0, row1, ky, c, n, taps, tap);
    } else {
      WeightVisit<KH, KW, S, true>(shape, x, dy, row0, row1, ky, c, n, taps, tap);
    }
  }
}

inline void GeneralWeightVector(const DepthwiseShape& shape, const float* x, const float* dy,
                                int64_t row0, int64_t row1, int64_t c, size_t n, float* partial,
                                int64_t tap) {
  for (int ky = 0; ky < shape.kernel_h; ++ky) {
    for (int kx = 0; kx < shape.kernel_w; ++kx) {
      GeneralWeightVisit(shape, x, dy, row0, row1, ky, kx, c, n,
                         partial + (int64_t{ky} * shape.kernel_w + kx) * tap + c);
    }
  }
}

using WeightVectorFn = void (*)(const DepthwiseShape&, const float*, const float*, int64_t, int64_t,
                                int64_t, size_t, float*, int64_t);

inline WeightVectorFn FindWeightVector(const DepthwiseShape& s) {
  if (s.dilation_w != 1) return GeneralWeightVector;
  if (s.kernel_w == 3 && s.kernel_h == 3 && s.stride_w == 1) return WeightVector<3, 3, 1>;
  if (s.kernel_w == 3 && s.kernel_h == 3 && s.stride_w == 2) return WeightVector<3, 3, 2>;
  if (s.kernel_w == 5 && s.stride_w == 1) return WeightVector<1, 5, 1>;
  if (s.kernel_w == 5 && s.stride_w == 2) return WeightVector<1, 5, 2>;
  return GeneralWeightVector;
}

// Output rows [row0, row1), counted through all images, channels [c0, c1): overwrites those
// channels of partial [taps][tap].
inline void WeightGradientRows(const DepthwiseShape& shape, const float* x, const float* dy,
                               int64_t row0, int64_t row1, int64_t c0, int64_t c1, float* partial,
                               int64_t tap) {
  const int64_t taps = int64_t{shape.kernel_h} * shape.kernel_w;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(DF()));
  const int64_t padded = (c1 + lanes - 1) / lanes * lanes;
  for (int64_t k = 0; k < taps; ++k) {
    std::fill(partial + k * tap + c0, partial + k * tap + padded, 0.0f);
  }
  const WeightVectorFn vector = FindWeightVector(shape);
  // Rows that stay in the first-level cache while the vectors of the block pass over them.
  const int64_t step = std::max<int64_t>(64 / shape.out_w, 1);
  for (int64_t row = row0; row < row1; row += step) {
    for (int64_t c = c0; c < c1; c += lanes) {
      const size_t n = static_cast<size_t>(std::min(lanes, c1 - c));
      vector(shape, x, dy, row, std::min(row + step, row1), c, n, partial, tap);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_DEPTHWISE_GRADIENT_INL_H_
