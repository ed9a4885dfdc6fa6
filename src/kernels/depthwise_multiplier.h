// Depthwise convolution with more than one output a channel: plain loops, compiled once. Internal
// to the kernels; arguments as in depthwise.h.
#ifndef LINNET_KERNELS_DEPTHWISE_MULTIPLIER_H_
#define LINNET_KERNELS_DEPTHWISE_MULTIPLIER_H_

#include "kernels/depthwise.h"

namespace linnet::kernels {

void MultiplierForward(const DepthwiseShape& shape, const float* src, const float* packed,
                       const Epilogue& epilogue, float* dst, ThreadPool* pool);
void MultiplierInputGradient(const DepthwiseShape& shape, const float* dy, const float* packed,
                             bool accumulate, float* dx, ThreadPool* pool);
void MultiplierWeightGradient(const DepthwiseShape& shape, const float* x, const float* dy,
                              float* dw, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_DEPTHWISE_MULTIPLIER_H_
