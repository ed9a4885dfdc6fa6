// Depthwise convolution of bytes, one output a channel. Quantizations, exactness and the epilogue
// are those of int8_conv.h. (With more outputs a channel, Conv2dInt8 with groups gives the answer.)
//
// Method: for a strip of output rows, the bytes that four input rows have at a column and a channel
// are put side by side, for a panel of channels, in a buffer that stays in the first-level cache.
// That is the operand of a dot-product instruction, which so makes four rows of taps at once; the
// padding is in the buffer, so no border is a special case. Any kernel, stride and dilation is the
// same loop over columns and groups of four rows; weights that meet a row of another output row are
// zero.
#ifndef LINNET_KERNELS_INT8_DEPTHWISE_H_
#define LINNET_KERNELS_INT8_DEPTHWISE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/quantization.h"
#include "base/thread_pool.h"
#include "kernels/depthwise.h"
#include "kernels/int8_conv.h"
#include "kernels/int8_requantize.h"

namespace linnet::kernels {

class DepthwiseInt8 {
 public:
  // Error (kInternal) if the multiplier is not 1.
  DepthwiseInt8(const DepthwiseShape& shape, const Quantization& src, const Int8Epilogue& epilogue);
  const std::string& name() const { return name_; }  // "depthwise_int8 AVX3_VNNI 64"
  size_t packed_bytes() const;
  size_t ScratchBytes(int threads) const;
  // Weights [c, kernel_h, kernel_w, 1]. packed and scratch are 64-byte aligned.
  void Pack(const Int8Weights& weights, void* packed) const;
  // residual: as dst; null unless the epilogue has one. dst is neither.
  void Run(const uint8_t* src, const void* packed, const uint8_t* residual, uint8_t* dst,
           void* scratch, ThreadPool* pool) const;

 private:
  DepthwiseShape shape_;
  const Int8Kernels* kernels_;
  Quantization src_;
  Int8Output output_;
  std::string name_;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_DEPTHWISE_H_
