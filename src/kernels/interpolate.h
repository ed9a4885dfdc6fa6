// Resampling of feature maps: nearest and bilinear, with gradients. Float32, NHWC. (Pictures, with
// antialiasing: resize.h.)
//
// Along each axis, with the conventions of PyTorch's F.interpolate:
//   nearest                  source floor(i * in / out)
//   bilinear                 source max(0, (i + 1/2) * in / out - 1/2)
//   bilinear, align_corners  source i * (in - 1) / (out - 1); 0 where out is 1
// A source between two pixels is mixed from them; past the last pixel it is the last.
//
// Determinism: gradients are added in the order of the result's pixels, image by image and in
// blocks of channels.
#ifndef LINNET_KERNELS_INTERPOLATE_H_
#define LINNET_KERNELS_INTERPOLATE_H_

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"

namespace linnet::kernels {

struct TapsTable;

enum class InterpolateMode { kNearest, kBilinear, kBilinearAlignCorners };

struct InterpolateShape {
  int64_t n = 1, h = 1, w = 1, c = 1;
  int64_t out_h = 1, out_w = 1;
};

// Prepared once, then read-only. Allocates nothing in Forward and Backward.
class Interpolate {
 public:
  Interpolate(const InterpolateShape& shape, InterpolateMode mode);
  // x [n, h, w, c] -> y [n, out_h, out_w, c].
  void Forward(const float* x, float* y, ThreadPool* pool) const;
  // Adds to dx if 'accumulate', else overwrites it.
  void Backward(const float* dy, bool accumulate, float* dx, ThreadPool* pool) const;

  // The source of one output row or column: two neighbours, and the second's share.
  struct Source {
    int64_t first, second;
    float share;
  };

 private:
  InterpolateShape shape_;
  const TapsTable* table_;
  std::vector<Source> rows_, columns_;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INTERPOLATE_H_
