// The order of a convolution's weights: ours is OHWI, other tools have OIHW.
#ifndef LINNET_IO_WEIGHT_LAYOUT_H_
#define LINNET_IO_WEIGHT_LAYOUT_H_

#include "base/tensor.h"

namespace linnet {

// [O,I,H,W] -> [O,H,W,I].
Tensor ToOhwi(const Tensor& oihw);
// [O,H,W,I] -> [O,I,H,W]; float32 or int8.
Tensor ToOihw(const Tensor& ohwi);

}  // namespace linnet

#endif  // LINNET_IO_WEIGHT_LAYOUT_H_
