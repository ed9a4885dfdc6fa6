// Softmax cross-entropy (elementwise.h).
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kernels/elementwise.h"
#include "kernels/elementwise_table.h"

namespace linnet::kernels {

double SoftmaxCrossEntropy(int64_t rows, int64_t classes, const float* logits,
                           const int32_t* labels, float smoothing, float* losses, float* gradient,
                           ThreadPool* pool) {
  for (int64_t r = 0; r < rows; ++r) {
    Check(labels[r] >= 0 && labels[r] < classes, "loss: label {} of sample {} is not in [0, {})",
          labels[r], r, classes);
  }
  const ElementwiseTable& table = Elementwise();
  const float scale = 1.0f / static_cast<float>(rows);
  const float others = smoothing / static_cast<float>(classes) * scale;
  ForRowRuns(pool, rows, classes, [&](int64_t row, int64_t count) {
    for (int64_t r = row; r < row + count; ++r) {
      const float* x = logits + r * classes;
      float* g = gradient + r * classes;
      const float max = table.row_max(classes, x);
      // loss = log sum exp(x) - (1 - smoothing) x[label] - smoothing mean(x)
      double target = (1.0 - smoothing) * (x[labels[r]] - max);
      if (smoothing != 0) {
        double sum = 0;
        for (int64_t c = 0; c < classes; ++c) sum += x[c] - max;
        target += smoothing * sum / static_cast<double>(classes);
      }
      const float sum = table.exp_row(classes, x, max, g);
      losses[r] = static_cast<float>(std::log(static_cast<double>(sum)) - target);
      table.scale(classes, g, scale / sum, false, g);
      for (int64_t c = 0; smoothing != 0 && c < classes; ++c) g[c] -= others;
      g[labels[r]] -= (1.0f - smoothing) * scale;
    }
  });
  double total = 0;
  for (int64_t r = 0; r < rows; ++r) total += losses[r];
  return rows == 0 ? 0.0 : total / static_cast<double>(rows);
}

}  // namespace linnet::kernels
