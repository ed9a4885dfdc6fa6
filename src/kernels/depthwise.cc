#include "kernels/depthwise.h"

#include <algorithm>
#include <vector>

#include "kernels/depthwise_cut.h"
#include "kernels/depthwise_multiplier.h"
#include "kernels/elementwise.h"
#include "kernels/targets.h"
#include "kernels/training_only.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/depthwise-inl.h"
#include "kernels/depthwise_gradient-inl.h"
#include "kernels/depthwise_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {

#ifndef LINNET_KERNELS_DEPTHWISE_TABLE_
#define LINNET_KERNELS_DEPTHWISE_TABLE_
struct DepthwiseTable {
  // Output rows [oy0, oy1) of one image, channels [c0, c1).
  void (*rows)(const Correlation&, const float* src, float* dst, const float* residual, int64_t oy0,
               int64_t oy1, int64_t c0, int64_t c1);
  int largest_walk;  // DepthwiseWalks
  // Rows [iy0, iy1) of dx of one image.
  void (*input_gradient)(const DepthwiseShape&, const float* packed, const float* dy, float* dx,
                         bool accumulate, int64_t iy0, int64_t iy1);
  // Output rows [row0, row1) of all images, channels [c0, c1).
  void (*weight_gradient)(const DepthwiseShape&, const float* x, const float* dy, int64_t row0,
                          int64_t row1, int64_t c0, int64_t c1, float* partial, int64_t tap);
};
#endif

