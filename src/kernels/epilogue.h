// What a kernel does with a result before it leaves the registers: y = act(x w + bias + residual).
// Inference fills it in; in training it is empty.
#ifndef LINNET_KERNELS_EPILOGUE_H_
#define LINNET_KERNELS_EPILOGUE_H_

#include <cstdint>

#include "base/activation.h"

namespace linnet::kernels {

struct Epilogue {
  const float* bias = nullptr;  // [channels], or none
  Activation act = Activation::kIdentity;
  float alpha = 0.01f;              // of leaky_relu and elu
  const float* residual = nullptr;  // one row an output row (pixel), added before the activation
  int64_t residual_stride = 0;      // floats from one row of 'residual' to the next
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_EPILOGUE_H_
