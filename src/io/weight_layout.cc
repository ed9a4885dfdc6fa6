#include "io/weight_layout.h"

namespace linnet {
namespace {

// Of each of 'count' matrices [rows, columns] the transposed one.
void Transpose(const float* from, int64_t count, int64_t rows, int64_t columns, float* to) {
  for (int64_t i = 0; i < count; ++i, to += rows * columns) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = *from++;
    }
  }
}

}  // namespace

Tensor ToOhwi(const Tensor& oihw) {
  const Shape& s = oihw.shape();
  Tensor ohwi(Shape{s[0], s[2], s[3], s[1]});
  Transpose(oihw.data(), s[0], s[1], s[2] * s[3], ohwi.data());
  return ohwi;
}

Tensor ToOihw(const Tensor& ohwi) {
  const Shape& s = ohwi.shape();
  Tensor oihw(Shape{s[0], s[3], s[1], s[2]});
  Transpose(ohwi.data(), s[0], s[1] * s[2], s[3], oihw.data());
  return oihw;
}

}  // namespace linnet
