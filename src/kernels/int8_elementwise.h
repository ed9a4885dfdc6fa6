// Element by element over bytes, and between bytes and float32. One answer, bit for bit, on every
// instruction set and for any number of threads.
#ifndef LINNET_KERNELS_INT8_ELEMENTWISE_H_
#define LINNET_KERNELS_INT8_ELEMENTWISE_H_

#include <array>
#include <cstdint>

#include "base/quantization.h"
#include "base/thread_pool.h"
#include "kernels/int8_requantize.h"

namespace linnet::kernels {

// dst = saturate(round half to even(src * (1 / scale)) + zero_point). A NaN becomes 0.
void QuantizeForward(int64_t n, const Quantization& q, const float* src, uint8_t* dst,
                     ThreadPool* pool);
// dst = scale * (src - zero_point)
void DequantizeForward(int64_t n, const Quantization& q, const uint8_t* src, float* dst,
                       ThreadPool* pool);

// dst[r][i] = table[src[r][i]]: any function of a byte. A concatenation of values with unlike
// quantizations, and an activation that stands alone, are this with ActivationTable. Strides in
// bytes; dst may be src.
void LookupForward(int64_t rows, int64_t width, const std::array<uint8_t, 256>& table,
                   const uint8_t* src, int64_t src_stride, uint8_t* dst, int64_t dst_stride,
                   ThreadPool* pool);

// dst[r][c * groups + g] = src[r][g * (channels / groups) + c], as in channel_shuffle.h; dst is not
// over src.
void ShuffleBytes(int64_t rows, int64_t channels, int64_t groups, const uint8_t* src, uint8_t* dst,
                  ThreadPool* pool);

// dst = act(a + b), each with a quantization of its own.
class AddInt8 {
 public:
  // 'epilogue' has no residual.
  AddInt8(const Quantization& a, const Quantization& b, const Int8Epilogue& epilogue);
  // dst may be a or b.
  void Run(int64_t n, const uint8_t* a, const uint8_t* b, uint8_t* dst, ThreadPool* pool) const;

 private:
  ByteTerm a_, b_;
  Int8Output output_;
};

// dst = act(map * gate): map [n, pixels, c], gate [n, c], as squeeze-and-excite has it. The gate is
// first made a multiplier of 16 bits a channel, by integers.
class MulInt8 {
 public:
  // 'epilogue' has no residual.
  MulInt8(const Quantization& map, const Quantization& gate, const Int8Epilogue& epilogue);
  // dst may be map.
  void Run(int64_t n, int64_t pixels, int64_t c, const uint8_t* map, const uint8_t* gate,
           uint8_t* dst, ThreadPool* pool) const;

 private:
  int map_zero_, gate_zero_;
  int64_t factor_;  // multiplier = ((gate - gate_zero) * factor + 2^31) >> 32
  int doublings_;
  Int8Output output_;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_ELEMENTWISE_H_
