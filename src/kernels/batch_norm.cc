#include "kernels/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/batch_norm_pass.h"
#include "kernels/targets.h"
#include "kernels/training_only.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/batch_norm.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/batch_norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {

#ifndef LINNET_KERNELS_BATCH_NORM_TABLE_
#define LINNET_KERNELS_BATCH_NORM_TABLE_
struct BatchNormTable {
  void (*moments)(const float* x, int64_t pitch, int64_t rows, int64_t width, const float* shift,
                  float* sums, float* squares);
  void (*normalize)(const BnParams&, const float* x, int64_t x_pitch, int64_t rows, int64_t width,
                    float* y, int64_t y_pitch);
  void (*gradient_sums)(const BnParams&, const float* x, const float* dy, int64_t pitch,
                        int64_t rows, int64_t width, float* sums, float* products);
  void (*gradient_input)(const BnParams&, const float* x, const float* dy, int64_t pitch,
                         int64_t rows, int64_t width, bool accumulate, float* dx);
};
#endif

namespace HWY_NAMESPACE {

const BatchNormTable* GetBatchNormTable() {
  static constexpr BatchNormTable kTable = {BnMoments, BnNormalize,
                                            LINNET_TRAINING_ONLY(BnGradientSums),
                                            LINNET_TRAINING_ONLY(BnGradientInput)};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {
namespace {

HWY_EXPORT(GetBatchNormTable);

// Columns that a pass takes at once: its float sums lie on the stack.
constexpr int64_t kColumns = 1024;
// Rows summed in float before they go to double.
constexpr int64_t kFloatRows = 128;

// Narrow maps are seen with several pixels a row, 'fold' of them, so that vectors are full: fold *
// channels is a multiple of 16 (the widest vector) and about 64. The rows that do not fill the last
// folded row are a row of their own, shorter.
struct Cut {
  int64_t fold, width, folded_rows, rest_width;
  int64_t item_rows, items;  // of folded rows; the last item has the rest, too
};

Cut CutRows(const BatchNormShape& s) {
  Cut cut;
  const int64_t fill = 16 / std::gcd(s.channels, int64_t{16});
  cut.fold = s.channels > 128 ? 1 : fill * std::max<int64_t>(64 / (fill * s.channels), 1);
  cut.width = cut.fold * s.channels;
  cut.folded_rows = s.rows / cut.fold;
  cut.rest_width = (s.rows - cut.folded_rows * cut.fold) * s.channels;
  // Items of at least 64 KB, at most 64 of them, whole groups of 4 rows.
  constexpr int64_t kItemFloats = 16384, kMostItems = 64;
  const int64_t wanted =
      std::max(kItemFloats / cut.width, (cut.folded_rows + kMostItems - 1) / kMostItems);
  cut.item_rows = std::max<int64_t>((wanted + 3) / 4 * 4, 4);
  cut.items = std::max<int64_t>((cut.folded_rows + cut.item_rows - 1) / cut.item_rows, 1);
  return cut;
}

// Calls f(element offset of the block in memory, first column, rows, width) for the blocks of an
// item, a block being at most kColumns wide and 'most_rows' high.
template <class F>
void ForBlocks(const Cut& cut, int64_t item, int64_t most_rows, F&& f) {
  const int64_t row0 = item * cut.item_rows;
  const int64_t row1 = std::min(row0 + cut.item_rows, cut.folded_rows);
  const auto block = [&](int64_t row, int64_t rows, int64_t width) {
    for (int64_t c = 0; c < width; c += kColumns) {
      f(row * cut.width + c, c, rows, std::min(kColumns, width - c));
    }
  };
  for (int64_t row = row0; row < row1; row += most_rows) {
    block(row, std::min(most_rows, row1 - row), cut.width);
  }
  if (item == cut.items - 1 && cut.rest_width > 0) block(cut.folded_rows, 1, cut.rest_width);
}

// Scratch: five rows of floats of the folded width, then two rows of doubles for each item.
struct Scratch {
  float* rows[5];
  double* partials;
};
int64_t FloatRow(const Cut& cut) { return (cut.width + 15) / 16 * 16; }
Scratch CarveScratch(const Cut& cut, void* memory) {
  Scratch scratch;
  float* p = static_cast<float*>(memory);
  for (float*& row : scratch.rows) {
    row = p;
    p += FloatRow(cut);
  }
  scratch.partials = reinterpret_cast<double*>(p);
  return scratch;
}

// out[i] = f(i % channels) for the folded width.
template <class F>
void Tile(const Cut& cut, int64_t channels, float* out, F&& f) {
  for (int64_t c = 0; c < channels; ++c) out[c] = f(c);
  for (int64_t i = channels; i < cut.width; ++i) out[i] = out[i - channels];
}

// Sums two quantities a channel over all rows: pass(block offset, column, rows, width, first,
// second) adds to floats; the totals come out in scratch.partials[0, 2 * channels), in double.
template <class Pass>
void SumChannels(const BatchNormShape& s, const Cut& cut, const Scratch& scratch, ThreadPool* pool,
                 Pass&& pass) {
  ParallelFor(pool, static_cast<size_t>(cut.items), [&](size_t item) {
    double* totals = scratch.partials + static_cast<int64_t>(item) * 2 * s.channels;
    std::fill(totals, totals + 2 * s.channels, 0.0);
    alignas(64) float first[kColumns], second[kColumns];
    ForBlocks(cut, static_cast<int64_t>(item), kFloatRows,
              [&](int64_t at, int64_t column, int64_t rows, int64_t width) {
                std::fill(first, first + width, 0.0f);
                std::fill(second, second + width, 0.0f);
                pass(at, column, rows, width, first, second);
                int64_t c = column % s.channels;
                for (int64_t i = 0; i < width; ++i) {
                  totals[c] += first[i];
                  totals[s.channels + c] += second[i];
                  if (++c == s.channels) c = 0;
                }
              });
  });
  for (int64_t item = 1; item < cut.items; ++item) {
    const double* totals = scratch.partials + item * 2 * s.channels;
    for (int64_t i = 0; i < 2 * s.channels; ++i) scratch.partials[i] += totals[i];
  }
}

// A point near the mean of each channel, from which squares are taken, so that their sum does not
// cancel: the mean of up to 64 rows spread over the batch.
void ShiftOf(const BatchNormShape& s, const float* x, float* shift) {
  const int64_t count = std::min<int64_t>(s.rows, 64);
  std::fill(shift, shift + s.channels, 0.0f);
  for (int64_t i = 0; i < count; ++i) {
    const float* row = x + s.rows * i / count * s.channels;
    for (int64_t c = 0; c < s.channels; ++c) shift[c] += row[c];
  }
  for (int64_t c = 0; c < s.channels; ++c) shift[c] /= static_cast<float>(count);
}

float Gamma(const float* gamma, int64_t c) { return gamma == nullptr ? 1.0f : gamma[c]; }
float Beta(const float* beta, int64_t c) { return beta == nullptr ? 0.0f : beta[c]; }

void Statistics(const BatchNormShape& s, const BatchNormForwardArgs& a, const Scratch& scratch) {
  const double rows = static_cast<double>(s.rows);
  for (int64_t c = 0; c < s.channels; ++c) {
    const double mean_shift = scratch.partials[c] / rows;
    const double mean = scratch.rows[0][c] + mean_shift;
    const double var =
        std::max(scratch.partials[s.channels + c] / rows - mean_shift * mean_shift, 0.0);
    a.mean[c] = static_cast<float>(mean);
    a.inv_std[c] = static_cast<float>(1.0 / std::sqrt(var + a.eps));
    const auto update = [&](float& running, double batch) {
      running = static_cast<float>((1.0 - a.momentum) * running + a.momentum * batch);
    };
    if (a.running_mean != nullptr) update(a.running_mean[c], mean);
    if (a.running_var != nullptr) {
      update(a.running_var[c], s.rows > 1 ? var * rows / (rows - 1) : var);
    }
  }
}

}  // namespace

size_t BatchNormScratchBytes(const BatchNormShape& s) {
  const Cut cut = CutRows(s);
  return static_cast<size_t>(5 * FloatRow(cut)) * sizeof(float) +
         static_cast<size_t>(cut.items * 2 * s.channels) * sizeof(double);
}

void BatchNormForward(const BatchNormShape& s, const BatchNormForwardArgs& a, void* memory,
                      ThreadPool* pool) {
  if (s.rows == 0 || s.channels == 0) return;
  const BatchNormTable& table = *HWY_DYNAMIC_DISPATCH(GetBatchNormTable)();
  const Cut cut = CutRows(s);
  const Scratch scratch = CarveScratch(cut, memory);
  float* shift = scratch.rows[0];
  ShiftOf(s, a.x, shift);
  Tile(cut, s.channels, shift, [&](int64_t c) { return shift[c]; });
  SumChannels(
      s, cut, scratch, pool,
      [&](int64_t at, int64_t column, int64_t rows, int64_t width, float* first, float* second) {
        table.moments(a.x + at, cut.width, rows, width, shift + column, first, second);
      });
  Statistics(s, a, scratch);
  BnParams params = {scratch.rows[1], scratch.rows[2], scratch.rows[3], nullptr,
                     nullptr,         a.act,           a.alpha};
  Tile(cut, s.channels, scratch.rows[1], [&](int64_t c) { return a.mean[c]; });
  Tile(cut, s.channels, scratch.rows[2],
       [&](int64_t c) { return Gamma(a.gamma, c) * a.inv_std[c]; });
  Tile(cut, s.channels, scratch.rows[3], [&](int64_t c) { return Beta(a.beta, c); });
  ParallelFor(pool, static_cast<size_t>(cut.items), [&](size_t item) {
    ForBlocks(cut, static_cast<int64_t>(item), cut.item_rows,
              [&](int64_t at, int64_t column, int64_t rows, int64_t width) {
                table.normalize(params.At(column), a.x + at, cut.width, rows, width, a.y + at,
                                cut.width);
              });
  });
}

void BatchNormBackward(const BatchNormShape& s, const BatchNormBackwardArgs& a, void* memory,
                       ThreadPool* pool) {
  if (s.rows == 0 || s.channels == 0) return;
  const BatchNormTable& table = *HWY_DYNAMIC_DISPATCH(GetBatchNormTable)();
  const Cut cut = CutRows(s);
  const Scratch scratch = CarveScratch(cut, memory);
  BnParams params = {scratch.rows[0], scratch.rows[1], scratch.rows[2], scratch.rows[3],
                     scratch.rows[4], a.act,           a.alpha};
  Tile(cut, s.channels, scratch.rows[0], [&](int64_t c) { return a.mean[c]; });
  Tile(cut, s.channels, scratch.rows[1],
       [&](int64_t c) { return Gamma(a.gamma, c) * a.inv_std[c]; });
  Tile(cut, s.channels, scratch.rows[2], [&](int64_t c) { return Beta(a.beta, c); });
  SumChannels(
      s, cut, scratch, pool,
      [&](int64_t at, int64_t column, int64_t rows, int64_t width, float* first, float* second) {
        table.gradient_sums(params.At(column), a.x + at, a.dy + at, cut.width, rows, width, first,
                            second);
      });
  const double* sums = scratch.partials;
  const double* products = scratch.partials + s.channels;
  for (int64_t c = 0; c < s.channels; ++c) {
    if (a.dgamma != nullptr) a.dgamma[c] += static_cast<float>(products[c] * a.inv_std[c]);
    if (a.dbeta != nullptr) a.dbeta[c] += static_cast<float>(sums[c]);
  }
  if (a.dx == nullptr) return;
  const double rows_inverse = 1.0 / static_cast<double>(s.rows);
  Tile(cut, s.channels, scratch.rows[3], [&](int64_t c) {
    const double inv_std = a.inv_std[c];
    return static_cast<float>(Gamma(a.gamma, c) * inv_std * inv_std * inv_std * products[c] *
                              rows_inverse);
  });
  Tile(cut, s.channels, scratch.rows[4], [&](int64_t c) {
    return static_cast<float>(Gamma(a.gamma, c) * a.inv_std[c] * sums[c] * rows_inverse);
  });
  ParallelFor(pool, static_cast<size_t>(cut.items), [&](size_t item) {
    ForBlocks(cut, static_cast<int64_t>(item), cut.item_rows,
              [&](int64_t at, int64_t column, int64_t rows, int64_t width) {
                table.gradient_input(params.At(column), a.x + at, a.dy + at, cut.width, rows, width,
                                     a.accumulate, a.dx + at);
              });
  });
}

void BatchNormFold(int64_t channels, const float* gamma, const float* beta, const float* mean,
                   const float* var, float eps, float* scale, float* shift) {
  for (int64_t c = 0; c < channels; ++c) {
    const double s = Gamma(gamma, c) / std::sqrt(static_cast<double>(var[c]) + eps);
    scale[c] = static_cast<float>(s);
    shift[c] = static_cast<float>(Beta(beta, c) - mean[c] * s);
  }
}

void BatchNormInference(const BatchNormShape& s, const float* x, const float* scale,
                        const float* shift, Activation act, float alpha, float* y,
                        ThreadPool* pool) {
  const BatchNormTable& table = *HWY_DYNAMIC_DISPATCH(GetBatchNormTable)();
  const BnParams params = {nullptr, scale, shift, nullptr, nullptr, act, alpha};
  const int64_t x_stride = s.x_stride == 0 ? s.channels : s.x_stride;
  const int64_t y_stride = s.y_stride == 0 ? s.channels : s.y_stride;
  const int64_t rows = std::max<int64_t>(16384 / std::max<int64_t>(s.channels, 1), 1);
  ParallelFor(pool, static_cast<size_t>((s.rows + rows - 1) / rows), [&](size_t item) {
    const int64_t row = static_cast<int64_t>(item) * rows;
    table.normalize(params, x + row * x_stride, x_stride, std::min(rows, s.rows - row), s.channels,
                    y + row * y_stride, y_stride);
  });
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
