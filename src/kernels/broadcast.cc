#include "kernels/broadcast.h"

#include <algorithm>

#include "base/error.h"

namespace linnet::kernels {

Broadcast BroadcastOf(const Shape& a, const Shape& b) {
  const auto dim = [](const Shape& s, int from_last) {
    return from_last < s.rank() ? s[s.rank() - 1 - from_last] : int64_t{1};
  };
  Broadcast result;
  int at = 3;  // the dimension of the result that grows
  bool empty = true, a_repeats = false, b_repeats = false;
  int64_t a_stride = 1, b_stride = 1;
  for (int i = 0; i < Shape::kMaxRank; ++i) {
    const int64_t size_a = dim(a, i), size_b = dim(b, i), size = std::max(size_a, size_b);
    Check((size_a == size || size_a == 1) && (size_b == size || size_b == 1),
          "{} and {} do not broadcast", a.ToString(), b.ToString());
    if (size == 1) continue;
    if (!empty && (a_repeats != (size_a != size) || b_repeats != (size_b != size))) --at;
    if (empty || result.size[at] == 1) {
      a_repeats = size_a != size;
      b_repeats = size_b != size;
      result.a[at] = a_repeats ? 0 : a_stride;
      result.b[at] = b_repeats ? 0 : b_stride;
    }
    empty = false;
    result.size[at] *= size;
    a_stride *= size_a;
    b_stride *= size_b;
  }
  if (empty) result.a[3] = result.b[3] = 1;
  return result;
}

}  // namespace linnet::kernels
