#include "graph/value_type.h"

#include "base/fields.h"

namespace linnet {
namespace {

// The text form's fields.
struct U8Fields {
  float scale = 0;
  int zero_point = 0;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("scale", self.scale, "the difference between neighbouring bytes");
    v("zero_point", self.zero_point, "the byte that stands for zero");
  }
};

std::string_view WithoutSpaces(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::string WrongScale(float scale) {
  if (scale >= kMinScale && scale <= kMaxScale) return "";  // false for NaN, too
  return fmt::format("scale={}: expected a number from {:.2g} to {:.2g}", scale, kMinScale,
                     kMaxScale);
}

std::string WrongType(const ValueType& type) {
  if (type.dtype == DType::kF32 || type.is_bf16()) return "";
  if (!type.is_u8()) {
    return fmt::format("a value is F32, BF16 or U8, found {}", DTypeName(type.dtype));
  }
  const auto [scale, zero_point] = type.quantization;
  if (zero_point < 0 || zero_point > 255) {
    return fmt::format("zero_point={}: expected 0 to 255", zero_point);
  }
  return WrongScale(scale);
}

std::string TypeToText(const ValueType& type) {
  if (!type.is_u8()) return type.is_bf16() ? "bf16" : "f32";
  return fmt::format("u8(scale={}, zero_point={})", type.quantization.scale,
                     type.quantization.zero_point);
}

ValueType TypeFromText(std::string_view text, std::string_view where) {
  if (text == "f32") return {};
  if (text == "bf16") return ValueType::BF16();
  if (!text.starts_with("u8(") || !text.ends_with(")")) {
    Fail(ErrorKind::kUsage, "{}: expected the type f32, bf16 or u8(scale=S, zero_point=Z), found '{}'",
         where, text);
  }
  U8Fields fields;
  for (const std::string_view part : SplitText(text.substr(3, text.size() - 4), ',')) {
    const size_t is = part.find('=');
    if (is == std::string_view::npos) {
      Fail(ErrorKind::kUsage, "{}: expected scale=S, zero_point=Z, found '{}'", where, text);
    }
    SetField(fields, WithoutSpaces(part.substr(0, is)), WithoutSpaces(part.substr(is + 1)), where);
  }
  const ValueType type = ValueType::U8({fields.scale, fields.zero_point});
  if (const std::string wrong = WrongType(type); !wrong.empty()) {
    Fail(ErrorKind::kUsage, "{}: {}", where, wrong);
  }
  return type;
}

}  // namespace linnet
