#include "kernels/box.h"

#include <algorithm>

#include "kernels/elementwise_table.h"

namespace linnet::kernels {
namespace {

// How a row of the inner map falls into runs that are contiguous in both maps: of maps of equal
// depth the whole row is one, else each pixel.
struct RowRuns {
  int64_t runs, floats;
  int64_t outer_step;  // floats from one run to the next in the outer map
};

RowRuns RunsOf(const Box& b) {
  if (b.inner.c() == b.outer.c()) return {1, b.inner.w() * b.inner.c(), 0};
  return {b.inner.w(), b.inner.c(), b.outer.c()};
}

// Calls f(floats, offset in the outer map, offset in the inner map) for every run.
template <class F>
void ForInnerRuns(const Box& b, ThreadPool* pool, F&& f) {
  const RowRuns row_runs = RunsOf(b);
  const int64_t h = b.inner.h(), row_floats = b.inner.w() * b.inner.c();
  ForRowRuns(pool, b.inner.n() * h, row_floats, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) {
      const int64_t outer_row = r / h * b.outer.h() + b.top + r % h;
      const int64_t outer = (outer_row * b.outer.w() + b.left) * b.outer.c() + b.channel;
      for (int64_t i = 0; i < row_runs.runs; ++i) {
        f(row_runs.floats, outer + i * row_runs.outer_step, r * row_floats + i * row_runs.floats);
      }
    }
  });
}

// One row of the outer map that the box crosses.
void FillAndCopyRow(const Box& b, const float* inner, float value, float* outer) {
  const RowRuns row_runs = RunsOf(b);
  float* to = std::fill_n(outer, b.left * b.outer.c() + b.channel, value);
  const int64_t gap = row_runs.outer_step - row_runs.floats;
  for (int64_t i = 0; i < row_runs.runs; ++i) {
    if (i > 0) to = std::fill_n(to, gap, value);
    to = std::copy_n(inner + i * row_runs.floats, row_runs.floats, to);
  }
  std::fill(to, outer + b.outer.w() * b.outer.c(), value);
}

}  // namespace

void TakeFromBox(const Box& box, const float* outer, bool accumulate, float* inner,
                 ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForInnerRuns(box, pool, [&](int64_t floats, int64_t from, int64_t to) {
    if (accumulate) {
      table.scale(floats, outer + from, 1.0f, true, inner + to);
    } else {
      std::copy_n(outer + from, floats, inner + to);
    }
  });
}

void PutIntoBox(const Box& b, const float* inner, float value, float* outer, ThreadPool* pool) {
  const int64_t h = b.outer.h(), row_floats = b.outer.w() * b.outer.c();
  ForRowRuns(pool, b.outer.n() * h, row_floats, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) {
      const int64_t row = r % h - b.top;
      float* to = outer + r * row_floats;
      if (row < 0 || row >= b.inner.h()) {
        std::fill_n(to, row_floats, value);
      } else {
        const int64_t inner_row = r / h * b.inner.h() + row;
        FillAndCopyRow(b, inner + inner_row * b.inner.w() * b.inner.c(), value, to);
      }
    }
  });
}

void AddToBox(const Box& box, const float* inner, float* outer, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  ForInnerRuns(box, pool, [&](int64_t floats, int64_t to, int64_t from) {
    table.scale(floats, inner + from, 1.0f, true, outer + to);
  });
}

}  // namespace linnet::kernels
