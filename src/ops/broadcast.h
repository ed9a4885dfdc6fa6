#ifndef LINNET_OPS_BROADCAST_H_
#define LINNET_OPS_BROADCAST_H_

#include "base/tensor.h"

namespace linnet {

// Where a value of shape 'x', repeated in its dimensions of 1 to the shape 'y' of the same rank,
// has the element 'index' of y.
inline int64_t RepeatedOffset(const Shape& x, const Shape& y, int64_t index) {
  int64_t offset = 0, step = 1;
  for (int d = y.rank() - 1; d >= 0; --d) {
    if (x[d] != 1) offset += index % y[d] * step;
    index /= y[d];
    step *= x[d];
  }
  return offset;
}

}  // namespace linnet

#endif  // LINNET_OPS_BROADCAST_H_
