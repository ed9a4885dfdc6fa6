// Depthwise convolution: each channel has filters of its own (groups = channels). Forward with its
// epilogue, and the gradients of input, weights and bias. Float32, NHWC.
//
//   y[n, oy, ox, c*m + j] = sum over (ky, kx) of
//       x[n, oy*stride_h + ky*dilation_h - pad_top, ox*stride_w + kx*dilation_w - pad_left, c]
//       * w[c*m + j, ky, kx]
//
// with m = multiplier; x outside of the map is zero. The borders are handled in the kernels:
// nothing is copied into a padded map.
//
// 3x3 and 5x5 of stride 1 and 2 without dilation have kernels of their own: tiles of several rows
// that walk along the map, or, where pixels lie a large power of two apart, segments of an output
// row. Everything else takes one general kernel. Results are the same bits for any number of
// threads.
#ifndef LINNET_KERNELS_DEPTHWISE_H_
#define LINNET_KERNELS_DEPTHWISE_H_

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/epilogue.h"

namespace linnet::kernels {

struct DepthwiseShape {
  int64_t n = 1, h = 0, w = 0, c = 0;  // of the input
  int64_t out_h = 0, out_w = 0;        // of the output: the caller's shape rule decides
  int kernel_h = 3, kernel_w = 3;
  int stride_h = 1, stride_w = 1;
  int dilation_h = 1, dilation_w = 1;
  int pad_top = 0, pad_left = 0;  // bottom and right follow from the output size
  int multiplier = 1;             // outputs per channel
  // Floats from one pixel to the next, in DepthwiseForward with multiplier 1; 0: they touch.
  int64_t src_pixel = 0, dst_pixel = 0;

  int64_t out_c() const { return c * multiplier; }
};

// "depthwise 3 s1", by the width, "depthwise general"...: which kernel a shape takes.
const char* DepthwiseKernelName(const DepthwiseShape& shape);

// Whether pixels so many floats apart fall into enough sets of the first-level cache for a tile to
// walk over them. The cache has 64 sets of 64-byte lines in every processor of today; pixels of a
// number of lines that has the factor 2^k fall into 64 / 2^k of them. With fewer than 16 sets the
// lines of a walk evict each other: 3x3 on 28x28x256 takes 1.3 times as long as by segments, 2.2
// times as long as on pixels of 17 lines (bench_depthwise pixels=touch and pixels=spread).
inline bool DepthwiseSpreads(int64_t pixel) { return pixel % 128 != 0; }
// The least distance of pixels of so many channels that spreads: one line more where they would
// not.
inline int64_t DepthwiseSpreadPixel(int64_t channels) {
  return DepthwiseSpreads(channels) ? channels : channels + 16;
}

// Weights [out_c, kernel_h, kernel_w, 1] (OHWI) -> [out_c / 16, rounded up][kernel_h * kernel_w]
// [16], zeros in the padding.
size_t DepthwisePackedBytes(const DepthwiseShape& shape);
void PackDepthwise(const DepthwiseShape& shape, const float* weights, float* packed);

// dst = act(conv(src) + bias + residual). dst may be the residual, not src.
void DepthwiseForward(const DepthwiseShape& shape, const float* src, const float* packed,
                      const Epilogue& epilogue, float* dst, ThreadPool* pool);

// dx [n, h, w, c] from dy [n, out_h, out_w, out_c]; overwrites, or adds if 'accumulate'.
void DepthwiseInputGradient(const DepthwiseShape& shape, const float* dy, const float* packed,
                            bool accumulate, float* dx, ThreadPool* pool);

// Adds to dw [out_c, kernel_h, kernel_w, 1] and, unless null, to db [out_c].
size_t DepthwiseWeightGradientScratchBytes(const DepthwiseShape& shape);
void DepthwiseWeightGradient(const DepthwiseShape& shape, const float* x, const float* dy,
                             float* dw, float* db, void* scratch, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_DEPTHWISE_H_
