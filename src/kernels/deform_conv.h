// Deformable convolution (1703.06211; with a mask for each tap 1811.11168), float32, NHWC, weights
// OHWI, with all gradients.
//
// The taps of an output pixel stand at points of their own, between the pixels. What they see is
// sampled into a column of scratch, [groups][taps][c / groups] floats, for a block of output pixels
// at a time; the rest is the matrix product of those columns with the weights, and its gradients.
//
// A point (y, x) reads the up to four pixels around it that are inside of the map, bilinearly, as
// if zeros stood outside; a point that is not finite reads zeros.
//
// Objects are prepared once, and are then read-only. Nothing is allocated after that.
// Determinism: blocks follow from the shape, and the backward pass takes them one after another;
// within a block, the gradient of the map is cut by channels and added in the order of the pixels.
#ifndef LINNET_KERNELS_DEFORM_CONV_H_
#define LINNET_KERNELS_DEFORM_CONV_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/matmul.h"

namespace linnet::kernels {

struct TapsTable;

struct DeformConvShape {
  int64_t n = 1, h = 1, w = 1, c = 1;  // the map
  int64_t k = 1;                       // output channels
  int64_t out_h = 1, out_w = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t groups = 1;         // divides c and k
  int64_t offset_groups = 1;  // divides c

  int64_t taps() const { return kernel_h * kernel_w; }
  int64_t pixels() const { return n * out_h * out_w; }
  int64_t depth() const { return taps() * c; }  // floats of a column
};

class DeformConv {
 public:
  // Offsets: [pixels, offset_groups, taps, 2], down and right. Masks: [pixels, offset_groups,
  // taps], or null: ones.
  struct Inputs {
    const float* map = nullptr;
    const float* offsets = nullptr;
    const float* masks = nullptr;
  };
  // Of the inputs: null is not wanted; 'add' adds, else it is overwritten. Those of the weights are
  // always added.
  struct Gradient {
    float* to = nullptr;
    bool add = false;
  };
  struct Gradients {
    Gradient map, offsets, masks;
    float* weights = nullptr;
  };

  explicit DeformConv(const DeformConvShape& shape);
  const std::string& name() const { return product_.name(); }

  // Weights as Forward reads them, and as Backward does; 64-byte aligned, as scratch is.
  size_t packed_bytes() const;
  size_t packed_gradient_bytes() const;
  void Pack(const float* weights, float* packed, ThreadPool* pool) const;
  void PackGradient(const float* weights, float* packed, ThreadPool* pool) const;

  size_t ScratchBytes(int threads) const;
  size_t GradientScratchBytes(int threads) const;
  // y = columns * weights + bias; bias may be null.
  void Forward(const Inputs& in, const float* packed, const float* bias, float* y, void* scratch,
               ThreadPool* pool) const;
  void Backward(const Inputs& in, const float* dy, const float* packed_gradient,
                const Gradients& gradients, void* scratch, ThreadPool* pool) const;

 private:
  struct Point;
  // Neighbouring channels that share their points, and lie together in a column: those of tap t
  // begin at float column + t * tap_step.
  struct Run {
    int64_t offset_group, channel, count;
    int64_t column, tap_step;
    bool first;  // of its offset group
  };
  // Some output pixels.
  struct Block {
    int64_t first, rows;
    float* columns;
  };

  int64_t group_k() const { return shape_.k / shape_.groups; }
  int64_t group_depth() const { return shape_.depth() / shape_.groups; }
  int64_t BlockRows(int64_t floats) const;
  const float* ImageOf(const float* map, int64_t pixel) const;
  // Of a tap's mask; those of its offset are twice as far, and the next.
  int64_t MaskIndex(int64_t pixel, const Run& run, int64_t tap) const;
  Point PointOf(const Inputs& in, int64_t pixel, const Run& run, int64_t tap) const;
  void GatherColumn(const Inputs& in, int64_t pixel, float* column) const;
  void PointGradients(const Inputs& in, int64_t pixel, const float* d_column,
                      const Gradients& gradients) const;
  void AddMapGradient(const Inputs& in, const Block& block, const Run& run, float* d_map) const;
  void BackwardBlock(const Inputs& in, const float* dy, const float* packed_gradient,
                     const Gradients& gradients, const Block& block, void* scratch,
                     ThreadPool* pool) const;

  DeformConvShape shape_;
  const TapsTable* table_;
  MatMul product_, gradient_product_;  // of one group
  std::vector<Run> runs_;
  int64_t block_rows_, gradient_rows_;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_DEFORM_CONV_H_
