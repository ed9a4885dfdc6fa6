// ValueType: what the numbers of a value are. float32, bfloat16, or bytes with a scale and a zero
// point.
#ifndef LINNET_GRAPH_VALUE_TYPE_H_
#define LINNET_GRAPH_VALUE_TYPE_H_

#include <string>
#include <string_view>

#include "base/quantization.h"
#include "base/tensor.h"

namespace linnet {

struct ValueType {
  DType dtype = DType::kF32;       // or kBF16, kU8
  Quantization quantization = {};  // of kU8

  static ValueType U8(Quantization q) { return {DType::kU8, q}; }
  static ValueType BF16() { return {DType::kBF16, {}}; }
  bool is_u8() const { return dtype == DType::kU8; }
  bool is_bf16() const { return dtype == DType::kBF16; }
  bool operator==(const ValueType&) const = default;
};

// Scales in between are those of any sane network; products and quotients of three of them neither
// overflow nor vanish.
inline constexpr float kMinScale = 0x1p-40f, kMaxScale = 0x1p40f;

// What is wrong with a scale, or with the type; empty: nothing.
std::string WrongScale(float scale);
std::string WrongType(const ValueType& type);

// "f32", "bf16", or "u8(scale=0.0235, zero_point=128)".
std::string TypeToText(const ValueType& type);
// Error (kUsage) that begins with 'where' and says what was expected.
ValueType TypeFromText(std::string_view text, std::string_view where);

}  // namespace linnet

#endif  // LINNET_GRAPH_VALUE_TYPE_H_
