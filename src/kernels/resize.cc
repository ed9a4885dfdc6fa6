#include "kernels/resize.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resize.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/targets.h"

#ifndef LINNET_KERNELS_RESIZE_CC_
#define LINNET_KERNELS_RESIZE_CC_
namespace linnet::kernels {
namespace {

// What each instruction set provides.
struct ResizeFunctions {
  using Horizontal = void (*)(const uint8_t* const* src, const ResizeAxis&, uint8_t* dst,
                              size_t dst_stride);
  Horizontal horizontal4, horizontal1;
  void (*vertical_row)(const uint8_t* src, size_t stride, const int32_t* weights, int count,
                       size_t bytes, uint8_t* dst);
  void (*normalize)(const uint8_t* src, size_t pixels, int channels, const float* scale,
                    const float* bias, float* dst);
};

}  // namespace
}  // namespace linnet::kernels
#endif  // LINNET_KERNELS_RESIZE_CC_

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Fixed-point weights: 8 bits of pixel, 22 of weight and 2 for overshoot fill 32.
constexpr int kWeightBits = 22;
constexpr int32_t kHalf = 1 << (kWeightBits - 1);

#if HWY_TARGET == HWY_SCALAR

// Without vectors: a byte at a time.
template <int kRows>
void HorizontalRows(const uint8_t* const* src, const ResizeAxis& axis, uint8_t* dst,
                    size_t dst_stride) {
  for (int x = 0; x < axis.output; ++x) {
    const int32_t* weights = &axis.weights[static_cast<size_t>(x) * axis.taps];
    const size_t begin = static_cast<size_t>(axis.first[x]) * 3;
    for (int i = 0; i < 3 * kRows; ++i) {
      const uint8_t* pixel = src[i / 3] + begin + i % 3;
      int32_t sum = kHalf;
      for (int k = 0; k < axis.count[x]; ++k) sum += pixel[3 * k] * weights[k];
      const int32_t value = std::clamp(sum >> kWeightBits, 0, 255);
      dst[i / 3 * dst_stride + 3 * static_cast<size_t>(x) + i % 3] = static_cast<uint8_t>(value);
    }
  }
}

#else

// kRows rows at once, so that each weight is loaded once for all of them. A pixel is four lanes, of
// which the fourth is the next pixel's red: hence a row must be readable one byte past its end.
template <int kRows>
void HorizontalRows(const uint8_t* const* src, const ResizeAxis& axis, uint8_t* dst,
                    size_t dst_stride) {
  const hn::FixedTag<int32_t, 4> d;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  for (int x = 0; x < axis.output; ++x) {
    const int32_t* HWY_RESTRICT weights = &axis.weights[static_cast<size_t>(x) * axis.taps];
    const size_t begin = static_cast<size_t>(axis.first[x]) * 3;
    hn::Vec<decltype(d)> sum[kRows];
    for (int r = 0; r < kRows; ++r) sum[r] = hn::Set(d, kHalf);
    for (int k = 0; k < axis.count[x]; ++k) {
      const auto weight = hn::Set(d, weights[k]);
      for (int r = 0; r < kRows; ++r) {
        const auto pixel = hn::PromoteTo(d, hn::LoadU(d8, src[r] + begin + 3 * k));
        sum[r] = hn::Add(sum[r], hn::Mul(pixel, weight));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      HWY_ALIGN uint8_t pixel[16];
      hn::Store(hn::DemoteTo(d8, hn::ShiftRight<kWeightBits>(sum[r])), d8, pixel);
      std::memcpy(dst + r * dst_stride + 3 * static_cast<size_t>(x), pixel, 3);
    }
  }
}

#endif

// kVectors vectors of one output row, from 'count' source rows.
template <int kVectors, class D>
HWY_INLINE void VerticalBlock(D d, const uint8_t* src, size_t stride, const int32_t* weights,
                              int count, uint8_t* dst) {
  const hn::Rebind<uint8_t, D> d8;
  const size_t lanes = hn::Lanes(d);
  hn::Vec<D> sum0 = hn::Set(d, kHalf), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (int k = 0; k < count; ++k, src += stride) {
    const auto weight = hn::Set(d, weights[k]);
    sum0 = hn::Add(sum0, hn::Mul(hn::PromoteTo(d, hn::LoadU(d8, src)), weight));
    if constexpr (kVectors == 4) {
      sum1 = hn::Add(sum1, hn::Mul(hn::PromoteTo(d, hn::LoadU(d8, src + lanes)), weight));
      sum2 = hn::Add(sum2, hn::Mul(hn::PromoteTo(d, hn::LoadU(d8, src + 2 * lanes)), weight));
      sum3 = hn::Add(sum3, hn::Mul(hn::PromoteTo(d, hn::LoadU(d8, src + 3 * lanes)), weight));
    }
  }
  hn::StoreU(hn::DemoteTo(d8, hn::ShiftRight<kWeightBits>(sum0)), d8, dst);
  if constexpr (kVectors == 4) {
    hn::StoreU(hn::DemoteTo(d8, hn::ShiftRight<kWeightBits>(sum1)), d8, dst + lanes);
    hn::StoreU(hn::DemoteTo(d8, hn::ShiftRight<kWeightBits>(sum2)), d8, dst + 2 * lanes);
    hn::StoreU(hn::DemoteTo(d8, hn::ShiftRight<kWeightBits>(sum3)), d8, dst + 3 * lanes);
  }
}

// One output row of 'bytes' bytes from 'count' source rows.
void VerticalRow(const uint8_t* src, size_t stride, const int32_t* weights, int count, size_t bytes,
                 uint8_t* dst) {
  const hn::ScalableTag<int32_t> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + 4 * lanes <= bytes; i += 4 * lanes) {
    VerticalBlock<4>(d, src + i, stride, weights, count, dst + i);
  }
  for (; i + lanes <= bytes; i += lanes) {
    VerticalBlock<1>(d, src + i, stride, weights, count, dst + i);
  }
  const hn::CappedTag<int32_t, 1> one;
  for (; i < bytes; ++i) VerticalBlock<1>(one, src + i, stride, weights, count, dst + i);
}

