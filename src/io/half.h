// IEEE half precision, widened to float32 without loss. (base/bfloat16.h is the other 16-bit format.)
#ifndef LINNET_IO_HALF_H_
#define LINNET_IO_HALF_H_

#include <bit>
#include <cstdint>

namespace linnet {

// IEEE 754 binary16: 1 sign bit, 5 of exponent (bias 15), 10 of mantissa.
inline float FromFloat16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 31, mantissa = bits & 1023u;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent - 15 + 127;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

}  // namespace linnet

#endif  // LINNET_IO_HALF_H_
