// bfloat16: the upper half of a float32. As many exponents, 8 bits of significand.
#ifndef LINNET_BASE_BFLOAT16_H_
#define LINNET_BASE_BFLOAT16_H_

#include <bit>
#include <cstdint>

namespace linnet {

using bfloat16_t = uint16_t;  // the bits

inline float FromBfloat16(bfloat16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// Rounds to the nearest, ties to even; NaN stays NaN.
inline bfloat16_t ToBfloat16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if (x != x) return static_cast<bfloat16_t>(bits >> 16 | 0x40);
  return static_cast<bfloat16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace linnet

#endif  // LINNET_BASE_BFLOAT16_H_
