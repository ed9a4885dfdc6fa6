// Local response normalisation across channels (AlexNet, sec. 3.3).
#ifndef LINNET_KERNELS_LRN_H_
#define LINNET_KERNELS_LRN_H_

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"

namespace linnet::kernels {

// With s[r, c] = k + alpha * sum of x[r, j]^2 over |j - c| <= size / 2, 0 <= j < channels:
struct LrnShape {
  int64_t rows = 0, channels = 0;
  int64_t size = 5;  // odd
  float alpha = 1e-4f, beta = 0.75f, k = 2;
};

// For both functions, for a pool of at most 'threads'.
size_t LrnScratchBytes(const LrnShape& shape, int threads);

// y = x / s^beta. y may be x. The same bits for any number of threads, as below.
void LrnForward(const LrnShape& shape, const float* x, float* y, void* scratch, ThreadPool* pool);
// dx[r, c] (+)= dy s^-beta - 2 alpha beta x * sum of (dy x s^(-beta - 1))[r, j] over the same j.
// dx may be dy unless accumulating.
void LrnBackward(const LrnShape& shape, const float* x, const float* dy, bool accumulate, float* dx,
                 void* scratch, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_LRN_H_
