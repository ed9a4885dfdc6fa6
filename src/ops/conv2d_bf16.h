// How a convolution is computed with factors of bfloat16.
#ifndef LINNET_OPS_CONV2D_BF16_H_
#define LINNET_OPS_CONV2D_BF16_H_

#include <span>
#include <string>

#include "kernels/bf16_conv.h"
#include "ops/implementations.h"

namespace linnet {

// Of values of which some are bfloat16; the best first.
std::span<const Implementation<Conv2d>> Conv2dBf16Implementations();
// Why none of them takes these types; empty: one does.
std::string Conv2dRefusesBf16(const Conv2d& op, const PrepareArgs& args);

// Split products of fewer rows take as long as their weights take to be read, which float32 kernels
// do faster.
inline constexpr int64_t kLeastSplitRows = 16;

// A layer by one product, whatever its types: parameters are weight and, if 'bias', that. The
// residual, if there is one, is the second input.
Prepared PrepareBf16Product(const kernels::ConvShape& shape, bool bias, bool residual,
                            const FusedActivation& act, const PrepareArgs& args);

}  // namespace linnet

#endif  // LINNET_OPS_CONV2D_BF16_H_
