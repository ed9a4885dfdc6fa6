// The arithmetic of products: convolutions and fully connected layers.
#ifndef LINNET_BASE_PRECISION_H_
#define LINNET_BASE_PRECISION_H_

#include <span>

namespace linnet {

// Sums are float32, of int8 int32. float32, bf16 and bf16x3 are a choice of CompileOptions; int8 is
// a property of a model's values.
enum class Precision {
  kFloat32,
  kBf16,    // factors rounded to bfloat16: 8 bits of significand
  kBf16x3,  // factors as sums of two bfloat16, hi hi + hi lo + lo hi: relative error near 1e-5
  kInt8,
};
inline constexpr const char* kPrecisionNames[] = {"float32", "bf16", "bf16x3", "int8"};
inline std::span<const char* const> EnumNames(Precision) { return kPrecisionNames; }

}  // namespace linnet

#endif  // LINNET_BASE_PRECISION_H_
