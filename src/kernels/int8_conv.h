// Convolution, dense and grouped, and fully connected layers, of bytes: int32 sums, exact, and an
// integer epilogue (int8_requantize.h). One answer, bit for bit, on every instruction set and for
// any number of threads.
//
// Activations are uint8, NHWC, with one Quantization each; weights int8 in [-127, 127], symmetric,
// OHWI, with a scale for each output channel. Padding is read as the input's zero point, which is
// zero exactly.
//
//   acc = sum (x - zero_point) w,  real = src.scale * scales[o] * acc + bias[o]
//
// The zero point's part is folded into the bias when weights are packed, and so are the rounding of
// the epilogue and the bias itself, as int32 in units of src.scale * scales[o]. A bias too large
// for that (its channel's weights are then as good as nothing) makes its channel's weights coarser.
//
// Method as in conv.h: a matrix product over row pointers, no im2col buffer. Weights are packed in
// panels of [depth / 4][channels][4], which the dot-product instructions take as they are, and tile
// registers, too (int8_register_rows.h).
// Objects are prepared once for a shape and an instruction set, and are then read-only. Pack and
// Run allocate nothing.
#ifndef LINNET_KERNELS_INT8_CONV_H_
#define LINNET_KERNELS_INT8_CONV_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/quantization.h"
#include "base/thread_pool.h"
#include "kernels/conv.h"
#include "kernels/int8_requantize.h"

namespace linnet::kernels {

struct Int8Kernels;  // the chosen instruction set's functions, int8_kernels.h

// The products of a sum, and the most that cannot overflow.
inline int64_t Int8Depth(const ConvShape& s) { return int64_t{s.kh} * s.kw * (s.c / s.groups); }
inline constexpr int64_t kMaxInt8Depth = 40000;

struct Int8Weights {
  const int8_t* values = nullptr;  // OHWI
  const float* scales = nullptr;   // [k]
  const float* bias = nullptr;     // [k], real numbers; or none
};

// One channel, made fit for int32 sums.
struct Int8Channel {
  double scale = 1;   // of its sums
  double shrink = 1;  // its weights are multiplied by this and rounded
  int32_t bias = 0;   // in units of scale

  int8_t Weight(int8_t w) const;
};
Int8Channel FitChannel(const Quantization& src, const Int8Weights& weights, int64_t channel);

// uint8 in, uint8 out.
class Conv2dInt8 {
 public:
  // Error (kInternal) if the shape is impossible or a sum longer than kMaxInt8Depth.
  Conv2dInt8(const ConvShape& shape, const Quantization& src, const Int8Epilogue& epilogue);
  const std::string& name() const { return name_; }  // "conv_int8 AVX3_VNNI 6x64"
  size_t packed_bytes() const;
  size_t ScratchBytes(int threads) const;
  // packed and scratch are 64-byte aligned.
  void Pack(const Int8Weights& weights, void* packed, ThreadPool* pool) const;
  // residual: as dst; null unless the epilogue has one. dst is neither.
  void Run(const uint8_t* src, const void* packed, const uint8_t* residual, uint8_t* dst,
           void* scratch, ThreadPool* pool) const;

 private:
  ConvShape shape_;
  const Int8Kernels* kernels_;
  Quantization src_;
  Int8Output output_;
  internal::PixelMap map_;
  std::vector<uint8_t> padding_;
  std::string name_;
};

// Fully connected, uint8 in, float32 out: a classifier's last layer.
//   dst[m][o] = float(acc + bias) * scale, one multiplication
// With bytes out it is a Conv2dInt8 over pictures of 1x1.
class DenseInt8ToFloat {
 public:
  DenseInt8ToFloat(int64_t k, int64_t n, const Quantization& src);
  const std::string& name() const { return name_; }
  size_t packed_bytes() const;
  size_t ScratchBytes(int threads) const;
  void Pack(const Int8Weights& weights, void* packed, ThreadPool* pool) const;
  // src [m, k], dst [m, n].
  void Run(int64_t m, const uint8_t* src, const void* packed, float* dst, void* scratch,
           ThreadPool* pool) const;

 private:
  int64_t k_, n_;
  const Int8Kernels* kernels_;
  Quantization src_;
  std::string name_;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_CONV_H_
