// Sums with broadcasting (elementwise.h).
#include <algorithm>

#include "kernels/broadcast.h"
#include "kernels/elementwise.h"
#include "kernels/elementwise_table.h"

namespace linnet::kernels {
namespace {

// Calls f(offset in the result, floats, a, b) with as many floats of a and of b. Where one is
// repeated along the row, a buffer holds it so.
template <class F>
void ForTerms(const Broadcast& s, const float* a, const float* b, ThreadPool* pool, F&& f) {
  if (s.a[3] != 0 && s.b[3] != 0) {
    ForBroadcastRuns(pool, s, [&](int64_t at, int64_t n, int64_t a_at, int64_t b_at) {
      f(at, n, a + a_at, b + b_at);
    });
    return;
  }
  const bool a_repeats = s.a[3] == 0;
  ForBroadcastRuns(pool, s, [&](int64_t at, int64_t n, int64_t a_at, int64_t b_at) {
    constexpr int64_t kPart = 1024;
    float repeated[kPart];
    std::fill_n(repeated, std::min(n, kPart), a_repeats ? a[a_at] : b[b_at]);
    for (int64_t i = 0; i < n; i += kPart) {
      f(at + i, std::min(kPart, n - i), a_repeats ? repeated : a + a_at + i,
        a_repeats ? b + b_at + i : repeated);
    }
  });
}

}  // namespace

void AddForward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                float scale, Activation act, float alpha, float* y, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForTerms(BroadcastOf(a_shape, b_shape), a, b, pool,
           [&](int64_t at, int64_t n, const float* term_a, const float* term_b) {
             table.sum_activation(n, term_a, term_b, scale, act, alpha, y + at);
           });
}

void AddBackward(const Shape& a_shape, const Shape& b_shape, const float* a, const float* b,
                 float scale, Activation act, float alpha, const float* dy, float* dz,
                 ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForTerms(BroadcastOf(a_shape, b_shape), a, b, pool,
           [&](int64_t at, int64_t n, const float* term_a, const float* term_b) {
             table.activation_gradient(n, term_a, term_b, scale, act, alpha, dy + at, false,
                                       dz + at);
           });
}

void AddTermGradient(const Shape& z_shape, const Shape& x_shape, float factor, const float* dz,
                     bool accumulate, float* dx, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  const Broadcast s = BroadcastOf(z_shape, x_shape);
  if (s.rows() == 1 && s.b[3] != 0) {  // not repeated
    ForRuns(pool, s.width(),
            [&](int64_t i, int64_t n) { table.scale(n, dz + i, factor, accumulate, dx + i); });
    return;
  }
  // One item for each row of x: it sums over all rows that saw it, in their order.
  const int64_t x_width = s.b[3] == 0 ? 1 : s.width();
  ParallelFor(pool, static_cast<size_t>(OperandRows(s, s.b)), [&](size_t item) {
    float* to = dx + static_cast<int64_t>(item) * x_width;
    if (!accumulate) std::fill_n(to, x_width, 0.0f);
    ForReaders(s, s.b, static_cast<int64_t>(item), [&](int64_t row) {
      const float* from = dz + row * s.width();
      if (s.b[3] == 0) {
        *to += factor * table.sum(s.width(), from);
      } else {
        table.scale(s.width(), from, factor, true, to);
      }
    });
  });
}

}  // namespace linnet::kernels