void Normalize(const uint8_t* src, size_t pixels, int channels, const float* scale,
               const float* bias, float* dst) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const size_t lanes = hn::Lanes(d), count = pixels * static_cast<size_t>(channels);
  // The pattern of channels repeats after three vectors.
  constexpr size_t kMaxLanes = HWY_MAX_BYTES / sizeof(float);
  HWY_ALIGN float scales[3 * kMaxLanes], biases[3 * kMaxLanes];
  for (size_t i = 0; i < 3 * lanes; ++i) {
    scales[i] = scale[i % channels];
    biases[i] = bias[i % channels];
  }
  size_t i = 0;
  for (; i + 3 * lanes <= count; i += 3 * lanes) {
    for (size_t part = 0; part < 3 * lanes; part += lanes) {
      const auto x = hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(d8, src + i + part)));
      const auto product = hn::Mul(x, hn::Load(d, scales + part));
      hn::StoreU(hn::Add(product, hn::Load(d, biases + part)), d, dst + i + part);
    }
  }
  for (; i < count; ++i) {
    const float product = static_cast<float>(src[i]) * scale[i % channels];
    dst[i] = product + bias[i % channels];
  }
}

ResizeFunctions GetResizeFunctions() {
  return {HorizontalRows<4>, HorizontalRows<1>, VerticalRow, Normalize};
}

}  // namespace linnet::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {
namespace {

HWY_EXPORT(GetResizeFunctions);

ResizeFunctions Get() { return HWY_DYNAMIC_DISPATCH(GetResizeFunctions)(); }

double Sinc(double x) {
  if (x == 0) return 1;
  x *= M_PI;
  return std::sin(x) / x;
}

double Cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double Support(ResizeFilter filter) {
  constexpr double kSupports[] = {0.5, 1, 2, 3};
  return kSupports[static_cast<int>(filter)];
}

double Evaluate(ResizeFilter filter, double x) {
  switch (filter) {
    case ResizeFilter::kBox:
      return x > -0.5 && x <= 0.5 ? 1 : 0;
    case ResizeFilter::kBilinear:
      return std::max(0.0, 1 - std::abs(x));
    case ResizeFilter::kBicubic:
      return Cubic(x);
    case ResizeFilter::kLanczos:
      return std::abs(x) < 3 ? Sinc(x) * Sinc(x / 3) : 0;
  }
  return 0;
}

// Source rows [first, last) that the vertical pass reads.
struct RowRange {
  int first, last;
};

RowRange RowsOf(const ResizeAxis& axis) {
  RowRange range{axis.source, 0};
  for (int i = 0; i < axis.output; ++i) {
    range.first = std::min(range.first, axis.first[i]);
    range.last = std::max(range.last, axis.first[i] + axis.count[i]);
  }
  return range;
}

bool IsIdentity(const ResizeAxis& axis) {
  return axis.source == axis.output && axis.begin == 0 && axis.end == axis.source;
}

// The rows of 'range', resampled along x to 'dst' (stride 3 * axis.output).
void HorizontalPass(const uint8_t* src, int src_height, RowRange range, const ResizeAxis& axis,
                    uint8_t* dst, std::vector<uint8_t>& last_row) {
  const size_t src_stride = static_cast<size_t>(axis.source) * 3;
  const size_t dst_stride = static_cast<size_t>(axis.output) * 3;
  // Only behind the picture's very last row is nothing to read.
  if (range.last == src_height) {
    last_row.resize(src_stride + 1);
    std::memcpy(last_row.data(), src + (src_height - 1) * src_stride, src_stride);
  }
  const auto row = [&](int y) {
    return y == src_height - 1 ? last_row.data() : src + y * src_stride;
  };
  const ResizeFunctions functions = Get();
  int y = range.first;
  for (; y + 4 <= range.last; y += 4, dst += 4 * dst_stride) {
    const uint8_t* rows[] = {row(y), row(y + 1), row(y + 2), row(y + 3)};
    functions.horizontal4(rows, axis, dst, dst_stride);
  }
  for (; y < range.last; ++y, dst += dst_stride) {
    const uint8_t* rows[] = {row(y)};
    functions.horizontal1(rows, axis, dst, dst_stride);
  }
}

// 'src' holds the rows from 'first_row' on.
void VerticalPass(const uint8_t* src, int first_row, size_t stride, const ResizeAxis& axis,
                  uint8_t* dst) {
  const ResizeFunctions functions = Get();
  for (int y = 0; y < axis.output; ++y) {
    functions.vertical_row(src + static_cast<size_t>(axis.first[y] - first_row) * stride, stride,
                           &axis.weights[static_cast<size_t>(y) * axis.taps], axis.count[y], stride,
                           dst + static_cast<size_t>(y) * stride);
  }
}

}  // namespace

