// The part of a pooling window that lies in the map. Internal to the kernels.
#ifndef LINNET_KERNELS_POOL_WINDOW_H_
#define LINNET_KERNELS_POOL_WINDOW_H_

#include <algorithm>
#include <cstdint>

namespace linnet::kernels {

// The part of an axis under the window of output 'out': [begin, end) inside of the map, none of it
// if end <= begin, and the elements that an average with count_include_pad divides by.
struct PoolExtent {
  int64_t begin, end, padded;
};
inline PoolExtent PoolExtentOf(int64_t out, int stride, int kernel, int pad_before, int pad_after,
                               int64_t size) {
  const int64_t begin = out * stride - pad_before;
  const int64_t end = std::min(begin + kernel, size + pad_after);
  return {std::max<int64_t>(begin, 0), std::min(end, size), end - begin};
}

// 'rows' x 'columns' pixels; floats from one row of the map, and one pixel, to the next.
struct PoolWindow {
  int64_t rows, columns;
  int64_t row, pixel;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_POOL_WINDOW_H_
