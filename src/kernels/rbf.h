// Euclidean radial basis functions.
#ifndef LINNET_KERNELS_RBF_H_
#define LINNET_KERNELS_RBF_H_

#include <cstdint>

#include "base/thread_pool.h"

namespace linnet::kernels {

// y[n, i] = -sum over j of (x[n, j] - codes[i, j])^2; x [n, features], codes [outputs, features].
// The same bits for any number of threads, as below.
void RbfForward(int64_t n, int64_t features, int64_t outputs, const float* x, const float* codes,
                float* y, ThreadPool* pool);
// dx[n, j] (+)= -2 sum over i of dy[n, i] (x[n, j] - codes[i, j])
void RbfBackward(int64_t n, int64_t features, int64_t outputs, const float* x, const float* codes,
                 const float* dy, bool accumulate, float* dx, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_RBF_H_
