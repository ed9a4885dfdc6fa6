// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). A number is a function of (seed, stream, counter), so any thread can make any
// number, and a resumed run draws what an uninterrupted one would have drawn.
#ifndef LINNET_BASE_RNG_H_
#define LINNET_BASE_RNG_H_

#include <array>
#include <cstdint>

namespace linnet {

// Four random 32-bit words for a 64-bit key and a 128-bit counter.
std::array<uint32_t, 4> Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high);

// A sequence of random numbers: stream 'stream' of seed 'seed'. Two streams are independent.
class Rng {
 public:
  explicit Rng(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  uint32_t Next();
  // Uniform in [0, 1), 24 bits.
  float Uniform() { return static_cast<float>(Next() >> 8) * 0x1p-24f; }
  float Uniform(float low, float high) { return low + (high - low) * Uniform(); }
  // Uniform in [0, n), without bias to speak of (2^-32 n); n > 0.
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>((uint64_t{Next()} * n) >> 32); }
  bool Coin(float probability) { return Uniform() < probability; }
  // Standard normal (Box-Muller).
  float Normal();

 private:
  uint64_t seed_;
  uint64_t stream_;
  uint64_t block_ = 0;
  std::array<uint32_t, 4> words_{};
  int used_ = 4;
};

// A stream number from parts (epoch, sample, purpose...), well mixed.
uint64_t MixStream(uint64_t a, uint64_t b = 0, uint64_t c = 0);

}  // namespace linnet

#endif  // LINNET_BASE_RNG_H_
