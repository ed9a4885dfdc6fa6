// The part of a pooling window that lies in the map. Internal to the kernels.
#ifndef LINNET_KERNELS_POOL_WINDOW_H_
#define LINNET_KERNELS_POOL_WINDOW_H_

#include <cstdint>

namespace linnet::kernels {

// 'rows' x 'columns' pixels; floats from one row of the map, and one pixel, to the next.
struct PoolWindow {
  int64_t rows, columns;
  int64_t row, pixel;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_POOL_WINDOW_H_
