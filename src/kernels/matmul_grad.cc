#include "kernels/matmul_grad.h"

#include "kernels/matmul.h"

namespace linnet::kernels {
namespace {

// A tile of dW: 192 x 256 floats are 192 KB, in the L2 together with a slice of A (64 KB) and of
// dC. Copying a slice costs 448 floats a row for 192 * 256 multiply-adds.
constexpr int64_t kTileN = 192, kTileK = 256;
constexpr int64_t kTasks = 16;
// Below this many rows a chunk costs more to add up than it saves.
constexpr int64_t kMinChunk = 1024;
// Rows at most this many floats apart are used where they lie: a slice of them is as good as a
// copy.
constexpr int64_t kNear = 64;

}  // namespace

GradCut CutGrad(const MicroKernels& kernels, int64_t m, int64_t n, int64_t k) {
  GradCut cut;
  cut.n_tiles = DivUp(n, kTileN);
  cut.tile_n = DivUp(n, cut.n_tiles);
  const int64_t panels = std::max<int64_t>(1, DivUp(k, kernels.panel_width()));
  cut.k_tiles = DivUp(panels * kernels.panel_width(), kTileK);
  cut.panels = DivUp(panels, cut.k_tiles);
  cut.tile_k = cut.panels * kernels.panel_width();
  cut.k_tiles = DivUp(k, cut.tile_k);
  cut.chunks = std::clamp<int64_t>(DivUp(kTasks, std::max<int64_t>(1, cut.tiles())), 1,
                                   std::max<int64_t>(1, m / kMinChunk));
  // One more vector than the panel: room for CopyRows, and an odd number of cache lines, so that
  // rows spread over the sets of the cache.
  cut.panel_stride = kernels.panel_width() + kernels.lanes;
  cut.dc_stride = RoundUp(cut.tile_n, 16) + 16;
  return cut;
}

void RunGradSlice(const MicroKernels& kernels, SliceA a, SliceDc dc, int64_t rows,
                  const GradTask& task, bool load_c) {
  const int64_t width = kernels.panel_width();
  GradTileArgs args;
  args.a_stride = dc.stride;
  args.b_stride = a.row_stride;
  args.m = rows;
  args.c_stride = task.c_stride;
  args.load_c = load_c;
  const int64_t columns = task.k1 - task.k0, count = task.n1 - task.n0;
  // The lines to fetch ahead, spread over about two thirds of the tiles.
  const int64_t all_tiles = DivUp(columns, width) * DivUp(count, kernels.rows[kernels.max_vectors]);
  const int64_t lines = DivUp(3 * (a.ahead.lines() + dc.ahead.lines()), 2 * all_tiles);
  for (int64_t column = 0; column < columns; column += width) {
    args.cols = std::min(width, columns - column);
    const int64_t vectors = DivUp(args.cols, kernels.lanes);
    args.b = a.data + column / width * a.panel_step;
    const int64_t tiles = DivUp(count, kernels.rows[vectors]);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      (a.ahead.lines() > 0 ? a.ahead : dc.ahead).Fetch(lines);
      const int64_t row = PartBegin(count, tiles, tile);
      args.a = dc.data + row;
      args.c = task.c + row * task.c_stride + column;
      kernels.grad_tile[vectors][PartBegin(count, tiles, tile + 1) - row](args);
    }
  }
}

SliceDc SliceOfDc(const MicroKernels& kernels, const GradCut& cut, const float* dc,
                  int64_t dc_stride, int64_t m, int64_t rows, int64_t next_rows,
                  const GradTask& task, float* buffer) {
  const float* first = dc + m * dc_stride + task.n0;
  if (dc_stride <= kNear) return {first, dc_stride, {}};
  const float* pointers[GradCut::kSlice];
  for (int64_t i = 0; i < rows; ++i) pointers[i] = first + i * dc_stride;
  const int64_t cols = task.n1 - task.n0;
  kernels.copy_rows(pointers, 0, rows, cols, buffer, cut.dc_stride);
  RowsAhead ahead;
  if (next_rows > 0) ahead = {first + rows * dc_stride, dc_stride, next_rows, cols};
  return {buffer, cut.dc_stride, ahead};
}

