// The tiles of the first layer's convolution for one instruction set. Private to the kernels
// folder.
#ifndef LINNET_KERNELS_STEM_KERNELS_H_
#define LINNET_KERNELS_STEM_KERNELS_H_

#include <cstdint>

namespace linnet::kernels {

// Neighbouring output pixels by one panel of channels.
struct StemTileArgs {
  const float* rows[11] = {};  // by kernel row: the first pixel's run
  int64_t kernel_rows = 0;
  int64_t run = 0;           // floats of a kernel row
  const float* b = nullptr;  // [kernel_rows][run][vectors * lanes], 64-byte aligned
  int64_t cols = 0;          // channels, in the last vector of the panel at least one
  float* dst = nullptr;      // the first pixel's first channel
  int64_t dst_pixel = 0;     // floats from one pixel to the next
  const float* bias = nullptr;
  const float* residual = nullptr;  // of the first pixel
  int64_t residual_pixel = 0;
  bool has_floor = false, has_ceiling = false;  // clamp to [0, ceiling]
  float ceiling = 0;
};

struct StemKernels {
  static constexpr int kSteps[] = {3, 6};  // floats from one output pixel's run to the next
  static constexpr int kMaxVectors = 4;
  static constexpr int kMaxPixels = 14;
  int pixels[kMaxVectors + 1];                            // of a tile, by vectors
  void (*tile[2][kMaxVectors + 1])(const StemTileArgs&);  // [step][vectors]
};

// The table of the current target (targets.h); panels are as wide as those of MicroKernels.
const StemKernels* GetStemKernels();

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_STEM_KERNELS_H_
