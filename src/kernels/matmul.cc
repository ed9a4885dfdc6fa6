#include "kernels/matmul.h"

#include <fmt/format.h>

#include <cstring>

#include "kernels/matmul_block.h"
#include "kernels/matmul_kernels.h"

namespace linnet::kernels {
namespace {

// Panels packed by one task.
void PackPanels(const MicroKernels& kernels, int64_t k, int64_t n, ThreadPool* pool,
                const auto& pack_panel) {
  const int64_t width = kernels.panel_width();
  ParallelFor(pool, static_cast<size_t>(DivUp(n, width)), [&](size_t i) {
    const auto panel = static_cast<int64_t>(i);
    const int64_t cols = std::min(width, n - panel * width);
    pack_panel(panel * width, cols, RoundUp(cols, kernels.lanes), panel * width * k);
  });
}

}  // namespace

MatMul::MatMul(int64_t k, int64_t n) : kernels_(GetMicroKernels()), k_(k), n_(n) {
  const int vectors = static_cast<int>(
      std::min<int64_t>(kernels_->max_vectors, DivUp(std::max<int64_t>(1, n), kernels_->lanes)));
  name_ = fmt::format("matmul_f32 {} {}x{}", kernels_->target, kernels_->rows[vectors],
                      vectors * kernels_->lanes);
}

size_t MatMul::packed_bytes() const {
  return static_cast<size_t>(PackedFloats(*kernels_, k_, n_)) * sizeof(float);
}

void MatMul::PackTransposed(const float* w, float* packed, ThreadPool* pool) const {
  PackPanels(*kernels_, k_, n_, pool,
             [&](int64_t column, int64_t cols, int64_t width, int64_t offset) {
               kernels_->pack_transposed(w + column * k_, k_, k_, cols, width, packed + offset);
             });
}

void MatMul::Pack(const float* w, float* packed, ThreadPool* pool) const {
  PackPanels(*kernels_, k_, n_, pool,
             [&](int64_t column, int64_t cols, int64_t width, int64_t offset) {
               for (int64_t k = 0; k < k_; ++k) {
                 float* row = packed + offset + k * width;
                 std::memcpy(row, w + k * n_ + column, cols * sizeof(float));
                 std::memset(row + cols, 0, (width - cols) * sizeof(float));
               }
             });
}

void MatMul::Run(int64_t m, const float* a, int64_t a_stride, const float* packed, float* c,
                 int64_t c_stride, const Epilogue& epilogue, ThreadPool* pool) const {
  RunProduct(*kernels_, m, n_, k_, a, a_stride, packed, c, c_stride, false, &epilogue, pool);
}

void MatMul::Run(int64_t m, const float* a, int64_t a_stride, const float* packed, float* c,
                 int64_t c_stride, bool accumulate, ThreadPool* pool) const {
  RunProduct(*kernels_, m, n_, k_, a, a_stride, packed, c, c_stride, accumulate, nullptr, pool);
}

}  // namespace linnet::kernels
