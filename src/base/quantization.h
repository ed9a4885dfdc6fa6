// How real numbers are told by bytes.
#ifndef LINNET_BASE_QUANTIZATION_H_
#define LINNET_BASE_QUANTIZATION_H_

namespace linnet {

// real = scale * (q - zero_point), q an uint8: asymmetric, one for a whole value (Jacob et al.,
// "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
// 1712.05877, sec. 2.1).
struct Quantization {
  float scale = 1;     // > 0
  int zero_point = 0;  // in [0, 255]: zero is told exactly

  bool operator==(const Quantization&) const = default;
};

}  // namespace linnet

#endif  // LINNET_BASE_QUANTIZATION_H_
