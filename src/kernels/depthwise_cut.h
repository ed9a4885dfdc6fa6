// How depthwise work is cut, and the form in which its kernels take it. Internal to the kernels.
#ifndef LINNET_KERNELS_DEPTHWISE_CUT_H_
#define LINNET_KERNELS_DEPTHWISE_CUT_H_

#include <algorithm>
#include <cstdint>

#include "kernels/depthwise.h"

namespace linnet::kernels {

// y[oy, ox] = act(sum over taps of x[oy*stride + k*dilation - pad] * w[k] + bias + residual), for
// each channel. Padding may be negative (the gradient of an input with much padding).
struct Correlation {
  int64_t in_h, in_w, out_h, out_w, c;
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int64_t pad_top, pad_left;
  const float* weights;  // tap 0
  int64_t tap;           // floats from one tap to the next; negative: reversed
  Epilogue epilogue;
  float low, high;      // the activation, where it is a clamp
  bool activate_after;  // any other one is applied to what was stored
};

// Packed weights have whole vectors of any instruction set: 16 floats.
inline constexpr int64_t kDepthwiseLanes = 16;
inline int64_t DepthwisePackedChannels(const DepthwiseShape& s) {
  return (s.out_c() + kDepthwiseLanes - 1) / kDepthwiseLanes * kDepthwiseLanes;
}

// Channels that go together through the rows: at most 128, in equal blocks.
inline int64_t DepthwiseChannelBlock(int64_t c) {
  constexpr int64_t kMost = 128;
  const int64_t blocks = (c + kMost - 1) / kMost;
  const int64_t block = (c + blocks - 1) / blocks;
  return (block + kDepthwiseLanes - 1) / kDepthwiseLanes * kDepthwiseLanes;
}

// Columns of a strip: the input rows under it fill half of a 32 KB first-level cache; whole
// segments of 8.
inline int64_t DepthwiseStripColumns(const Correlation& a) {
  constexpr int64_t kFloats = 16384 / sizeof(float);
  const int64_t block = std::min(a.c, DepthwiseChannelBlock(a.c));
  const int64_t columns = kFloats / (block * a.kernel_h * a.stride_w);
  return std::max<int64_t>(columns / 8 * 8, 8);
}

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_DEPTHWISE_CUT_H_
