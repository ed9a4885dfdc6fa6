// How a convolution is computed: the implementations among which conv2d.cc chooses.
#ifndef LINNET_OPS_CONV2D_KERNELS_H_
#define LINNET_OPS_CONV2D_KERNELS_H_

#include <span>

#include "ops/implementations.h"

namespace linnet {

// The best first.
std::span<const Implementation<Conv2d>> Conv2dImplementations();

}  // namespace linnet

#endif  // LINNET_OPS_CONV2D_KERNELS_H_