namespace HWY_NAMESPACE {

// Output rows [oy0, oy1) of one image, channels [c0, c1).
void CorrelateRows(const Correlation& a, const float* src, float* dst, const float* residual,
                   int64_t oy0, int64_t oy1, int64_t c0, int64_t c1) {
  const bool segments = FindSegmentFns(a.kernel_w, a.stride_w, a.dilation_w) != nullptr;
  const auto rows = DepthwiseWalks(a, kTileKernel)   ? WalkRows<FloatNumbers>
                    : segments && DepthwiseCopies(a) ? RunCopied
                                                     : RunRows;
  rows(a, src, dst, residual, oy0, oy1, c0, c1);
}

const DepthwiseTable* GetDepthwiseTable() {
  static constexpr DepthwiseTable kTable = {CorrelateRows, kTileKernel,
                                            LINNET_TRAINING_ONLY(InputGradientRows),
                                            LINNET_TRAINING_ONLY(WeightGradientRows)};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {
namespace {

HWY_EXPORT(GetDepthwiseTable);

CorrelationCut CutCorrelation(const Correlation& a, int largest_walk, int threads) {
  constexpr int64_t kItemFloats = 32768;
  if (DepthwiseWalks(a, largest_walk)) return CutWalk(a, kItemFloats, threads);
  if (!DepthwiseCopies(a))
    return {RowsPerItem(a.out_h, a.in_w * a.c * a.stride_h, kItemFloats), a.c};
  // Each band of rows copies kernel_h - 1 rows that another one copies, too: so few bands, and the
  // ring's channels in each.
  const int64_t channels = DepthwiseRingOf(a).channels;
  return {RowsPerItem(a.out_h, a.in_w * channels * a.stride_h, 4 * kItemFloats), channels};
}

void RunCorrelation(const Correlation& a, int64_t images, const float* src, float* dst,
                    ThreadPool* pool) {
  const DepthwiseTable& table = *HWY_DYNAMIC_DISPATCH(GetDepthwiseTable)();
  const CorrelationCut cut = CutCorrelation(a, table.largest_walk, ThreadsOfAnImage(images, pool));
  const int64_t bands = (a.out_h + cut.rows - 1) / cut.rows;
  const int64_t groups = (a.c + cut.channels - 1) / cut.channels;
  ParallelFor(pool, static_cast<size_t>(images * bands * groups), [&](size_t item) {
    const int64_t group = static_cast<int64_t>(item) % groups;
    const int64_t band = static_cast<int64_t>(item) / groups % bands;
    const int64_t image = static_cast<int64_t>(item) / groups / bands;
    const int64_t oy = band * cut.rows, c = group * cut.channels;
    const int64_t out = image * a.out_h * a.out_w;
    const float* residual = a.epilogue.residual;
    if (residual != nullptr) residual += out * a.epilogue.residual_stride;
    table.rows(a, src + image * a.in_h * a.in_w * a.x_pixel, dst + out * a.y_pixel, residual, oy,
               std::min(oy + cut.rows, a.out_h), c, std::min(c + cut.channels, a.c));
  });
}

// Weight gradient: channels are cut into blocks of at most 64, rows into as many chunks as make
// about 32 items; each item has a partial sum of its own.
struct WeightCut {
  int64_t block, blocks, chunk_rows, chunks, partial_floats;
};
WeightCut CutWeights(const DepthwiseShape& s) {
  WeightCut cut;
  cut.block = 64;
  cut.blocks = (s.c + cut.block - 1) / cut.block;
  const int64_t rows = s.n * s.out_h;
  // A chunk shall be worth its partial sum: at least 64 outputs a channel.
  const int64_t most = std::max<int64_t>(rows * s.out_w / 64, 1);
  const int64_t wanted = std::clamp<int64_t>(32 / cut.blocks, 1, most);
  cut.chunk_rows = std::max<int64_t>((rows + wanted - 1) / wanted, 1);
  cut.chunks = (rows + cut.chunk_rows - 1) / cut.chunk_rows;
  cut.partial_floats = int64_t{s.kernel_h} * s.kernel_w * DepthwisePackedChannels(s);
  return cut;
}

}  // namespace

const char* DepthwiseKernelName(const DepthwiseShape& s) {
  if (s.multiplier != 1) return "depthwise multiplier";
  if (DepthwiseHasSegments(s.kernel_w, s.stride_w, s.dilation_w)) {
    if (s.kernel_w == 3) return s.stride_w == 1 ? "depthwise 3 s1" : "depthwise 3 s2";
    return s.stride_w == 1 ? "depthwise 5 s1" : "depthwise 5 s2";
  }
  return "depthwise general";
}

size_t DepthwisePackedBytes(const DepthwiseShape& s) {
  const int64_t taps = int64_t{s.kernel_h} * s.kernel_w;
  return static_cast<size_t>(taps * DepthwisePackedChannels(s)) * sizeof(float);
}

void PackDepthwise(const DepthwiseShape& s, const float* weights, float* packed) {
  const int64_t taps = int64_t{s.kernel_h} * s.kernel_w, block = DepthwiseBlockFloats(s);
  std::fill_n(packed, taps * DepthwisePackedChannels(s), 0.0f);
  for (int64_t c = 0; c < s.out_c(); ++c) {
    float* to = packed + DepthwiseTaps(c, block);
    for (int64_t k = 0; k < taps; ++k) to[k * kDepthwiseLanes] = weights[c * taps + k];
  }
}

void DepthwiseForward(const DepthwiseShape& s, const float* src, const float* packed,
                      const Epilogue& epilogue, float* dst, ThreadPool* pool) {
  if (s.multiplier != 1) return MultiplierForward(s, src, packed, epilogue, dst, pool);
  Correlation a = CorrelationOf(s, packed);
  a.epilogue = epilogue;
  SetActivation(a);
  RunCorrelation(a, s.n, src, dst, pool);
}

void DepthwiseInputGradient(const DepthwiseShape& s, const float* dy, const float* packed,
                            bool accumulate, float* dx, ThreadPool* pool) {
  if (s.multiplier != 1) return MultiplierInputGradient(s, dy, packed, accumulate, dx, pool);
  if (s.stride_h == 1 && s.stride_w == 1) {
    // dx is the correlation of dy with the taps in reverse order.
    const int64_t taps = int64_t{s.kernel_h} * s.kernel_w;
    Correlation a = {.in_h = s.out_h,
                     .in_w = s.out_w,
                     .out_h = s.h,
                     .out_w = s.w,
                     .c = s.c,
                     .x_pixel = s.c,
                     .y_pixel = s.c,
                     .kernel_h = s.kernel_h,
                     .kernel_w = s.kernel_w,
                     .stride_h = 1,
                     .stride_w = 1,
                     .dilation_h = s.dilation_h,
                     .dilation_w = s.dilation_w,
                     .pad_top = int64_t{s.kernel_h - 1} * s.dilation_h - s.pad_top,
                     .pad_left = int64_t{s.kernel_w - 1} * s.dilation_w - s.pad_left,
                     .weights = packed + (taps - 1) * kDepthwiseLanes,
                     .tap = -kDepthwiseLanes,
                     .block = DepthwiseBlockFloats(s)};
    if (accumulate) a.epilogue.residual = dx;
    a.epilogue.residual_stride = s.c;
    SetActivation(a);
    return RunCorrelation(a, s.n, dy, dx, pool);
  }
  const DepthwiseTable& table = *HWY_DYNAMIC_DISPATCH(GetDepthwiseTable)();
  constexpr int64_t kItemFloats = 32768;
  const int64_t rows = RowsPerItem(s.h, s.w * s.c, kItemFloats);
  const int64_t chunks = (s.h + rows - 1) / rows;
  ParallelFor(pool, static_cast<size_t>(s.n * chunks), [&](size_t item) {
    const int64_t image = static_cast<int64_t>(item) / chunks;
    const int64_t iy = static_cast<int64_t>(item) % chunks * rows;
    table.input_gradient(s, packed, dy + image * s.out_h * s.out_w * s.c,
                         dx + image * s.h * s.w * s.c, accumulate, iy, std::min(iy + rows, s.h));
  });
}

size_t DepthwiseWeightGradientScratchBytes(const DepthwiseShape& s) {
  const size_t bias = BiasGradientScratchBytes(s.n * s.out_h * s.out_w, s.out_c());
  if (s.multiplier != 1) return bias;
  const WeightCut cut = CutWeights(s);
  return std::max(bias, static_cast<size_t>(cut.chunks * cut.partial_floats) * sizeof(float));
}

void DepthwiseWeightGradient(const DepthwiseShape& s, const float* x, const float* dy, float* dw,
                             float* db, void* scratch, ThreadPool* pool) {
  if (db != nullptr) BiasGradient(s.n * s.out_h * s.out_w, s.out_c(), dy, db, scratch, pool);
  if (s.multiplier != 1) return MultiplierWeightGradient(s, x, dy, dw, pool);
  const DepthwiseTable& table = *HWY_DYNAMIC_DISPATCH(GetDepthwiseTable)();
  const WeightCut cut = CutWeights(s);
  const int64_t tap = DepthwisePackedChannels(s), rows = s.n * s.out_h;
  const int64_t taps = int64_t{s.kernel_h} * s.kernel_w;
  float* partials = static_cast<float*>(scratch);
  ParallelFor(pool, static_cast<size_t>(cut.chunks * cut.blocks), [&](size_t item) {
    const int64_t chunk = static_cast<int64_t>(item) / cut.blocks;
    const int64_t c0 = static_cast<int64_t>(item) % cut.blocks * cut.block;
    const int64_t row0 = chunk * cut.chunk_rows;
    table.weight_gradient(s, x, dy, row0, std::min(row0 + cut.chunk_rows, rows), c0,
                          std::min(c0 + cut.block, s.c), partials + chunk * cut.partial_floats,
                          tap);
  });
  ParallelFor(pool, static_cast<size_t>(cut.blocks), [&](size_t block) {
    const int64_t c0 = static_cast<int64_t>(block) * cut.block;
    const int64_t c1 = std::min(c0 + cut.block, s.c);
    for (int64_t k = 0; k < taps; ++k) {
      for (int64_t c = c0; c < c1; ++c) {
        float sum = 0;
        for (int64_t chunk = 0; chunk < cut.chunks; ++chunk) {
          sum += partials[chunk * cut.partial_floats + k * tap + c];
        }
        dw[c * taps + k] += sum;
      }
    }
  });
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
