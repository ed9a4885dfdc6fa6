// The micro-kernels of one instruction set, as a table of functions. Private to the kernels folder.
#ifndef LINNET_KERNELS_MATMUL_KERNELS_H_
#define LINNET_KERNELS_MATMUL_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "base/activation.h"

namespace linnet::kernels {

// One tile: 'rows' rows (in the name of the function) by one panel of columns.
//   c[i][j] = (load_c ? c[i][j] : 0) + sum_t sum_k a[t][i][k] b[t][k][j], then the epilogue.
struct TileArgs {
  const float* const* a = nullptr;  // a[t * a_stride + i]: row i as tap t sees it, k floats
  int64_t a_stride = 0;             // pointers from one tap to the next
  int64_t a_offset = 0;             // floats, added to every pointer of a
  int64_t taps = 1;
  int64_t k = 0;             // floats a tap
  const float* b = nullptr;  // [taps][k][vectors * lanes], 64-byte aligned
  // Memory that will be read soon, asked for with each of the taps * k terms: every 'next_step'
  // floats; 0: nothing is asked for.
  const float* next = nullptr;
  int64_t next_step = 0;
  float* const* c = nullptr;  // row pointers
  int64_t c_offset = 0;       // floats, added to every pointer of c: the panel's first column
  int64_t cols = 0;  // columns of c that exist, in the last vector of the panel at least one
  bool load_c = false;
  // Epilogue, applied in this order; pointers are to the panel's first column.
  const float* bias = nullptr;
  const float* residual = nullptr;
  int64_t residual_stride = 0;
  float floor = 0, ceiling = 0;  // clamp; only if has_floor, has_ceiling
  bool has_floor = false, has_ceiling = false;
};

// One tile of a gradient of weights: c[i][j] = (load_c ? c[i][j] : 0) + sum_m a[m][i] b[m][j].
struct GradTileArgs {
  const float* a = nullptr;  // row m at a + m * a_stride; 'rows' floats are read
  int64_t a_stride = 0;
  const float* b = nullptr;  // row m at b + m * b_stride; whole vectors are read
  int64_t b_stride = 0;
  int64_t m = 0;
  float* c = nullptr;
  int64_t c_stride = 0;
  int64_t cols = 0;
  bool load_c = false;
};

struct MicroKernels {
  static constexpr int kMaxVectors = 4;
  static constexpr int kMaxRows = 12;

  const char* target;
  int lanes;
  int max_vectors;            // of the widest panel
  int rows[kMaxVectors + 1];  // [v]: rows of the largest tile with v vectors
  void (*tile[kMaxVectors + 1][kMaxRows + 1])(const TileArgs&);           // [vectors][rows]
  void (*grad_tile[kMaxVectors + 1][kMaxRows + 1])(const GradTileArgs&);  // [vectors][rows]

  // panel[k * width + j] = w[j * w_stride + k] for j < cols, 0 for cols <= j < width; 0 <= k <
  // count.
  void (*pack_transposed)(const float* w, int64_t w_stride, int64_t count, int64_t cols,
                          int64_t width, float* panel);
  // dst[i * dst_stride + j] = rows[i][offset + j] for j < cols, whole vectors at a time: up to
  // lanes - 1 floats of dst past 'cols' become zero. rows are read no further than cols.
  void (*copy_rows)(const float* const* rows, int64_t offset, int64_t count, int64_t cols,
                    float* dst, int64_t dst_stride);
  // dst[i] += src[i]
  void (*add)(const float* src, int64_t n, float* dst);
  // sums[j] += sum_i a[i * a_stride + j], rows ascending.
  void (*column_sums)(const float* a, int64_t a_stride, int64_t rows, int64_t cols, float* sums);
  // Columns [column, column + n) of each row, in place.
  void (*activate)(Activation kind, float alpha, float* const* rows, int64_t count, int64_t column,
                   int64_t n);

  int panel_width() const { return max_vectors * lanes; }
};

// The table of the current target (targets.h).
const MicroKernels* GetMicroKernels();

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_MATMUL_KERNELS_H_
