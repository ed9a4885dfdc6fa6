// One step of the optimizer on one parameter, each in one pass over memory. Float32.
#ifndef LINNET_KERNELS_OPTIMIZER_H_
#define LINNET_KERNELS_OPTIMIZER_H_

#include <cstdint>

#include "base/thread_pool.h"

namespace linnet::kernels {

// Stochastic gradient descent with momentum, in PyTorch's convention:
//   g' = g + weight_decay * w
//   v  = momentum * v + g'            (v starts at zero)
//   w -= lr * (nesterov ? g' + momentum * v : v)
struct SgdArgs {
  float lr = 0.1f;
  float momentum = 0.9f;
  float weight_decay = 0;
  bool nesterov = false;
};
// 'v' may be null when the momentum is 0.
void SgdStep(int64_t count, const SgdArgs& args, const float* g, float* v, float* w,
             ThreadPool* pool);

// Exponential moving average: ema = decay * ema + (1 - decay) * w
void EmaStep(int64_t count, float decay, const float* w, float* ema, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_OPTIMIZER_H_
