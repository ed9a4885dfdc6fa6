// Pooling: maximum and average over windows, and over whole maps, with gradients. Float32, NHWC.
//
// A window may hang over the border; the part outside does not count, except in the divisor of an
// average with count_include_pad. What a window is clipped to then is the padded map (PyTorch's and
// Caffe's rule), so the padding at the bottom and right must be told.
//
// A NaN in a window makes its maximum NaN. Of equal maxima the first in row-major order gets the
// gradient.
#ifndef LINNET_KERNELS_POOL_H_
#define LINNET_KERNELS_POOL_H_

#include <cstdint>

#include "base/thread_pool.h"

namespace linnet::kernels {

struct PoolShape {
  int64_t n = 1, h = 0, w = 0, c = 0;  // of the input
  int64_t out_h = 0, out_w = 0;        // the caller's shape rule decides (floor or ceil)
  int kernel_h = 2, kernel_w = 2;
  int stride_h = 2, stride_w = 2;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool count_include_pad = false;  // of averages
  // Forward only: floats from one pixel of src, of dst, to the next; 0: c.
  int64_t src_stride = 0, dst_stride = 0;

  int64_t SrcStride() const { return src_stride == 0 ? c : src_stride; }
  int64_t DstStride() const { return dst_stride == 0 ? c : dst_stride; }
};
// Every window must contain at least one element of the map, else the result is 0.

// src [n, h, w, c] -> dst [n, out_h, out_w, c].
void MaxPoolForward(const PoolShape& shape, const float* src, float* dst, ThreadPool* pool);
void AveragePoolForward(const PoolShape& shape, const float* src, float* dst, ThreadPool* pool);

// Gradient dx [n, h, w, c] of dy [n, out_h, out_w, c]; overwrites, or adds if 'accumulate'. The
// places of the maxima are found again from src.
void MaxPoolBackward(const PoolShape& shape, const float* src, const float* dy, bool accumulate,
                     float* dx, ThreadPool* pool);
// dst [n, out_h, out_w, c] (+)= what 'from' [n, h, w, c] holds where src has its maxima: the
// transpose of MaxPoolBackward.
void PickAtMaxima(const PoolShape& shape, const float* src, const float* from, bool accumulate,
                  float* dst, ThreadPool* pool);
void AveragePoolBackward(const PoolShape& shape, const float* dy, bool accumulate, float* dx,
                         ThreadPool* pool);

// Over whole maps: src [n, pixels, c] -> dst [n, c].
struct GlobalPoolShape {
  int64_t n = 1, pixels = 0, c = 0;
};
// Scratch memory: so many floats.
int64_t GlobalAverageScratch(const GlobalPoolShape& shape);
void GlobalAverageForward(const GlobalPoolShape& shape, const float* src, float* dst,
                          float* scratch, ThreadPool* pool);
void GlobalAverageBackward(const GlobalPoolShape& shape, const float* dy, bool accumulate,
                           float* dx, ThreadPool* pool);
void GlobalMaxForward(const GlobalPoolShape& shape, const float* src, float* dst, ThreadPool* pool);
void GlobalMaxBackward(const GlobalPoolShape& shape, const float* src, const float* dy,
                       bool accumulate, float* dx, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_POOL_H_
