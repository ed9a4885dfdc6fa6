#include "kernels/elementwise.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/elementwise_table.h"
#include "kernels/targets.h"
#include "kernels/training_only.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/elementwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

const ElementwiseTable* GetElementwiseTable() {
  static constexpr ElementwiseTable kTable = {
      SumActivationRun, LINNET_TRAINING_ONLY(ActivationGradientRun),
      ScaleRun,         ProductRows,
      DotRun,           SumRun,
      FillRun,          ColumnSums,
      RowMax,           ExpRow,
      SoftmaxRow,       LINNET_TRAINING_ONLY(SoftmaxGradientRow)};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {

HWY_EXPORT(GetElementwiseTable);
const ElementwiseTable& Elementwise() { return *HWY_DYNAMIC_DISPATCH(GetElementwiseTable)(); }

void ActivationForward(int64_t count, Activation act, float alpha, const float* x, float* y,
                       ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForRuns(pool, count, [&](int64_t i, int64_t n) {
    table.sum_activation(n, x + i, nullptr, 1, act, alpha, y + i);
  });
}

void ActivationBackward(int64_t count, Activation act, float alpha, const float* x, const float* dy,
                        bool accumulate, float* dx, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForRuns(pool, count, [&](int64_t i, int64_t n) {
    table.activation_gradient(n, x + i, nullptr, 1, act, alpha, dy + i, accumulate, dx + i);
  });
}

void Accumulate(int64_t count, const float* from, float* to, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForRuns(pool, count, [&](int64_t i, int64_t n) { table.scale(n, from + i, 1.0f, true, to + i); });
}

void BiasActivation(int64_t rows, int64_t channels, const float* x, const float* bias,
                    Activation act, float alpha, float* y, ThreadPool* pool) {
  if (bias == nullptr) return ActivationForward(rows * channels, act, alpha, x, y, pool);
  const ElementwiseTable& table = Elementwise();
  ForRowRuns(pool, rows, channels, [&](int64_t row, int64_t count) {
    for (int64_t r = row; r < row + count; ++r) {
      table.sum_activation(channels, x + r * channels, bias, 1, act, alpha, y + r * channels);
    }
  });
}

size_t BiasGradientScratchBytes(int64_t rows, int64_t channels) {
  const int64_t step = PartialSumRows(rows, channels);
  return static_cast<size_t>((rows + step - 1) / step * channels) * sizeof(float);
}

void BiasGradient(int64_t rows, int64_t channels, const float* x, float* sums, void* scratch,
                  ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  const int64_t step = PartialSumRows(rows, channels), chunks = (rows + step - 1) / step;
  float* partials = static_cast<float*>(scratch);
  ParallelFor(chunks > 1 ? pool : nullptr, static_cast<size_t>(chunks), [&](size_t item) {
    const int64_t chunk = static_cast<int64_t>(item), row = chunk * step;
    float* partial = partials + chunk * channels;
    std::fill(partial, partial + channels, 0.0f);
    table.column_sums(std::min(step, rows - row), channels, channels, x + row * channels, partial);
  });
  table.column_sums(chunks, channels, channels, partials, sums);
}

void SoftmaxForward(int64_t rows, int64_t classes, const float* x, float* y, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForRowRuns(pool, rows, classes, [&](int64_t row, int64_t count) {
    for (int64_t r = row; r < row + count; ++r) {
      table.softmax(classes, x + r * classes, y + r * classes);
    }
  });
}

void SoftmaxBackward(int64_t rows, int64_t classes, const float* y, const float* dy,
                     bool accumulate, float* dx, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForRowRuns(pool, rows, classes, [&](int64_t row, int64_t count) {
    for (int64_t r = row; r < row + count; ++r) {
      table.softmax_gradient(classes, y + r * classes, dy + r * classes, accumulate,
                             dx + r * classes);
    }
  });
}

void CopyChannels(int64_t rows, int64_t width, const float* from, int64_t from_channels,
                  int64_t from_offset, float* to, int64_t to_channels, int64_t to_offset,
                  bool accumulate, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForRowRuns(pool, rows, width, [&](int64_t row, int64_t count) {
    for (int64_t r = row; r < row + count; ++r) {
      const float* source = from + r * from_channels + from_offset;
      float* target = to + r * to_channels + to_offset;
      if (accumulate) {
        table.scale(width, source, 1.0f, true, target);
      } else {
        std::copy(source, source + width, target);
      }
    }
  });
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
