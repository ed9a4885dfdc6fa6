// Cache blocking around the micro-kernels, shared by the matrix product and the convolutions.
// Private to the kernels folder.
#ifndef LINNET_KERNELS_MATMUL_BLOCK_H_
#define LINNET_KERNELS_MATMUL_BLOCK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/epilogue.h"
#include "kernels/matmul_kernels.h"

namespace linnet::kernels {

inline int64_t DivUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t RoundUp(int64_t a, int64_t b) { return DivUp(a, b) * b; }

// The packed B: panels of panel_width() columns one after another, each [k][width]; the last panel
// is as many vectors wide as it needs, the columns that do not exist are zero.
inline int64_t PackedFloats(const MicroKernels& kernels, int64_t k, int64_t n) {
  return k * RoundUp(n, kernels.lanes);
}

// The largest number of rows in a block: its pointers live on the stack of MatMul::Run.
inline constexpr int64_t kMaxBlockRows = 384;

// Rows of a block, at most: those whose k terms leave room in the second-level cache.
int64_t MostBlockRows(int64_t k);

// How a product of m x n sums of k terms is cut into tasks.
struct Cut {
  int64_t block_rows;    // rows of a task, the last may have fewer
  int64_t block_panels;  // panels of a task
  int64_t row_blocks, panel_blocks;
  int64_t tasks() const { return row_blocks * panel_blocks; }
};
// For so many threads; 'map': numbers of A. Each sum is made by one task and in one order, so that
// no cut changes a result.
Cut CutProduct(const MicroKernels& kernels, int64_t m, int64_t n, int64_t k, int64_t map,
               int threads);

// Some rows, given by pointers, times some panels.
struct Block {
  const float* const* a = nullptr;          // [taps][rows]
  float* const* c = nullptr;                // [rows], at the first column of the product
  int64_t rows = 0, taps = 1, k = 0;        // k: floats a tap
  const float* packed = nullptr;            // the whole B
  int64_t n = 0;                            // columns of the whole product
  int64_t first_panel = 0, last_panel = 0;  // [first, last)
  bool accumulate = false;
  const Epilogue* epilogue = nullptr;  // its bias and residual at the first column of the product
  int64_t first_row = 0;               // of the residual
  const float* next = nullptr;  // other weights that will be wanted after the last panel, if known
};
void RunBlock(const MicroKernels& kernels, const Block& block);

// The whole product of rows that lie at even distances; MatMul::Run.
void RunProduct(const MicroKernels& kernels, int64_t m, int64_t n, int64_t k, const float* a,
                int64_t a_stride, const float* packed, float* c, int64_t c_stride, bool accumulate,
                const Epilogue* epilogue, ThreadPool* pool);

// Activations that a tile applies by itself, as a floor and a ceiling.
inline bool IsClamp(Activation act) {
  return act == Activation::kRelu || act == Activation::kRelu6;
}

// The panel 'panel' of a packed B with sums of k terms.
inline const float* PanelOf(const MicroKernels& kernels, const float* packed, int64_t k,
                            int64_t panel) {
  return packed + panel * kernels.panel_width() * k;
}

// The part 'i' of 'count' things cut evenly into 'parts'.
inline int64_t PartBegin(int64_t count, int64_t parts, int64_t i) { return count * i / parts; }

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_MATMUL_BLOCK_H_
