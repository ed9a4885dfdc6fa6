// Batch normalisation (1502.03167) with the following activation fused, forward and backward.
//
//   xhat = (x - mean) * inv_std,  inv_std = 1 / sqrt(var + eps),  y = act(gamma * xhat + beta)
//
// Maps are seen as [rows, channels] with rows = N*H*W, float32, channels contiguous. The layer does
// next to no arithmetic, so what counts is how often memory is read: training forward reads x twice
// and writes y once; backward reads x and dy twice and writes dx once. The pre-activation is made
// again from x in backward instead of being stored.
//
// Results are the same bits for any number of threads: statistics are taken over fixed cuts of the
// rows and merged in their order, in double.
#ifndef LINNET_KERNELS_BATCH_NORM_H_
#define LINNET_KERNELS_BATCH_NORM_H_

#include <cstddef>
#include <cstdint>

#include "base/activation.h"
#include "base/thread_pool.h"

namespace linnet::kernels {

struct BatchNormShape {
  int64_t rows = 0;  // N*H*W
  int64_t channels = 0;
  // Inference only: floats from one row of x, of y, to the next; 0: channels.
  int64_t x_stride = 0, y_stride = 0;
};

// For BatchNormForward and BatchNormBackward. The same for any number of threads.
size_t BatchNormScratchBytes(const BatchNormShape& shape);

struct BatchNormForwardArgs {
  const float* x = nullptr;      // [rows, channels]
  const float* gamma = nullptr;  // [channels]; null: ones
  const float* beta = nullptr;   // [channels]; null: zeros
  float eps = 1e-5f;
  Activation act = Activation::kIdentity;
  float alpha = 0.01f;            // of leaky_relu and elu
  float* y = nullptr;             // [rows, channels]; may be x
  float* mean = nullptr;          // [channels], of the batch: for backward
  float* inv_std = nullptr;       // [channels], of the batch: for backward
  float* running_mean = nullptr;  // [channels]; null: not kept
  float* running_var = nullptr;   // [channels]; null: not kept
  float momentum = 0.1f;  // running = (1 - momentum) * running + momentum * batch; the batch
                          // variance that goes there is the unbiased one (PyTorch, cuDNN)
};
// Statistics of the batch. A single row has variance 0, also in running_var.
void BatchNormForward(const BatchNormShape& shape, const BatchNormForwardArgs& args, void* scratch,
                      ThreadPool* pool);

struct BatchNormBackwardArgs {
  const float* x = nullptr;   // as in forward
  const float* dy = nullptr;  // gradient of y
  const float* gamma = nullptr;
  const float* beta = nullptr;
  const float* mean = nullptr;
  const float* inv_std = nullptr;
  Activation act = Activation::kIdentity;
  float alpha = 0.01f;
  float* dx = nullptr;      // [rows, channels]; may be dy unless accumulating; null: not wanted
  bool accumulate = false;  // add to dx instead of overwriting
  float* dgamma = nullptr;  // [channels], added to; null: not wanted
  float* dbeta = nullptr;   // [channels], added to; null: not wanted
};
void BatchNormBackward(const BatchNormShape& shape, const BatchNormBackwardArgs& args,
                       void* scratch, ThreadPool* pool);

// Inference with running statistics is y = act(scale * x + shift).
// gamma and beta may be null: ones, zeros.
void BatchNormFold(int64_t channels, const float* gamma, const float* beta, const float* mean,
                   const float* var, float eps, float* scale, float* shift);
// y may be x if their rows are equally far apart.
void BatchNormInference(const BatchNormShape& shape, const float* x, const float* scale,
                        const float* shift, Activation act, float alpha, float* y,
                        ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_BATCH_NORM_H_
