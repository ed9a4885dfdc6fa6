#include "base/rng.h"

#include <cmath>

namespace linnet {

std::array<uint32_t, 4> Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
  // Multipliers and Weyl increments of Philox4x32, table 2 of the paper.
  constexpr uint32_t kM0 = 0xD2511F53, kM1 = 0xCD9E8D57, kW0 = 0x9E3779B9, kW1 = 0xBB67AE85;
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  std::array<uint32_t, 4> c = {
      static_cast<uint32_t>(counter_low), static_cast<uint32_t>(counter_low >> 32),
      static_cast<uint32_t>(counter_high), static_cast<uint32_t>(counter_high >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{kM0} * c[0], p1 = uint64_t{kM1} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += kW0;
    k1 += kW1;
  }
  return c;
}

uint32_t Rng::Next() {
  if (used_ == 4) {
    words_ = Philox(seed_, block_++, stream_);
    used_ = 0;
  }
  return words_[used_++];
}

float Rng::Normal() {
  constexpr double kTwoPi = 6.283185307179586;
  const double u = (Next() + 1.0) * 0x1p-32;  // in (0, 1]
  const double v = Next() * 0x1p-32;
  return static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(kTwoPi * v));
}

uint64_t MixStream(uint64_t a, uint64_t b, uint64_t c) {
  const auto words = Philox(a, b, c);
  return uint64_t{words[0]} << 32 | words[1];
}

}  // namespace linnet
