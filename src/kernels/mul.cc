// Products with broadcasting (elementwise.h).
#include <algorithm>

#include "base/error.h"
#include "kernels/broadcast.h"
#include "kernels/elementwise.h"
#include "kernels/elementwise_table.h"

namespace linnet::kernels {
namespace {

// to (+)= from * b, for all rows: forward, and the gradient of a.
void MulRows(const Broadcast& s, const float* from, const float* b, bool accumulate, float* to,
             ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  // A squeezed gate: all pixels of an image have the same, and may have few channels.
  if (s.rows() > 1 && s.b[2] == 0 && s.b[3] != 0) {
    ForRowRuns(pool, s.rows(), s.width(), [&](int64_t row, int64_t count) {
      for (const int64_t last = row + count; row < last;) {
        const int64_t rows = std::min(last - row, s.size[2] - row % s.size[2]);
        const int64_t at = row * s.width();
        table.product_rows(rows, s.width(), from + at, b + RowOffset(s, s.b, row), accumulate,
                           to + at);
        row += rows;
      }
    });
    return;
  }
  ForBroadcastRuns(pool, s, [&](int64_t at, int64_t n, int64_t, int64_t b_at) {
    if (s.b[3] == 0) {
      table.scale(n, from + at, b[b_at], accumulate, to + at);
    } else {
      table.product_rows(1, n, from + at, b + b_at, accumulate, to + at);
    }
  });
}

Broadcast MulBroadcast(const Shape& a, const Shape& b) {
  const Broadcast s = BroadcastOf(a, b);
  Check(s.rows() * s.width() == a.elements(), "mul: {} does not broadcast to {}", b.ToString(),
        a.ToString());
  return s;
}

}  // namespace

void MulForward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                float* y, ThreadPool* pool) {
  MulRows(MulBroadcast(a_shape, b_shape), a, b, false, y, pool);
}

void MulBackward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                 const float* dy, bool accumulate_a, float* da, bool accumulate_b, float* db,
                 ThreadPool* pool) {
  const Broadcast s = MulBroadcast(a_shape, b_shape);
  if (da != nullptr) MulRows(s, dy, b, accumulate_a, da, pool);
  if (db == nullptr) return;
  const ElementwiseTable& table = Elementwise();
  // One item for each row of b: it sums over all rows that saw it, in their order.
  const int64_t b_width = s.b[3] == 0 ? 1 : s.width();
  ParallelFor(pool, static_cast<size_t>(OperandRows(s, s.b)), [&](size_t item) {
    float* to = db + static_cast<int64_t>(item) * b_width;
    if (!accumulate_b) std::fill_n(to, b_width, 0.0f);
    ForReaders(s, s.b, static_cast<int64_t>(item), [&](int64_t row) {
      const int64_t at = row * s.width();
      if (s.b[3] == 0) {
        *to += table.dot(s.width(), a + at, dy + at);
      } else {
        table.product_rows(1, s.width(), a + at, dy + at, true, to);
      }
    });
  });
}

}  // namespace linnet::kernels
