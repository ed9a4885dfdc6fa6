// How a convolution is computed on bytes.
#ifndef LINNET_OPS_CONV2D_INT8_H_
#define LINNET_OPS_CONV2D_INT8_H_

#include <span>
#include <string>

#include "ops/implementations.h"

namespace linnet {

// The best first.
std::span<const Implementation<Conv2d>> Conv2dInt8Implementations();

// Why none of them takes these types; empty: one does.
std::string Conv2dRefusesTypes(const Conv2d& op, const PrepareArgs& args);

}  // namespace linnet

#endif  // LINNET_OPS_CONV2D_INT8_H_
