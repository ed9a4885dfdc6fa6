#include "io/weight_layout.h"

namespace linnet {
namespace {

// Of each of 'count' matrices [rows, columns] the transposed one.
template <class T>
void Transpose(const T* from, int64_t count, int64_t rows, int64_t columns, T* to) {
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
  Tensor oihw(Shape{s[0], s[3], s[1], s[2]}, ohwi.dtype());
  if (ohwi.dtype() == DType::kI8) {
    Transpose(ohwi.data<int8_t>(), s[0], s[1] * s[2], s[3], oihw.data<int8_t>());
  } else {
    Transpose(ohwi.data(), s[0], s[1] * s[2], s[3], oihw.data());
  }
  return oihw;
}

}  // namespace linnet
