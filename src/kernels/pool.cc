#include "kernels/pool.h"

#include <algorithm>

#include "kernels/elementwise_table.h"
#include "kernels/pool_window.h"
#include "kernels/targets.h"
#include "kernels/training_only.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {

#ifndef LINNET_KERNELS_POOL_TABLE_
#define LINNET_KERNELS_POOL_TABLE_
using MaxRow = void (*)(const PoolWindow&, int64_t outputs, const float* src, int64_t channels,
                        float* dst, int64_t to_pixel);
struct PoolTable {
  MaxRow max_row3[2][3];  // by stride and rows of the window, from 1
  void (*max)(const PoolWindow&, const float* src, int64_t channels, float* dst);
  void (*max_gradient)(const PoolWindow&, const float* src, const float* dy, int64_t channels,
                       float* dx);
  void (*pick_at_max)(const PoolWindow&, const float* src, const float* from, int64_t channels,
                      bool accumulate, float* dst);
  void (*average)(const PoolWindow&, const float* src, float scale, int64_t channels, float* dst);
  void (*average_gradient)(const PoolWindow&, const float* dy, float scale, int64_t channels,
                           float* dx);
};
#endif

namespace HWY_NAMESPACE {

const PoolTable* GetPoolTable() {
  static constexpr PoolTable kTable = {{{MaxRow3<1, 1>, MaxRow3<1, 2>, MaxRow3<1, 3>},
                                        {MaxRow3<2, 1>, MaxRow3<2, 2>, MaxRow3<2, 3>}},
                                       MaxPixel,
                                       MaxGradientPixel,
                                       PickAtMaxPixel,
                                       AveragePixel,
                                       LINNET_TRAINING_ONLY(AverageGradientPixel)};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {
namespace {

HWY_EXPORT(GetPoolTable);
const PoolTable& Table() { return *HWY_DYNAMIC_DISPATCH(GetPoolTable)(); }

// Calls f(window, float offset of its first pixel in the image's channel 0, divisor) for outputs
// [x0, x1) of row oy; windows that miss the map are left out.
template <class F>
void ForOutputs(const PoolShape& s, int64_t oy, int64_t x0, int64_t x1, F&& f) {
  const PoolExtent y = PoolExtentOf(oy, s.stride_h, s.kernel_h, s.pad_top, s.pad_bottom, s.h);
  for (int64_t ox = x0; ox < x1; ++ox) {
    const PoolExtent x = PoolExtentOf(ox, s.stride_w, s.kernel_w, s.pad_left, s.pad_right, s.w);
    const int64_t pixel = s.SrcStride();
    const PoolWindow window = {y.end - y.begin, x.end - x.begin, s.w * pixel, pixel};
    const int64_t divisor =
        s.count_include_pad ? y.padded * x.padded : window.rows * window.columns;
    const bool empty = window.rows <= 0 || window.columns <= 0;
    f(ox, empty ? PoolWindow{0, 0, 0, 0} : window, (y.begin * s.w + x.begin) * pixel, divisor);
  }
}

// One row of one image, outputs [x0, x1). pixel(window, source, divisor, destination)
template <class F>
void ForwardRow(const PoolShape& s, const float* image, int64_t oy, int64_t x0, int64_t x1,
                float* dst, F&& pixel) {
  ForOutputs(s, oy, x0, x1, [&](int64_t ox, const PoolWindow& window, int64_t at, int64_t divisor) {
    float* to = dst + ox * s.DstStride();
    if (window.rows == 0) return static_cast<void>(std::fill(to, to + s.c, 0.0f));
    pixel(window, image + at, divisor, to);
  });
}

// row(image, its row of outputs, where that goes)
template <class F>
void Forward(const PoolShape& s, const float* src, float* dst, ThreadPool* pool, F&& row) {
  ParallelFor(pool, static_cast<size_t>(s.n * s.out_h), [&](size_t item) {
    const int64_t r = static_cast<int64_t>(item);
    row(src + r / s.out_h * s.h * s.w * s.SrcStride(), r % s.out_h,
        dst + r * s.out_w * s.DstStride());
  });
}

// Outputs [first, last) of a row whose windows lie inside of the map's columns.
struct Inside {
  int64_t first, last;
};
Inside InsideColumns(const PoolShape& s) {
  const int64_t first = (s.pad_left + s.stride_w - 1) / s.stride_w;
  const int64_t room = s.w + s.pad_left - s.kernel_w;
  const int64_t last = room < 0 ? 0 : room / s.stride_w + 1;
  const int64_t begin = std::min(first, s.out_w);
  return {begin, std::clamp(last, begin, s.out_w)};
}

// pixel(window, offset in src and dx, offset in dy, channels, divisor). Windows overlap, so that an
// image, or a block of its channels, is one item.
template <class F>
void Backward(const PoolShape& s, bool accumulate, float* dx, ThreadPool* pool, F&& pixel) {
  constexpr int64_t kBlock = 128;
  const int64_t blocks = (s.c + kBlock - 1) / kBlock;
  ParallelFor(pool, static_cast<size_t>(s.n * blocks), [&](size_t item) {
    const int64_t image = static_cast<int64_t>(item) / blocks;
    const int64_t c = static_cast<int64_t>(item) % blocks * kBlock;
    const int64_t channels = std::min(kBlock, s.c - c);
    const int64_t first = image * s.h * s.w * s.c + c;
    for (int64_t p = 0; !accumulate && p < s.h * s.w; ++p) {
      float* to = dx + first + p * s.c;
      std::fill(to, to + channels, 0.0f);
    }
    for (int64_t oy = 0; oy < s.out_h; ++oy) {
      ForOutputs(s, oy, 0, s.out_w,
                 [&](int64_t ox, const PoolWindow& window, int64_t at, int64_t divisor) {
                   if (window.rows == 0) return;
                   const int64_t out = ((image * s.out_h + oy) * s.out_w + ox) * s.c + c;
                   pixel(window, first + at, out, channels, divisor);
                 });
    }
  });
}

PoolShape WholeMap(const GlobalPoolShape& s) {
  PoolShape shape;
  shape.n = s.n;
  shape.h = s.pixels;
  shape.w = 1;
  shape.c = s.c;
  shape.out_h = shape.out_w = 1;
  shape.kernel_h = static_cast<int>(s.pixels);
  shape.kernel_w = 1;
  return shape;
}

}  // namespace

void MaxPoolForward(const PoolShape& s, const float* src, float* dst, ThreadPool* pool) {
  const PoolTable& table = Table();
  // So many outputs at a time that their columns of all channels stay in the first-level cache.
  constexpr int64_t kOutputs = 8;
  const int64_t pixel = s.SrcStride();
  const bool shared = s.kernel_w == 3 && s.stride_w <= 2;
  const Inside inside = shared ? InsideColumns(s) : Inside{s.out_w, s.out_w};
  Forward(s, src, dst, pool, [&](const float* image, int64_t oy, float* to) {
    const auto one = [&](const PoolWindow& window, const float* from, int64_t, float* y) {
      table.max(window, from, s.c, y);
    };
    const PoolExtent y = PoolExtentOf(oy, s.stride_h, s.kernel_h, s.pad_top, s.pad_bottom, s.h);
    const int64_t rows = y.end - y.begin;
    if (rows < 1 || rows > 3) return ForwardRow(s, image, oy, 0, s.out_w, to, one);
    ForwardRow(s, image, oy, 0, inside.first, to, one);
    const PoolWindow window = {rows, s.kernel_w, s.w * pixel, pixel};
    for (int64_t ox = inside.first; ox < inside.last; ox += kOutputs) {
      const float* from = image + (y.begin * s.w + ox * s.stride_w - s.pad_left) * pixel;
      table.max_row3[s.stride_w - 1][rows - 1](window, std::min(kOutputs, inside.last - ox), from,
                                               s.c, to + ox * s.DstStride(), s.DstStride());
    }
    ForwardRow(s, image, oy, inside.last, s.out_w, to, one);
  });
}

void AveragePoolForward(const PoolShape& s, const float* src, float* dst, ThreadPool* pool) {
  const PoolTable& table = Table();
  Forward(s, src, dst, pool, [&](const float* image, int64_t oy, float* to) {
    ForwardRow(s, image, oy, 0, s.out_w, to,
               [&](const PoolWindow& window, const float* from, int64_t divisor, float* y) {
                 table.average(window, from, 1.0f / static_cast<float>(divisor), s.c, y);
               });
  });
}

void MaxPoolBackward(const PoolShape& s, const float* src, const float* dy, bool accumulate,
                     float* dx, ThreadPool* pool) {
  const PoolTable& table = Table();
  Backward(s, accumulate, dx, pool,
           [&](const PoolWindow& window, int64_t at, int64_t out, int64_t channels, int64_t) {
             table.max_gradient(window, src + at, dy + out, channels, dx + at);
           });
}

void PickAtMaxima(const PoolShape& s, const float* src, const float* from, bool accumulate,
                  float* dst, ThreadPool* pool) {
  const PoolTable& table = Table();
  ParallelFor(pool, static_cast<size_t>(s.n * s.out_h), [&](size_t item) {
    const int64_t row = static_cast<int64_t>(item);
    const int64_t image = row / s.out_h * s.h * s.w * s.c;
    ForOutputs(s, row % s.out_h, 0, s.out_w,
               [&](int64_t ox, const PoolWindow& window, int64_t at, int64_t) {
                 float* to = dst + (row * s.out_w + ox) * s.c;
                 if (window.rows == 0) {
                   if (!accumulate) std::fill_n(to, s.c, 0.0f);
                   return;
                 }
                 table.pick_at_max(window, src + image + at, from + image + at, s.c, accumulate,
                                   to);
               });
  });
}

void AveragePoolBackward(const PoolShape& s, const float* dy, bool accumulate, float* dx,
                         ThreadPool* pool) {
  const PoolTable& table = Table();
  Backward(
      s, accumulate, dx, pool,
      [&](const PoolWindow& window, int64_t at, int64_t out, int64_t channels, int64_t divisor) {
        table.average_gradient(window, dy + out, 1.0f / static_cast<float>(divisor), channels,
                               dx + at);
      });
}

namespace {

// Runs of pixels are summed apart, so that rounding grows with their number, not with the pixels',
// and that two threads read what each of them has written (RowsForThreads, matmul_block.cc).
int64_t AverageRuns(const GlobalPoolShape& s) {
  constexpr int64_t kRun = 64;
  return s.pixels == 1 ? 1 : (s.pixels + 2 * kRun - 1) / (2 * kRun) * 2;
}

// The first pixel of a run.
int64_t RunBegin(const GlobalPoolShape& s, int64_t run) { return s.pixels * run / AverageRuns(s); }

}  // namespace

int64_t GlobalAverageScratch(const GlobalPoolShape& s) { return s.n * AverageRuns(s) * s.c; }

void GlobalAverageForward(const GlobalPoolShape& s, const float* src, float* dst, float* scratch,
                          ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  const int64_t runs = AverageRuns(s);
  ParallelFor(pool, static_cast<size_t>(s.n * runs), [&](size_t item) {
    const int64_t image = static_cast<int64_t>(item) / runs;
    const int64_t run = static_cast<int64_t>(item) % runs;
    const int64_t first = RunBegin(s, run), pixels = RunBegin(s, run + 1) - first;
    const float* from = src + (image * s.pixels + first) * s.c;
    float* sums = scratch + static_cast<int64_t>(item) * s.c;
    std::fill_n(sums, s.c, 0.0f);
    constexpr int64_t kBlock = 64;  // channels, whose sums stay in registers
    for (int64_t c = 0; c < s.c; c += kBlock) {
      table.column_sums(pixels, s.c, std::min(kBlock, s.c - c), from + c, sums + c);
    }
  });
  ParallelFor(pool, static_cast<size_t>(s.n), [&](size_t image) {
    const float* sums = scratch + static_cast<int64_t>(image) * runs * s.c;
    float* to = dst + static_cast<int64_t>(image) * s.c;
    std::fill_n(to, s.c, 0.0f);
    table.column_sums(runs, s.c, s.c, sums, to);
    table.scale(s.c, to, 1.0f / static_cast<float>(s.pixels), false, to);
  });
}

void GlobalAverageBackward(const GlobalPoolShape& s, const float* dy, bool accumulate, float* dx,
                           ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  const float scale = 1.0f / static_cast<float>(s.pixels);
  ForRowRuns(pool, s.n * s.pixels, s.c, [&](int64_t row, int64_t rows) {
    for (int64_t r = row; r < row + rows; ++r) {
      table.scale(s.c, dy + r / s.pixels * s.c, scale, accumulate, dx + r * s.c);
    }
  });
}

void GlobalMaxForward(const GlobalPoolShape& s, const float* src, float* dst, ThreadPool* pool) {
  MaxPoolForward(WholeMap(s), src, dst, pool);
}

void GlobalMaxBackward(const GlobalPoolShape& s, const float* src, const float* dy, bool accumulate,
                       float* dx, ThreadPool* pool) {
  MaxPoolBackward(WholeMap(s), src, dy, accumulate, dx, pool);
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
