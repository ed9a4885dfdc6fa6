// Channels dealt out: the transpose of each pixel's [groups, channels / groups].
#ifndef LINNET_KERNELS_CHANNEL_SHUFFLE_H_
#define LINNET_KERNELS_CHANNEL_SHUFFLE_H_

#include <cstdint>

#include "base/thread_pool.h"

namespace linnet::kernels {

// y[r, c * groups + g] (+)= x[r, g * (channels / groups) + c]; 'groups' divides 'channels', y is
// not over x. Rows lie x_stride and y_stride floats apart. The gradient is the shuffle with
// channels / groups groups. The same bits for any number of threads.
void ChannelShuffle(int64_t rows, int64_t channels, int64_t groups, const float* x,
                    int64_t x_stride, bool accumulate, float* y, int64_t y_stride,
                    ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_CHANNEL_SHUFFLE_H_
