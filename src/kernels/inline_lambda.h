// For a lambda in a vector loop: compiled for the target at hand, and always inlined. Left to itself,
// GCC calls the larger ones, and then arrays of vectors that should be registers live in memory.
//
//   Unroll<4>([&](auto i) LINNET_LAMBDA { ... });
#ifndef LINNET_KERNELS_INLINE_LAMBDA_H_
#define LINNET_KERNELS_INLINE_LAMBDA_H_

#include <hwy/base.h>

#define LINNET_LAMBDA HWY_ATTR __attribute__((always_inline))

#endif  // LINNET_KERNELS_INLINE_LAMBDA_H_
