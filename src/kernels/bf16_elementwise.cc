#include "kernels/bf16_elementwise.h"

#include <algorithm>

#include "kernels/bf16_kernels.h"
#include "kernels/depthwise_cut.h"
#include "kernels/pool_window.h"

namespace linnet::kernels {
namespace {

// About so many numbers an item of work.
constexpr int64_t kItem = 16384;

// f(begin, end) for parts of [0, n).
template <class F>
void ForParts(int64_t n, ThreadPool* pool, F&& f) {
  ParallelFor(pool, static_cast<size_t>((n + kItem - 1) / kItem), [&](size_t i) {
    const int64_t begin = static_cast<int64_t>(i) * kItem;
    f(begin, std::min(n, begin + kItem));
  });
}

// f(row) for each of 'rows' rows of 'channels' numbers.
template <class F>
void ForRows(int64_t rows, int64_t channels, ThreadPool* pool, F&& f) {
  const int64_t each = std::max<int64_t>(1, kItem / std::max<int64_t>(1, channels));
  ParallelFor(pool, static_cast<size_t>((rows + each - 1) / each), [&](size_t i) {
    const int64_t begin = static_cast<int64_t>(i) * each;
    for (int64_t row = begin; row < std::min(rows, begin + each); ++row) f(row);
  });
}

struct Pixels {
  const bfloat16_t* of[kMaxBf16Window];
  int64_t count = 0;
};

// f(pixels under the window, divisor of their mean, result); windows that miss the map give zeros.
template <class F>
void ForWindows(const PoolShape& s, const bfloat16_t* x, bfloat16_t* y, ThreadPool* pool, F&& f) {
  ParallelFor(pool, static_cast<size_t>(s.n * s.out_h), [&](size_t item) {
    const int64_t line = static_cast<int64_t>(item);
    const bfloat16_t* image = x + line / s.out_h * s.h * s.w * s.SrcStride();
    const PoolExtent rows =
        PoolExtentOf(line % s.out_h, s.stride_h, s.kernel_h, s.pad_top, s.pad_bottom, s.h);
    for (int64_t ox = 0; ox < s.out_w; ++ox) {
      const PoolExtent columns =
          PoolExtentOf(ox, s.stride_w, s.kernel_w, s.pad_left, s.pad_right, s.w);
      Pixels pixels;
      for (int64_t iy = rows.begin; iy < rows.end; ++iy) {
        for (int64_t ix = columns.begin; ix < columns.end; ++ix) {
          pixels.of[pixels.count++] = image + (iy * s.w + ix) * s.SrcStride();
        }
      }
      bfloat16_t* to = y + (line * s.out_w + ox) * s.DstStride();
      if (pixels.count == 0) {
        std::fill_n(to, s.c, bfloat16_t{0});
      } else {
        f(pixels, s.count_include_pad ? rows.padded * columns.padded : pixels.count, to);
      }
    }
  });
}

}  // namespace

void ToBf16Forward(int64_t n, const float* src, bfloat16_t* dst, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  ForParts(n, pool, [&](int64_t begin, int64_t end) {
    kernels.to_bf16(end - begin, src + begin, dst + begin);
  });
}

void FromBf16Forward(int64_t n, const bfloat16_t* src, float* dst, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  ForParts(n, pool, [&](int64_t begin, int64_t end) {
    kernels.to_float(end - begin, src + begin, dst + begin);
  });
}

void AddBf16(int64_t n, const bfloat16_t* a, const bfloat16_t* b, float scale, Activation act,
             float alpha, bfloat16_t* y, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  ForParts(n, pool, [&](int64_t begin, int64_t end) {
    kernels.add(end - begin, a + begin, b == nullptr ? nullptr : b + begin, scale, act, alpha,
                y + begin);
  });
}

void MulGateBf16(const Bf16Map& map, int64_t rows_per_gate, const bfloat16_t* x,
                 const bfloat16_t* gate, int64_t gate_stride, bfloat16_t* y, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  ForRows(map.rows, map.channels, pool, [&](int64_t row) {
    kernels.mul(map.channels, x + row * map.x_stride, gate + row / rows_per_gate * gate_stride,
                y + row * map.y_stride);
  });
}

void ScaleShiftBf16(const Bf16Map& map, const bfloat16_t* x, const float* scale, const float* shift,
                    Activation act, float alpha, bfloat16_t* y, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  ForRows(map.rows, map.channels, pool, [&](int64_t row) {
    kernels.scale_shift(map.channels, x + row * map.x_stride, scale, shift, act, alpha,
                        y + row * map.y_stride);
  });
}

void CopyBf16(const Bf16Map& map, const bfloat16_t* x, bfloat16_t* y, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  ForRows(map.rows, map.channels, pool, [&](int64_t row) {
    kernels.copy(map.channels, x + row * map.x_stride, y + row * map.y_stride);
  });
}

void ShuffleBf16(const Bf16Map& map, int64_t groups, const bfloat16_t* x, bfloat16_t* y,
                 ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  const int64_t each = map.channels / groups;
  ForRows(map.rows, map.channels, pool, [&](int64_t row) {
    const bfloat16_t* from = x + row * map.x_stride;
    bfloat16_t* to = y + row * map.y_stride;
    if (groups == 2) return kernels.interleave(each, from, from + each, to);
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t c = 0; c < each; ++c) to[c * groups + g] = from[g * each + c];
    }
  });
}

