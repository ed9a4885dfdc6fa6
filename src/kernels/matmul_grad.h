// The gradient of weights dW[n, k] += dC[m, n]^T A[m, k], where rows of A are given by pointers.
// Shared by the matrix product and the convolutions; private to the kernels folder.
//
// A task owns a tile of dW and a chunk of m, which it walks in slices: the slices of A and dC are
// copied into scratch, panel by panel, where their rows lie together (unless they already do), and
// the tile, which stays in the L2, grows by one slice after another. Where dW is too small to feed
// all threads with tiles, m is cut into chunks whose sums are added in order at the end.
#ifndef LINNET_KERNELS_MATMUL_GRAD_H_
#define LINNET_KERNELS_MATMUL_GRAD_H_

#include <hwy/cache_control.h>

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/matmul_block.h"
#include "kernels/matmul_kernels.h"

namespace linnet::kernels {

struct GradCut {
  // Rows of a slice: a panel of A of 64 columns has 16 KB and stays in the L1 while the rows of dC
  // pass.
  static constexpr int64_t kSlice = 64;

  int64_t tile_n, tile_k;  // of dW, the last may be smaller
  int64_t n_tiles, k_tiles;
  int64_t chunks;        // of m
  int64_t panel_stride;  // floats from one row of a packed panel to the next
  int64_t panels;        // in tile_k
  int64_t dc_stride;     // floats from one row of the packed dC to the next
  int64_t tiles() const { return n_tiles * k_tiles; }
  // Floats of scratch: the packed slices of one worker, and the chunks' sums.
  int64_t worker_floats() const { return kSlice * (panels * panel_stride + dc_stride); }
  int64_t partial_floats(int64_t n, int64_t k) const { return chunks > 1 ? chunks * n * k : 0; }
};
GradCut CutGrad(const MicroKernels& kernels, int64_t m, int64_t n, int64_t k);

// Rows that will be wanted soon; they are fetched into the cache between two tiles, a few lines at
// a time, so that copying them is not a wait for memory.
class RowsAhead {
 public:
  RowsAhead() = default;
  RowsAhead(const float* first, int64_t stride, int64_t rows, int64_t cols)
      : row_(first), stride_(stride), rows_(rows), cols_(cols) {}
  int64_t lines() const { return rows_ * DivUp(cols_, 16); }
  void Fetch(int64_t lines) {
    for (; lines > 0 && rows_ > 0; --lines) {
      hwy::Prefetch(row_ + column_);
      column_ += 16;
      if (column_ < cols_) continue;
      column_ = 0;
      row_ += stride_;
      --rows_;
    }
  }

 private:
  const float* row_ = nullptr;
  int64_t stride_ = 0, rows_ = 0, cols_ = 0, column_ = 0;
};

// One slice of A as the micro-kernel wants it: panel p's row m at data + p * panel_step + m *
// row_stride.
struct SliceA {
  const float* data;
  int64_t row_stride, panel_step;
  RowsAhead ahead;  // of the next slice
};

// One task's part of the sums: rows [m0, m1), tile rows [n0, n1), tile columns [k0, k1), added to c
// (or written, if 'fresh').
struct GradTask {
  int64_t m0, m1, n0, n1, k0, k1;
  float* c;  // of (n0, k0)
  int64_t c_stride;
  bool fresh;
};

// One slice of dC: row m at data + m * stride.
struct SliceDc {
  const float* data;
  int64_t stride;
  RowsAhead ahead;
};
// Rows [m, m + rows) of the task's columns of dC: where they lie if they are near each other, else
// copied to 'buffer'. 'next_rows' follow.
SliceDc SliceOfDc(const MicroKernels& kernels, const GradCut& cut, const float* dc,
                  int64_t dc_stride, int64_t m, int64_t rows, int64_t next_rows,
                  const GradTask& task, float* buffer);

// Adds one slice's product to the tile.
void RunGradSlice(const MicroKernels& kernels, SliceA a, SliceDc dc, int64_t rows,
                  const GradTask& task, bool load_c);

// Calls slice_a(worker, m, rows, next_rows, k0, k1, buffer) -> SliceA for the slices of A; the
// slice of 'next_rows' rows (perhaps none) follows. partials: cut.partial_floats(n, k); slices:
// cut.worker_floats() for each worker.
template <class SliceOfA>
void RunWeightGrad(const MicroKernels& kernels, const GradCut& cut, int64_t m, int64_t n, int64_t k,
                   const float* dc, int64_t dc_stride, float* dw, float* partials, float* slices,
                   ThreadPool* pool, const SliceOfA& slice_a) {
  const auto tasks = static_cast<size_t>(cut.tiles() * cut.chunks);
  ParallelForWorker(pool, tasks, [&](size_t worker, size_t i) {
    const int64_t chunk = static_cast<int64_t>(i) / cut.tiles();
    const int64_t tile = static_cast<int64_t>(i) % cut.tiles();
    GradTask task;
    task.m0 = PartBegin(m, cut.chunks, chunk);
    task.m1 = PartBegin(m, cut.chunks, chunk + 1);
    task.n0 = tile / cut.k_tiles * cut.tile_n;
    task.n1 = std::min(n, task.n0 + cut.tile_n);
    task.k0 = tile % cut.k_tiles * cut.tile_k;
    task.k1 = std::min(k, task.k0 + cut.tile_k);
    task.c = (cut.chunks > 1 ? partials + chunk * n * k : dw) + task.n0 * k + task.k0;
    task.c_stride = k;
    task.fresh = cut.chunks > 1;
    float* buffer = slices + static_cast<int64_t>(worker) * cut.worker_floats();
    for (int64_t row = task.m0; row < task.m1; row += GradCut::kSlice) {
      const int64_t rows = std::min(GradCut::kSlice, task.m1 - row);
      const int64_t next_rows = std::min(GradCut::kSlice, task.m1 - row - rows);
      const SliceA a = slice_a(worker, row, rows, next_rows, task.k0, task.k1, buffer);
      const SliceDc dc_slice = SliceOfDc(kernels, cut, dc, dc_stride, row, rows, next_rows, task,
                                         buffer + GradCut::kSlice * cut.panels * cut.panel_stride);
      RunGradSlice(kernels, a, dc_slice, rows, task, !task.fresh || row > task.m0);
    }
  });
  if (cut.chunks == 1) return;
  constexpr int64_t kPiece = 4096;
  ParallelFor(pool, static_cast<size_t>(DivUp(n * k, kPiece)), [&](size_t i) {
    const int64_t begin = static_cast<int64_t>(i) * kPiece;
    const int64_t count = std::min(kPiece, n * k - begin);
    for (int64_t chunk = 0; chunk < cut.chunks; ++chunk) {
      kernels.add(partials + chunk * n * k + begin, count, dw + begin);
    }
  });
}

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_MATMUL_GRAD_H_
