// The transforms of Winograd's convolution for one instruction set, as a table of functions.
// Private to the kernels folder.
#ifndef LINNET_KERNELS_WINOGRAD_KERNELS_H_
#define LINNET_KERNELS_WINOGRAD_KERNELS_H_

#include <cstdint>

namespace linnet::kernels {

// A 3x3 kernel at position (u, v) of the transformed plane, u, v < m + 2, is
// sum_ij G[u][i] g[i][j] G[v][j] with the rows of this G. In double: made once, in Pack.
const double (*WinogradG(int m))[3];  // [m + 2][3]; m: 2 or 4

// One tile: m x m output pixels of the channels of one panel, from (m + 2)^2 sums each.
struct WinogradOutputArgs {
  const float* sums = nullptr;  // position p at sums + p * position_stride; whole vectors are read
  int64_t position_stride = 0;  // floats
  int64_t cols = 0;             // channels
  int64_t rows = 0, columns = 0;       // pixels of the tile that exist, from 1 to m
  float* dst = nullptr;                // the tile's first pixel
  int64_t dst_row = 0, dst_pixel = 0;  // floats from one row of pixels, one pixel, to the next
  const float* bias = nullptr;
  const float* residual = nullptr;  // of the tile's first pixel
  int64_t residual_row = 0, residual_pixel = 0;
  bool has_floor = false, has_ceiling = false;  // clamp to [0, ceiling]
  float ceiling = 0;
};

struct WinogradKernels {
  int lanes;
  // v[p * position_stride + c] = (B^T d B)[p] for c < channels, whole vectors at a time: up to
  // lanes - 1 floats past the channels become zero. pixels: [(m + 2)^2], row by row; they are read
  // no further than the channels.
  using Input = void (*)(const float* const* pixels, int64_t channels, float* v,
                         int64_t position_stride);
  using Output = void (*)(const WinogradOutputArgs&);
  Input input_2, input_4;
  Output output_2, output_4;
};

// The table of the current target (targets.h).
const WinogradKernels* GetWinogradKernels();

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_WINOGRAD_KERNELS_H_
