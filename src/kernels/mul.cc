// Products with broadcasting (elementwise.h).
#include <algorithm>

#include "base/error.h"
#include "kernels/elementwise.h"
#include "kernels/elementwise_table.h"

namespace linnet::kernels {
namespace {

// a as [n, h, w, c]; floats to the next index of each dimension in b, 0 where b is broadcast.
struct Broadcast {
  int64_t n, h, w, c;
  int64_t b_n, b_h, b_w, b_c;
  int64_t b_dims[4];

  int64_t b_pixel(int64_t i, int64_t j, int64_t k) const { return i * b_n + j * b_h + k * b_w; }
};

Broadcast BroadcastOf(const Shape& a, const Shape& b) {
  const auto dim = [](const Shape& s, int i) {
    const int at = i - (Shape::kMaxRank - s.rank());
    return at < 0 ? int64_t{1} : s[at];
  };
  int64_t strides[4], stride = 1;
  Broadcast result{dim(a, 0), dim(a, 1), dim(a, 2), dim(a, 3), 0, 0, 0, 0, {}};
  for (int i = 3; i >= 0; --i) {
    const int64_t size = dim(b, i);
    Check(size == 1 || size == dim(a, i), "mul: {} does not broadcast to {}", b.ToString(),
          a.ToString());
    result.b_dims[i] = size;
    strides[i] = size == 1 ? 0 : stride;
    stride *= size;
  }
  result.b_n = strides[0];
  result.b_h = strides[1];
  result.b_w = strides[2];
  result.b_c = strides[3];
  return result;
}

// to (+)= from * b, for all pixels: forward, and the gradient of a.
void MulRows(const Broadcast& s, const float* from, const float* b, bool accumulate, float* to,
             ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForRowRuns(pool, s.n * s.h, s.w * s.c, [&](int64_t row, int64_t rows) {
    for (int64_t r = row; r < row + rows; ++r) {
      for (int64_t x = 0; x < s.w; ++x) {
        const int64_t at = (r * s.w + x) * s.c;
        const float* factor = b + s.b_pixel(r / s.h, r % s.h, x);
        if (s.b_c == 0) {
          table.scale(s.c, from + at, *factor, accumulate, to + at);
        } else {
          table.product(s.c, from + at, factor, accumulate, to + at);
        }
      }
    }
  });
}

}  // namespace

void MulForward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                float* y, ThreadPool* pool) {
  MulRows(BroadcastOf(a_shape, b_shape), a, b, false, y, pool);
}

void MulBackward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                 const float* dy, bool accumulate_a, float* da, bool accumulate_b, float* db,
                 ThreadPool* pool) {
  const Broadcast s = BroadcastOf(a_shape, b_shape);
  if (da != nullptr) MulRows(s, dy, b, accumulate_a, da, pool);
  if (db == nullptr) return;
  const ElementwiseTable& table = Elementwise();
  // One item for each pixel of b: it sums over all pixels of a that saw it, in their order.
  const int64_t b_c = s.b_dims[3], b_w = s.b_dims[2], b_h = s.b_dims[1];
  const auto range = [](int64_t size, int64_t stride, int64_t index) {
    return stride != 0 ? std::pair(index, index + 1) : std::pair(int64_t{0}, size);
  };
  ParallelFor(pool, static_cast<size_t>(s.b_dims[0] * b_h * b_w), [&](size_t item) {
    const int64_t pixel = static_cast<int64_t>(item);
    const auto [n0, n1] = range(s.n, s.b_n, pixel / b_w / b_h);
    const auto [h0, h1] = range(s.h, s.b_h, pixel / b_w % b_h);
    const auto [w0, w1] = range(s.w, s.b_w, pixel % b_w);
    float* to = db + pixel * b_c;
    if (!accumulate_b) std::fill(to, to + b_c, 0.0f);
    for (int64_t i = n0; i < n1; ++i) {
      for (int64_t j = h0; j < h1; ++j) {
        for (int64_t k = w0; k < w1; ++k) {
          const int64_t at = ((i * s.h + j) * s.w + k) * s.c;
          if (b_c == 1) {
            *to += table.dot(s.c, a + at, dy + at);
          } else {
            table.product(s.c, a + at, dy + at, true, to);
          }
        }
      }
    }
  });
}

}  // namespace linnet::kernels
