// Depthwise convolution: each channel has filters of its own (groups = channels). Forward with its
// epilogue, and the gradients of input, weights and bias. Float32, NHWC.
//
//   y[n, oy, ox, c*m + j] = sum over (ky, kx) of
//       x[n, oy*stride_h + ky*dilation_h - pad_top, ox*stride_w + kx*dilation_w - pad_left, c]
//       * w[c*m + j, ky, kx]
//
// with m = multiplier; x outside of the map is zero. The borders are handled by leaving out the
// taps that fall outside: nothing is copied into a padded map, and no product with a zero is
// computed.
//
// 3x3 and 5x5 of stride 1 and 2 without dilation have kernels of their own, which keep a segment of
// an output row in registers and load each input once per kernel row. Everything else takes one
// general kernel. Results are the same bits for any number of threads.
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

  int64_t out_c() const { return c * multiplier; }
};

// "depthwise 3x3 s1", "depthwise general"...: which kernel a shape takes.
const char* DepthwiseKernelName(const DepthwiseShape& shape);

// Weights [out_c, kernel_h, kernel_w, 1] (OHWI) -> [kernel_h * kernel_w, out_c rounded up], zeros
// in the padding.
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
