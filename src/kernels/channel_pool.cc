// The maximum and the mean over channels (elementwise.h).
#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/elementwise_table.h"

namespace linnet::kernels {
namespace {

template <class F>
void ForRows(ThreadPool* pool, int64_t rows, int64_t channels, F&& f) {
  ForRowRuns(pool, rows, channels, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) f(r);
  });
}

// A NaN is larger than all numbers, as in the forward pass.
int64_t FirstLargest(const float* row, int64_t channels) {
  int64_t largest = 0;
  for (int64_t c = 1; c < channels && !std::isnan(row[largest]); ++c) {
    if (!(row[c] <= row[largest])) largest = c;
  }
  return largest;
}

}  // namespace

void ChannelMaxForward(int64_t rows, int64_t channels, const float* x, float* y, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForRows(pool, rows, channels,
          [&](int64_t r) { y[r] = table.row_max(channels, x + r * channels); });
}

void ChannelMeanForward(int64_t rows, int64_t channels, const float* x, float* y,
                        ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  const float share = 1.0f / static_cast<float>(channels);
  ForRows(pool, rows, channels,
          [&](int64_t r) { y[r] = share * table.sum(channels, x + r * channels); });
}

void ChannelMaxBackward(int64_t rows, int64_t channels, const float* x, const float* dy,
                        bool accumulate, float* dx, ThreadPool* pool) {
  ForRows(pool, rows, channels, [&](int64_t r) {
    const float* row = x + r * channels;
    float* to = dx + r * channels;
    if (!accumulate) std::fill_n(to, channels, 0.0f);
    to[FirstLargest(row, channels)] += dy[r];
  });
}

void ChannelMeanBackward(int64_t rows, int64_t channels, const float* dy, bool accumulate,
                         float* dx, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  const float share = 1.0f / static_cast<float>(channels);
  ForRows(pool, rows, channels,
          [&](int64_t r) { table.fill(channels, share * dy[r], accumulate, dx + r * channels); });
}

}  // namespace linnet::kernels
