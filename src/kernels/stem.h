// The first layer of a network: a dense convolution of few input channels, float32, for inference.
//
// In NHWC the pixels under one row of the kernel are one run of kw * c floats, and neighbouring
// output pixels begin stride_w * c floats apart. So a tile of neighbouring output pixels needs one
// pointer a kernel row, and where that distance is known to the compiler, no address arithmetic at
// all; the row pointers of conv.h cost as much time there as the few multiply-adds of a pixel.
// Pixels that see padding at the sides are computed from a copy, in which the padding is there.
//
// Objects and determinism: as in conv.h. The same sums in the same order as Conv2dForward's.
#ifndef LINNET_KERNELS_STEM_H_
#define LINNET_KERNELS_STEM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/conv.h"
#include "kernels/epilogue.h"

namespace linnet::kernels {

struct StemKernels;
struct StemTileArgs;

// Why StemForward does not compute a shape, made by WithOutput; empty: it does.
std::string StemRefuses(const ConvShape& shape);

// dst = act(conv(src, weights) + bias + residual).
class StemForward {
 public:
  explicit StemForward(const ConvShape& shape);      // Error (kInternal) if StemRefuses
  const std::string& name() const { return name_; }  // "stem_f32 AVX3 14x16"
  size_t packed_bytes() const;
  size_t ScratchBytes(int) const { return 0; }
  void Pack(const float* weights, float* packed, ThreadPool* pool) const;
  // packed is 64-byte aligned. The residual has dst's pixels as rows.
  void Run(const float* src, const float* packed, float* dst, const Epilogue& epilogue,
           void* scratch, ThreadPool* pool) const;
  // Rows [first, last) of dst alone, the rows of all images being counted; the same bits.
  void RunRows(int64_t first, int64_t last, const float* src, const float* packed, float* dst,
               const Epilogue& epilogue, ThreadPool* pool) const;

 private:
  void RunRow(const float* src, const float* packed, int64_t line, const Epilogue& epilogue,
              float* dst) const;
  void RunTile(const float* const* rows, int64_t x, StemTileArgs& args) const;

  ConvShape shape_;
  const MicroKernels* kernels_;
  const StemKernels* tiles_;
  std::vector<float> zeros_;  // a row of the source that is padding
  std::string name_;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_STEM_H_
