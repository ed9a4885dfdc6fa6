// Rows divided by their Euclidean norm, with a scale a channel.
#ifndef LINNET_KERNELS_L2_NORM_H_
#define LINNET_KERNELS_L2_NORM_H_

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"

namespace linnet::kernels {

struct L2NormShape {
  int64_t rows = 0, channels = 0;
  float eps = 1e-10f;
};

// With d[r] = |x[r, :]| + eps: y[r, c] = scale[c] x[r, c] / d[r]. y may be x. The same bits for any
// number of threads, as below.
void L2NormForward(const L2NormShape& shape, const float* x, const float* scale, float* y,
                   ThreadPool* pool);

size_t L2NormScratchBytes(const L2NormShape& shape);
// dscale[c] += sum over r of dy x / d
// dx (+)= scale dy / d - x (sum over c of scale dy x) / (|x| d^2), without its second term where x
// is zero; null: not wanted.
void L2NormBackward(const L2NormShape& shape, const float* x, const float* scale, const float* dy,
                    bool accumulate, float* dx, float* dscale, void* scratch, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_L2_NORM_H_
