// A map inside a larger one, and the copies between them: slices, borders, and their gradients.
// Float32, NHWC. Every function gives the same bits for any number of threads.
#ifndef LINNET_KERNELS_BOX_H_
#define LINNET_KERNELS_BOX_H_

#include <cstdint>

#include "base/tensor.h"
#include "base/thread_pool.h"

namespace linnet::kernels {

// The inner map's first element stands at (top, left, channel) of the outer one, in every sample.
struct Box {
  Shape outer, inner;
  int64_t top = 0, left = 0, channel = 0;
};

// inner (+)= the outer map's box..
void TakeFromBox(const Box& box, const float* outer, bool accumulate, float* inner,
                 ThreadPool* pool);
// outer = inner in the box, 'value' around it.
void PutIntoBox(const Box& box, const float* inner, float value, float* outer, ThreadPool* pool);
// outer += inner in the box.
void AddToBox(const Box& box, const float* inner, float* outer, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_BOX_H_
