// One pass over a tensor.
#ifndef LINNET_OPS_PASS_H_
#define LINNET_OPS_PASS_H_

#include "kernels/elementwise.h"

namespace linnet {

// to (+)= from. Nothing to do where a copy would go to its own place.
inline void CopyOrAdd(int64_t count, const float* from, bool accumulate, float* to,
                      ThreadPool* pool) {
  if (accumulate) {
    kernels::Accumulate(count, from, to, pool);
  } else if (from != to) {
    kernels::ActivationForward(count, Activation::kIdentity, 0, from, to, pool);
  }
}

// Whether act'(z) is known from act(z) alone, by the same formula: relu and relu6 leave what they
// do not cut. Then z need not be kept for backward.
inline bool DerivativeFromResult(Activation act) {
  return act == Activation::kIdentity || act == Activation::kRelu || act == Activation::kRelu6;
}

}  // namespace linnet

#endif  // LINNET_OPS_PASS_H_