void GlobalAverageBf16(int64_t images, int64_t pixels, int64_t channels, const bfloat16_t* x,
                       int64_t x_stride, bfloat16_t* y, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  constexpr int64_t kBlock = 256;
  const int64_t blocks = (channels + kBlock - 1) / kBlock;
  ParallelFor(pool, static_cast<size_t>(images * blocks), [&](size_t item) {
    const int64_t image = static_cast<int64_t>(item) / blocks;
    const int64_t c = static_cast<int64_t>(item) % blocks * kBlock;
    const int64_t count = std::min(kBlock, channels - c);
    float sums[kBlock] = {};
    kernels.sum_rows(count, pixels, x_stride, x + image * pixels * x_stride + c, sums);
    for (int64_t i = 0; i < count; ++i) sums[i] /= static_cast<float>(pixels);
    kernels.to_bf16(count, sums, y + image * channels + c);
  });
}

void MaxPoolBf16(const PoolShape& s, const bfloat16_t* x, bfloat16_t* y, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  ForWindows(s, x, y, pool, [&](const Pixels& pixels, int64_t, bfloat16_t* to) {
    kernels.max(s.c, pixels.count, pixels.of, to);
  });
}

void AveragePoolBf16(const PoolShape& s, const bfloat16_t* x, bfloat16_t* y, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  ForWindows(s, x, y, pool, [&](const Pixels& pixels, int64_t divisor, bfloat16_t* to) {
    kernels.sum(s.c, pixels.count, pixels.of, 1.0f / static_cast<float>(divisor), to);
  });
}

const char* Bf16DepthwiseRefuses(const DepthwiseShape& s, Activation act) {
  if (s.multiplier != 1) return "several outputs a channel";
  const bool square = s.kernel_h == s.kernel_w && s.stride_h == s.stride_w;
  if (!square || s.dilation_h != 1 || !DepthwiseHasSegments(s.kernel_w, s.stride_w, s.dilation_w)) {
    return "kernels are for 3x3 and 5x5 of stride 1 and 2, undilated";
  }
  if (act != Activation::kIdentity && act != Activation::kRelu && act != Activation::kRelu6 &&
      act != Activation::kHardSwish && act != Activation::kSwish) {
    return "an activation that is not one of its epilogue's";
  }
  return s.kernel_w > GetBf16Kernels()->largest_walk ? "too few registers for this kernel"
                                                     : nullptr;
}

void DepthwiseBf16(const DepthwiseShape& s, const bfloat16_t* src, const float* packed,
                   const float* bias, Activation act, const bfloat16_t* residual,
                   int64_t residual_stride, bfloat16_t* dst, ThreadPool* pool) {
  const Bf16Kernels& kernels = *GetBf16Kernels();
  Correlation a = CorrelationOf(s, packed);
  a.epilogue = {.bias = bias, .act = act, .residual_stride = residual_stride};
  SetActivation(a);
  constexpr int64_t kItemNumbers = 65536;  // as many bytes as of float32 (depthwise.cc)
  const CorrelationCut cut = CutWalk(a, kItemNumbers, ThreadsOfAnImage(s.n, pool));
  const int64_t bands = (a.out_h + cut.rows - 1) / cut.rows;
  const int64_t groups = (a.c + cut.channels - 1) / cut.channels;
  ParallelFor(pool, static_cast<size_t>(s.n * bands * groups), [&](size_t item) {
    const int64_t group = static_cast<int64_t>(item) % groups;
    const int64_t band = static_cast<int64_t>(item) / groups % bands;
    const int64_t image = static_cast<int64_t>(item) / groups / bands;
    const int64_t oy = band * cut.rows, c = group * cut.channels, out = image * a.out_h * a.out_w;
    kernels.depthwise_rows(a, src + image * a.in_h * a.in_w * a.x_pixel, dst + out * a.y_pixel,
                           residual == nullptr ? nullptr : residual + out * residual_stride, oy,
                           std::min(oy + cut.rows, a.out_h), c, std::min(c + cut.channels, a.c));
  });
}

}  // namespace linnet::kernels
