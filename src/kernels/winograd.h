// Dense 3x3 convolution of stride 1 by Winograd's minimal filtering, float32, for inference.
//
// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (1509.09308): a tile of m x m
// output pixels needs (m + 2)^2 multiplications a pair of channels instead of 9 m^2: 4 times fewer
// for m = 4, 2.25 times for m = 2. The input tiles are transformed, each of the (m + 2)^2 positions
// of the transformed plane is a matrix product [tiles, c] [c, k] with weights that were transformed
// when they were packed, and the sums are transformed to output pixels.
//
// Tiles are taken in blocks whose transformed inputs stay in the L2, and one panel of output
// channels at a time goes through all positions, so that its sums do, too. Weights grow from 9 to
// 36 (or 16) floats a pair of channels: on small maps of many channels their way from memory costs
// more than the multiplications saved.
//
// Rounding differs from that of Conv2dForward: the error against double is about 2.5 times its for
// m = 4, less than its for m = 2 (tests/kernels/winograd_test.cc prints both).
//
// Objects and determinism: as in conv.h.
#ifndef LINNET_KERNELS_WINOGRAD_H_
#define LINNET_KERNELS_WINOGRAD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/conv.h"
#include "kernels/epilogue.h"

namespace linnet::kernels {

struct WinogradKernels;

// Floats in a vector of the current target (targets.h): the more, the cheaper is a multiplication
// beside the way of the weights.
int VectorLanes();

// dst = act(conv(src, weights) + bias + residual).
class WinogradForward {
 public:
  // shape: 3x3, stride and dilation 1, one group, any padding, as WithOutput made it. m: output
  // pixels of a tile's side, 2 or 4. Error (kInternal) otherwise.
  WinogradForward(const ConvShape& shape, int m);
  const std::string& name() const { return name_; }  // "winograd4_f32 AVX3 6x64"
  size_t packed_bytes() const;
  size_t ScratchBytes(int threads) const;
  // Transforms in double.
  void Pack(const float* weights, float* packed, ThreadPool* pool) const;
  // packed and scratch are 64-byte aligned. The residual has dst's pixels as rows.
  void Run(const float* src, const float* packed, float* dst, const Epilogue& epilogue,
           void* scratch, ThreadPool* pool) const {
    Run(src, shape_.c, packed, dst, shape_.k, epilogue, scratch, pool);
  }
  // The same where pixels lie so many floats apart, at least c and k.
  bool TakesStridedSource() const { return true; }
  void Run(const float* src, int64_t src_stride, const float* packed, float* dst,
           int64_t dst_stride, const Epilogue& epilogue, void* scratch, ThreadPool* pool) const;

 private:
  // By the shape alone.
  struct Cut {
    int64_t block_tiles = 0, blocks = 0;  // the last block may have fewer tiles
    bool few = false;  // too few blocks to keep several threads busy
    int64_t input_row = 0, input_position = 0;  // floats from one tile, one position to the next
    int64_t sum_row = 0, sum_position = 0;
  };
  struct Tile {
    int64_t image, y, x;  // its first output pixel
  };
  static Cut MakeCut(const ConvShape& shape, const MicroKernels& kernels, int m, int64_t tiles);
  int positions() const { return (m_ + 2) * (m_ + 2); }
  int64_t input_floats() const { return positions() * cut_.input_position; }
  int64_t sum_floats() const { return positions() * cut_.sum_position; }
  // A task is a block, its inputs and all panels. But where there are few blocks for several threads
  // all inputs are transformed first, which takes more memory, and then a task is one block and panel.
  bool SharesInputs(int64_t threads) const { return cut_.few && threads > 1; }
  int64_t BlockTiles(int64_t block) const;
  Tile TileAt(int64_t index) const;
  void TransformInput(const float* src, int64_t src_stride, const Tile& tile, float* inputs) const;
  void TransformOutput(const Tile& tile, int64_t panel, const float* sums, const Epilogue& epilogue,
                       float* dst, int64_t dst_stride) const;
  void RunPanel(int64_t block, int64_t panel, const float* inputs, const float* packed, float* sums,
                const Epilogue& epilogue, float* dst, int64_t dst_stride) const;

  ConvShape shape_;
  int m_;
  const MicroKernels* kernels_;
  const WinogradKernels* transforms_;
  int64_t tiles_y_ = 0, tiles_x_ = 0, tiles_ = 0;
  Cut cut_;
  std::vector<float> zeros_;  // a pixel of the padding
  std::string name_;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_WINOGRAD_H_