MatMulWeightGrad::MatMulWeightGrad(int64_t m, int64_t n, int64_t k)
    : kernels_(GetMicroKernels()), m_(m), n_(n), k_(k) {}

size_t MatMulWeightGrad::ScratchBytes(int threads) const {
  const GradCut cut = CutGrad(*kernels_, m_, n_, k_);
  const int64_t floats = threads * cut.worker_floats() + cut.partial_floats(n_, k_);
  return static_cast<size_t>(floats) * sizeof(float);
}

void MatMulWeightGrad::Run(const float* dc, int64_t dc_stride, const float* a, int64_t a_stride,
                           float* dw, void* scratch, ThreadPool* pool) const {
  const GradCut cut = CutGrad(*kernels_, m_, n_, k_);
  const int64_t width = kernels_->panel_width();
  auto* slices = static_cast<float*>(scratch);
  float* partials = slices + Threads(pool) * cut.worker_floats();
  const bool in_place = a_stride <= kNear && k_ % kernels_->lanes == 0;
  const auto slice = [&](size_t, int64_t m, int64_t rows, int64_t next_rows, int64_t k0, int64_t k1,
                         float* buffer) -> SliceA {
    const float* first = a + m * a_stride;
    if (in_place) return {first + k0, a_stride, width, {}};
    RowsAhead ahead;
    if (next_rows > 0) ahead = {first + rows * a_stride + k0, a_stride, next_rows, k1 - k0};
    const float* pointers[GradCut::kSlice];
    for (int64_t i = 0; i < rows; ++i) pointers[i] = first + i * a_stride;
    const int64_t panel_step = GradCut::kSlice * cut.panel_stride;
    for (int64_t column = k0; column < k1; column += width) {
      kernels_->copy_rows(pointers, column, rows, std::min(width, k1 - column),
                          buffer + (column - k0) / width * panel_step, cut.panel_stride);
    }
    return {buffer, cut.panel_stride, panel_step, ahead};
  };
  RunWeightGrad(*kernels_, cut, m_, n_, k_, dc, dc_stride, dw, partials, slices, pool, slice);
}

namespace {

// Tasks: one for each 256 KB of the matrix.
int64_t SumChunks(int64_t m, int64_t n) {
  constexpr int64_t kChunkFloats = 64 * 1024;
  return std::clamp<int64_t>(m * n / kChunkFloats, 1, 64);
}

}  // namespace

ColumnSums::ColumnSums(int64_t m, int64_t n) : kernels_(GetMicroKernels()), m_(m), n_(n) {}

size_t ColumnSums::ScratchBytes() const {
  return static_cast<size_t>(SumChunks(m_, n_) * RoundUp(n_, 16)) * sizeof(float);
}

void ColumnSums::Run(const float* a, int64_t a_stride, float* sums, void* scratch,
                     ThreadPool* pool) const {
  const int64_t chunks = SumChunks(m_, n_);
  const int64_t stride = RoundUp(n_, 16);  // no two chunks share a cache line
  auto* partials = static_cast<float*>(scratch);
  ParallelFor(pool, static_cast<size_t>(chunks), [&](size_t i) {
    const auto chunk = static_cast<int64_t>(i);
    float* partial = partials + chunk * stride;
    std::fill_n(partial, n_, 0.0f);
    const int64_t begin = PartBegin(m_, chunks, chunk);
    kernels_->column_sums(a + begin * a_stride, a_stride, PartBegin(m_, chunks, chunk + 1) - begin,
                          n_, partial);
  });
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    kernels_->add(partials + chunk * stride, n_, sums);
  }
}

}  // namespace linnet::kernels
