// Two values laid over one another, where a dimension of 1 is repeated: the rows and strides for
// loops over them. Internal to the kernels.
#ifndef LINNET_KERNELS_BROADCAST_H_
#define LINNET_KERNELS_BROADCAST_H_

#include <array>
#include <cstdint>

#include "base/tensor.h"
#include "kernels/elementwise_table.h"

namespace linnet::kernels {

// Floats from one index to the next, by dimension; 0 where the value is repeated.
using Strides = std::array<int64_t, 4>;

// Neighbouring dimensions that both values have, or that the same one repeats, are seen as one, so
// that runs are as long as they can be: equal shapes are a single row.
struct Broadcast {
  std::array<int64_t, 4> size = {1, 1, 1, 1};  // of the result
  Strides a = {}, b = {};

  // The last dimension is a row.
  int64_t rows() const { return size[0] * size[1] * size[2]; }
  int64_t width() const { return size[3]; }
};

// Error (kInternal) unless each dimension is equal, or 1 in one of them; missing ones are 1.
Broadcast BroadcastOf(const Shape& a, const Shape& b);

// Where row 'row' of the result begins in the operand with these strides.
inline int64_t RowOffset(const Broadcast& s, const Strides& strides, int64_t row) {
  return row % s.size[2] * strides[2] + row / s.size[2] % s.size[1] * strides[1] +
         row / s.size[2] / s.size[1] * strides[0];
}

// Calls f(offset in the result, floats, offset in a, offset in b) for runs of the result: rows, or
// where there is only one, parts of it.
template <class F>
void ForBroadcastRuns(ThreadPool* pool, const Broadcast& s, F&& f) {
  if (s.rows() == 1) {
    ForRuns(pool, s.width(), [&](int64_t at, int64_t n) { f(at, n, at * s.a[3], at * s.b[3]); });
    return;
  }
  ForRowRuns(pool, s.rows(), s.width(), [&](int64_t first, int64_t count) {
    int64_t a = 0, b = 0, left = 0;  // rows until the strides of the third dimension end
    for (int64_t row = first; row < first + count; ++row, a += s.a[2], b += s.b[2], --left) {
      if (left == 0) {
        a = RowOffset(s, s.a, row);
        b = RowOffset(s, s.b, row);
        left = s.size[2] - row % s.size[2];
      }
      f(row * s.width(), s.width(), a, b);
    }
  });
}

// Rows of the operand with these strides.
inline int64_t OperandRows(const Broadcast& s, const Strides& strides) {
  int64_t rows = 1;
  for (int d = 0; d < 3; ++d) rows *= strides[d] != 0 ? s.size[d] : 1;
  return rows;
}

// Calls f(row of the result) for every one that reads row 'row' of an operand, in their order.
template <class F>
void ForReaders(const Broadcast& s, const Strides& strides, int64_t row, F&& f) {
  int64_t first[3], last[3];
  for (int d = 2; d >= 0; --d) {
    const bool repeated = strides[d] == 0;
    first[d] = repeated ? 0 : row % s.size[d];
    last[d] = repeated ? s.size[d] : first[d] + 1;
    if (!repeated) row /= s.size[d];
  }
  for (int64_t i = first[0]; i < last[0]; ++i) {
    for (int64_t j = first[1]; j < last[1]; ++j) {
      for (int64_t k = first[2]; k < last[2]; ++k) f((i * s.size[1] + j) * s.size[2] + k);
    }
  }
}

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_BROADCAST_H_
