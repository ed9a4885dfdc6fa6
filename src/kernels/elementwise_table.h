// The elementwise loops of the chosen instruction set. Internal to the kernels.
#ifndef LINNET_KERNELS_ELEMENTWISE_TABLE_H_
#define LINNET_KERNELS_ELEMENTWISE_TABLE_H_

#include <algorithm>
#include <cstdint>

#include "base/activation.h"
#include "base/thread_pool.h"

namespace linnet::kernels {

// Runs of n numbers; what each computes stands at its definition in elementwise-inl.h.
struct ElementwiseTable {
  void (*sum_activation)(int64_t n, const float* a, const float* b, float scale, Activation act,
                         float alpha, float* y);
  void (*activation_gradient)(int64_t n, const float* a, const float* b, float scale,
                              Activation act, float alpha, const float* dy, bool accumulate,
                              float* dx);
  void (*scale)(int64_t n, const float* from, float scale, bool accumulate, float* to);
  void (*product_rows)(int64_t rows, int64_t n, const float* a, const float* b, bool accumulate,
                       float* to);
  float (*dot)(int64_t n, const float* a, const float* b);
  float (*sum)(int64_t n, const float* x);
  void (*fill)(int64_t n, float value, bool accumulate, float* to);
  void (*column_sums)(int64_t rows, int64_t pitch, int64_t channels, const float* x, float* sums);
  float (*row_max)(int64_t n, const float* x);
  float (*exp_row)(int64_t n, const float* x, float max, float* y);
  void (*softmax)(int64_t n, const float* x, float* y);
  void (*softmax_gradient)(int64_t n, const float* y, const float* dy, bool accumulate, float* dx);
};
const ElementwiseTable& Elementwise();

// Calls f(first, count) for runs of at most 64 KB.
template <class F>
void ForRuns(ThreadPool* pool, int64_t count, F&& f) {
  constexpr int64_t kRun = 16384;
  const int64_t runs = (count + kRun - 1) / kRun;
  ParallelFor(runs > 1 ? pool : nullptr, static_cast<size_t>(runs), [&](size_t item) {
    const int64_t first = static_cast<int64_t>(item) * kRun;
    f(first, std::min(kRun, count - first));
  });
}

// The same for whole rows: f(first row, rows). An even number of equal runs, for two threads.
template <class F>
void ForRowRuns(ThreadPool* pool, int64_t rows, int64_t row_floats, F&& f) {
  const int64_t most = std::max<int64_t>(16384 / std::max<int64_t>(row_floats, 1), 1);
  const int64_t wanted = (rows + most - 1) / most;
  const int64_t even = wanted <= 1 ? 1 : (wanted + 1) / 2 * 2;
  const int64_t step = std::max<int64_t>((rows + even - 1) / even, 1);
  const int64_t runs = (rows + step - 1) / step;
  ParallelFor(runs > 1 ? pool : nullptr, static_cast<size_t>(runs), [&](size_t item) {
    const int64_t first = static_cast<int64_t>(item) * step;
    f(first, std::min(step, rows - first));
  });
}

// Rows of which a sum over all rows makes a partial sum: at most 64 of them, of at least 64 KB
// each.
inline int64_t PartialSumRows(int64_t rows, int64_t channels) {
  const int64_t least = std::max<int64_t>(16384 / std::max<int64_t>(channels, 1), 4);
  return std::max(least, (rows + 63) / 64);
}

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_ELEMENTWISE_TABLE_H_