void PrepareResizeAxis(int source, double begin, double end, int output, ResizeFilter filter,
                       ResizeAxis& axis) {
  Check(source > 0 && output > 0 && begin >= 0 && begin < end && end <= source,
        "resize [{}, {}) of {} to {}", begin, end, source, output);
  if (axis.source == source && axis.output == output && axis.begin == begin && axis.end == end &&
      axis.filter == filter) {
    return;
  }
  const double scale = (end - begin) / output;
  const double widen = std::max(scale, 1.0);  // antialiasing when shrinking, plain filter else
  const double support = Support(filter) * widen;
  axis.source = 0;  // of no use until the end is reached: memory may run out on the way
  axis.taps = 2 * static_cast<int>(std::ceil(support)) + 1;
  axis.first.resize(output);
  axis.count.resize(output);
  axis.weights.assign(static_cast<size_t>(output) * axis.taps, 0);
  std::vector<double> exact(axis.taps);
  for (int i = 0; i < output; ++i) {
    const double center = begin + (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - support + 0.5));
    const int count = std::min(source, static_cast<int>(center + support + 0.5)) - first;
    double sum = 0;
    for (int k = 0; k < count; ++k) {
      exact[k] = Evaluate(filter, (first + k - center + 0.5) / widen);
      sum += exact[k];
    }
    for (int k = 0; k < count; ++k) {
      const double weight = sum == 0 ? 0 : exact[k] / sum;
      axis.weights[static_cast<size_t>(i) * axis.taps + k] =
          static_cast<int32_t>(std::lround(weight * (1 << 22)));
    }
    axis.first[i] = first;
    axis.count[i] = count;
  }
  axis.source = source;
  axis.output = output;
  axis.begin = begin;
  axis.end = end;
  axis.filter = filter;
}

void ResizeRgb(const uint8_t* src, int src_width, int src_height, const ResizeBox& box,
               ResizeFilter filter, uint8_t* dst, int dst_width, int dst_height,
               ResizeScratch& scratch) {
  PrepareResizeAxis(src_width, box.x0, box.x1, dst_width, filter, scratch.x);
  PrepareResizeAxis(src_height, box.y0, box.y1, dst_height, filter, scratch.y);
  const size_t stride = static_cast<size_t>(dst_width) * 3;
  const bool same_x = IsIdentity(scratch.x), same_y = IsIdentity(scratch.y);
  if (same_x && same_y) {
    std::memcpy(dst, src, stride * dst_height);
  } else if (same_x) {
    VerticalPass(src, 0, stride, scratch.y, dst);
  } else if (same_y) {
    HorizontalPass(src, src_height, {0, src_height}, scratch.x, dst, scratch.last_row);
  } else {
    const RowRange range = RowsOf(scratch.y);
    scratch.rows.resize(stride * (range.last - range.first));
    HorizontalPass(src, src_height, range, scratch.x, scratch.rows.data(), scratch.last_row);
    VerticalPass(scratch.rows.data(), range.first, stride, scratch.y, dst);
  }
}

void NormalizeBytes(const uint8_t* src, size_t pixels, int channels, const float* scale,
                    const float* bias, float* dst) {
  Get().normalize(src, pixels, channels, scale, bias, dst);
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
