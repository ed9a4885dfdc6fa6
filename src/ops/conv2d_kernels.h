// How a convolution is computed: the implementations among which conv2d.cc chooses.
#ifndef LINNET_OPS_CONV2D_KERNELS_H_
#define LINNET_OPS_CONV2D_KERNELS_H_

#include <span>

#include "kernels/conv.h"
#include "kernels/depthwise.h"
#include "ops/implementations.h"
#include "ops/linear.h"

namespace linnet {

// The shapes as the kernels take them.
kernels::DepthwiseShape DepthwiseShapeOf(const Conv2d& op, const PrepareArgs& args);
kernels::ConvShape ConvShapeOf(const Conv2d& op, const PrepareArgs& args);

// On float32; the best first. 'split_products': PrepareArgs.
std::span<const Implementation<Conv2d>> Conv2dImplementations(bool split_products);

// The one that takes every convolution: matrix products through row pointers.
LinearKernel MatMulConvolution(const Conv2d& op, const PrepareArgs& args);

}  // namespace linnet

#endif  // LINNET_OPS_CONV2D_KERNELS_H_
