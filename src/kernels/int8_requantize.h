// From int32 sums back to bytes, in integers only, by a rule that is cheap in 16-bit vectors and
// gives the same bits on every instruction set. This file is the rule's one definition; the vector
// kernels are tested against it.
//
// A sum is worth 'scale' steps of the result. The steps are first counted in 64ths, as int16:
//   t = saturate16((sum + half) >> shift)        half = 2^(shift-1): rounds
//   u = (t * multiplier + 2^14) >> 15            SSSE3's pmulhrsw, NEON's sqrdmulh
//   y = clamp((saturate16(u + 64 zero_point + 32)) >> 6, low, high)
// with the multiplier in [2^14, 2^15): so t has 6 or 7 fractional bits, and all roundings together
// move a result by at most 0.03 of a step before the last one. Where a sum is worth more than 1/64
// of a step, it is shifted to the left instead (saturating).
//
// u saturates 256 steps from the zero point at the earliest, where the result is at its limit
// anyway. Only with a second term can a sum be that far off and come back; it is then a wrong
// answer. The range of a sum's own values does not exclude it, where two large terms nearly cancel.
#ifndef LINNET_KERNELS_INT8_REQUANTIZE_H_
#define LINNET_KERNELS_INT8_REQUANTIZE_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/activation.h"
#include "base/quantization.h"

namespace linnet::kernels {

inline constexpr int kFractionBits = 6;

// What a kernel does with a sum before it is stored: act(sum + bias + residual).
struct Int8Epilogue {
  Quantization dst;
  Activation act = Activation::kIdentity;
  float alpha = 0.01f;  // of leaky_relu and elu
  // Of what 'act' is applied to. Identity, relu and relu6 do not need it: they are limits of the
  // result. The others are looked up in a table of 256 entries, by the sum rounded to this.
  Quantization before;
  // A residual, added before the activation.
  bool has_residual = false;
  Quantization residual;
};

// Steps in 64ths = sum * (multiplier / 2^15) * 2^(left - shift); one of left and shift is 0.
struct Requantizer {
  int left = 0;        // [0, 15]
  int shift = 0;       // [0, 24]
  int multiplier = 0;  // [0, 2^15)
};
// For sums worth 'scale' steps of the result; scale >= 0, finite.
Requantizer MakeRequantizer(double scale);
// What is added to a sum before it is shifted.
inline int32_t Half(const Requantizer& r) { return r.shift == 0 ? 0 : 1 << (r.shift - 1); }

// A byte term in 64ths of another quantization's steps: q - zero_point times a ratio of scales.
//   ((q - zero) * 2^7 * multiplier + 2^14) >> 15, then doubled, saturating, 'doublings' times
struct ByteTerm {
  int zero = 0;
  int multiplier = 0;  // [0, 2^15)
  int doublings = 0;
};
// ratio: scale of the term over scale of the result; >= 0, finite.
ByteTerm MakeByteTerm(int zero, double ratio);

// The part of the rule that all channels share.
struct Int8Output {
  int zero64 = 32;          // 64 zero_point + 32
  int low = 0, high = 255;  // limits of y
  bool has_table = false;   // the result is table[y]
  bool has_residual = false;
  ByteTerm residual;
  Quantization quantization;  // of y, before the table
  alignas(64) std::array<uint8_t, 256> table{};
};
Int8Output MakeInt8Output(const Int8Epilogue& epilogue);

// table[q] = act(q as 'from' says), as 'to' says it: rounded half to even, saturated.
std::array<uint8_t, 256> ActivationTable(Activation act, float alpha, const Quantization& from,
                                         const Quantization& to);
// Half to even, saturated.
uint8_t QuantizeOne(double real, const Quantization& q);

// ---- the rule, on scalars ----

inline int Saturate16(int x) { return std::clamp(x, -32768, 32767); }
inline int RoundingHighMultiply(int a, int b) { return (a * b + (1 << 14)) >> 15; }

// u of a sum to which Half has been added.
inline int To64ths(int32_t sum, int left, int shift, int multiplier) {
  const int32_t limit = INT32_MAX >> left;
  const int32_t wide = std::clamp(sum, ~limit, limit) * (1 << left) >> shift;
  return RoundingHighMultiply(Saturate16(wide), multiplier);
}

inline int To64ths(int q, const ByteTerm& term) {
  int u = RoundingHighMultiply((q - term.zero) * 128, term.multiplier);
  for (int i = 0; i < term.doublings; ++i) u = Saturate16(2 * u);
  return u;
}

inline uint8_t FromSteps64(int u, const Int8Output& out) {
  const int y = std::clamp(Saturate16(u + out.zero64) >> kFractionBits, out.low, out.high);
  return out.has_table ? out.table[static_cast<size_t>(y)] : static_cast<uint8_t>(y);
}

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_REQUANTIZE_H_
