// How kernels that choose their instruction set themselves are called in a Prepared.
#ifndef LINNET_OPS_KERNEL_NAME_H_
#define LINNET_OPS_KERNEL_NAME_H_

#include <string>

#include "kernels/targets.h"

namespace linnet {

// "softmax AVX2"
inline std::string KernelName(const char* kernel) {
  return std::string(kernel) + " " + kernels::TargetName(kernels::CurrentTarget());
}

}  // namespace linnet

#endif  // LINNET_OPS_KERNEL_NAME_H_
