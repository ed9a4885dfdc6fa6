// Convolution, dense and grouped, float32, through row pointers: no im2col buffer in memory.
// (Depthwise has kernels of its own, though groups == c gives the right answer here too.)
//
// Activations NHWC, weights OHWI: [k][kh][kw][c / groups]. A convolution is a matrix product whose
// row of A for one output pixel is, tap by tap, the input pixel that the tap sees, or zeros where
// it sees padding (Dukhan, "The Indirect Convolution Algorithm", 1907.02129). The pointers are made
// for a block of pixels at a time, in scratch. A 1x1 convolution without stride or padding goes
// straight to the matrix product.
//
// Objects are prepared once for a shape and an instruction set, and are then read-only: many
// threads may use one, each Run with its own scratch. Nothing is allocated in Pack and Run.
// Determinism: as in matmul.h.
#ifndef LINNET_KERNELS_CONV_H_
#define LINNET_KERNELS_CONV_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/epilogue.h"

namespace linnet::kernels {

struct MicroKernels;

struct ConvShape {
  int64_t n = 1, h = 1, w = 1, c = 1;  // input
  int64_t k = 1;                       // output channels
  int64_t kh = 1, kw = 1;              // kernel
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int64_t groups = 1;      // divides c and k
  int64_t oh = 1, ow = 1;  // output; must be (h + pads - dilation (kh - 1) - 1) / stride + 1

  int64_t src_elements() const { return n * h * w * c; }
  int64_t dst_elements() const { return n * oh * ow * k; }
  int64_t weight_elements() const { return k * kh * kw * (c / groups); }
};

// Fills in oh and ow. Error (kInternal) if a field is not positive, a padding negative, the kernel
// larger than the padded input, or groups does not divide.
ConvShape WithOutput(ConvShape shape);

namespace internal {

// For a grid of output pixels, one matrix product by row pointers; conv_indirect.h.
struct PixelTap {
  int64_t dy, dx;  // source pixel of grid pixel (y, x): (y step_y + dy, x step_x + dx)
};
struct PixelMap {
  int64_t n = 0, grid_h = 0, grid_w = 0;  // images, and the grid of each
  int64_t step_y = 1, step_x = 1;
  int64_t span = 1;            // neighbouring source pixels that one tap reads as one row
  std::vector<PixelTap> taps;  // in the order of the packed weights
  int64_t src_h = 0, src_w = 0, src_c = 0;
  int64_t dst_h = 0, dst_w = 0, dst_c = 0;                         // destination image
  int64_t dst_y0 = 0, dst_x0 = 0, dst_step_y = 1, dst_step_x = 1;  // its pixel of grid pixel (y, x)
  size_t packed_offset = 0;                                        // floats, of the first group
};

}  // namespace internal

// dst = act(conv(src, weights) + bias + residual).
class Conv2dForward {
 public:
  explicit Conv2dForward(const ConvShape& shape);
  const std::string& name() const { return name_; }  // "conv_f32 AVX3 6x64"
  size_t packed_bytes() const;
  size_t ScratchBytes(int threads) const;
  void Pack(const float* weights, float* packed, ThreadPool* pool) const;
  // packed and scratch are 64-byte aligned. The residual has dst's pixels as rows.
  void Run(const float* src, const float* packed, float* dst, const Epilogue& epilogue,
           void* scratch, ThreadPool* pool) const;
  // The same where pixels lie so many floats apart, at least c and k. src_stride may differ from c
  // if TakesStridedSource(): a first layer reads several pixels as one row.
  void Run(const float* src, int64_t src_stride, const float* packed, float* dst,
           int64_t dst_stride, const Epilogue& epilogue, void* scratch, ThreadPool* pool) const;
  bool TakesStridedSource() const;
  // Whether it computes some rows of one image by themselves: pointwise convolutions of stride 1.
  bool TakesRows() const;
  // Rows [first, last) of dst alone, the same bits; src, dst and the residual begin at row 0. Takes
  // no scratch memory.
  void RunRows(int64_t first, int64_t last, const float* src, int64_t src_stride,
               const float* packed, float* dst, int64_t dst_stride, const Epilogue& epilogue,
               ThreadPool* pool) const;

 private:
  ConvShape shape_;
  const MicroKernels* kernels_;
  internal::PixelMap map_;
  std::vector<float> zeros_;
  std::string name_;
};

// d_src (+)= the gradient for d_dst. With strides, the pixels of d_src fall into stride_h x
// stride_w classes that see different taps; each is a product of its own, so that no multiplication
// by a zero between pixels is made.
class Conv2dInputGrad {
 public:
  explicit Conv2dInputGrad(const ConvShape& shape);
  const std::string& name() const { return name_; }
  size_t packed_bytes() const;
  size_t ScratchBytes(int threads) const;
  void Pack(const float* weights, float* packed, ThreadPool* pool) const;
  // Adds to d_src if 'accumulate', else overwrites all of it.
  void Run(const float* d_dst, const float* packed, float* d_src, bool accumulate, void* scratch,
           ThreadPool* pool) const;

 private:
  ConvShape shape_;
  const MicroKernels* kernels_;
  std::vector<internal::PixelMap> maps_;        // one a class
  std::vector<std::vector<int64_t>> map_taps_;  // of each class: tap numbers kh * kw + x
  size_t packed_floats_ = 0;
  std::vector<float> zeros_;
  std::string name_;
};

// d_weights += the gradient.
class Conv2dWeightGrad {
 public:
  explicit Conv2dWeightGrad(const ConvShape& shape);
  size_t ScratchBytes(int threads) const;
  void Run(const float* src, const float* d_dst, float* d_weights, void* scratch,
           ThreadPool* pool) const;

 private:
  ConvShape shape_;
  const MicroKernels* kernels_;
  internal::PixelMap map_;
  std::vector<float> zeros_;
};

// The gradient of the bias is ColumnSums (matmul.h) of d_dst seen as [n * oh * ow, k].

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_CONV_H_
