#include "kernels/int8_requantize.h"

#include <cmath>

#include "base/error.h"

namespace linnet::kernels {
namespace {

constexpr double kUnit = 1 << kFractionBits;

bool IsLimit(Activation act) {
  return act == Activation::kIdentity || act == Activation::kRelu || act == Activation::kRelu6;
}

void CheckQuantization(const Quantization& q) {
  Check(std::isfinite(q.scale) && q.scale > 0 && q.zero_point >= 0 && q.zero_point <= 255,
        "int8: scale {} and zero point {}: a positive scale and a zero point in [0, 255] are due",
        q.scale, q.zero_point);
}

}  // namespace

Requantizer MakeRequantizer(double scale) {
  Check(std::isfinite(scale) && scale >= 0, "int8: a sum's scale is {}", scale);
  constexpr int kMaxShift = 24, kMaxLeft = 15;
  int exponent = 0;
  double fraction = std::frexp(scale * kUnit, &exponent);  // in [0.5, 1), or 0
  Requantizer r;
  if (exponent > kMaxLeft) return {kMaxLeft, 0, 32767};
  if (-exponent > kMaxShift) {
    fraction = std::ldexp(fraction, exponent + kMaxShift);
    exponent = -kMaxShift;
  }
  r.multiplier = static_cast<int>(std::nearbyint(fraction * 32768));
  if (r.multiplier == 32768) r.multiplier = 32767;
  r.left = std::max(0, exponent);
  r.shift = std::max(0, -exponent);
  return r;
}

ByteTerm MakeByteTerm(int zero, double ratio) {
  Check(std::isfinite(ratio) && ratio >= 0, "int8: a ratio of scales is {}", ratio);
  ByteTerm term;
  term.zero = zero;
  double multiplier = ratio * kUnit * 32768 / 128;
  // After nine doublings every term but zero is at its limit.
  for (; multiplier > 32767 && term.doublings < 9; multiplier /= 2) ++term.doublings;
  term.multiplier = static_cast<int>(std::nearbyint(std::min(multiplier, 32767.0)));
  return term;
}

uint8_t QuantizeOne(double real, const Quantization& q) {
  const double steps = std::nearbyint(real / q.scale) + q.zero_point;
  return static_cast<uint8_t>(steps > 0 ? std::min(steps, 255.0) : 0);
}

std::array<uint8_t, 256> ActivationTable(Activation act, float alpha, const Quantization& from,
                                         const Quantization& to) {
  CheckQuantization(from);
  CheckQuantization(to);
  std::array<uint8_t, 256> table;
  for (int q = 0; q < 256; ++q) {
    const double real = static_cast<double>(from.scale) * (q - from.zero_point);
    table[static_cast<size_t>(q)] = QuantizeOne(Activate<double>(act, alpha, real), to);
  }
  return table;
}

Int8Output MakeInt8Output(const Int8Epilogue& epilogue) {
  const bool limit = IsLimit(epilogue.act);
  Int8Output out;
  out.quantization = limit ? epilogue.dst : epilogue.before;
  CheckQuantization(out.quantization);
  out.zero64 = out.quantization.zero_point * static_cast<int>(kUnit) + 32;
  if (epilogue.act == Activation::kRelu || epilogue.act == Activation::kRelu6) {
    out.low = epilogue.dst.zero_point;
  }
  if (epilogue.act == Activation::kRelu6) out.high = QuantizeOne(6.0, epilogue.dst);
  if (!limit) {
    out.has_table = true;
    out.table = ActivationTable(epilogue.act, epilogue.alpha, epilogue.before, epilogue.dst);
  }
  if (epilogue.has_residual) {
    CheckQuantization(epilogue.residual);
    out.has_residual = true;
    out.residual =
        MakeByteTerm(epilogue.residual.zero_point,
                     static_cast<double>(epilogue.residual.scale) / out.quantization.scale);
  }
  return out;
}

}  // namespace linnet::kernels
