#include "kernels/machine_dot.h"

#include <hwy/detect_targets.h>

#include "kernels/amx_config.h"
#include "kernels/targets.h"

#if HWY_ARCH_X86
#include <immintrin.h>

#include <cstdint>
#endif

namespace linnet::kernels {

#if HWY_ARCH_X86
namespace {

// As the float32 peak: ten sums hide a latency of five on two pipes, 16 registers leave room for
// twelve.
constexpr int kSums = 12;
constexpr int kRounds = 4000;

// 'kRounds' times each of kSums sums, named in 'step', has a product added to it; MACs of one. In
// assembler, since from the intrinsics g++ 12 copies and spills the sums.
#define LINNET_DOT_ROUNDS(Vector, zero, step, macs)     \
  Vector s0 = zero, s1 = s0, s2 = s0, s3 = s0, s4 = s0; \
  Vector s5 = s0, s6 = s0, s7 = s0, s8 = s0, s9 = s0;   \
  Vector s10 = s0, s11 = s0;                            \
  for (int round = 0; round < kRounds; ++round) {       \
    step(s0), step(s1), step(s2), step(s3);             \
    step(s4), step(s5), step(s6), step(s7);             \
    step(s8), step(s9), step(s10), step(s11);           \
  }                                                     \
  return double{macs} * kSums * kRounds

__attribute__((target("avx512f,avx512vnni"))) double Int8Avx512() {
  const __m512i a = _mm512_set1_epi8(1);
  const auto step = [&](__m512i & sum) __attribute__((target("avx512f"), always_inline)) {
    __asm__ volatile("vpdpbusd %1, %1, %0" : "+v"(sum) : "v"(a));
  };
  LINNET_DOT_ROUNDS(__m512i, _mm512_setzero_si512(), step, 64);
}

__attribute__((target("avx512f,avx512bf16"))) double Bf16Avx512() {
  constexpr int16_t kOne = 0x3f80;
  const __m512i a = _mm512_set1_epi16(kOne);
  const auto step = [&](__m512 & sum) __attribute__((target("avx512f"), always_inline)) {
    __asm__ volatile("vdpbf16ps %1, %1, %0" : "+v"(sum) : "v"(a));
  };
  LINNET_DOT_ROUNDS(__m512, _mm512_setzero_ps(), step, 32);
}

__attribute__((target("avx2"))) double Int8AvxVnni() {
  const __m256i a = _mm256_set1_epi8(1);
  const auto step = [&](__m256i & sum) __attribute__((target("avx2"), always_inline)) {
    __asm__ volatile("%{vex%} vpdpbusd %1, %1, %0" : "+x"(sum) : "x"(a));
  };
  LINNET_DOT_ROUNDS(__m256i, _mm256_setzero_si256(), step, 32);
}

// Without a dot product: three instructions for it.
__attribute__((target("avx2"))) double Int8Avx2() {
  const __m256i a = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
  const auto step = [&](__m256i & sum) __attribute__((target("avx2"), always_inline)) {
    __m256i product;
    __asm__ volatile("vpmaddubsw %2, %2, %1\n\tvpmaddwd %3, %1, %1\n\tvpaddd %1, %0, %0"
                     : "+x"(sum), "=&x"(product)
                     : "x"(a), "x"(ones));
  };
  LINNET_DOT_ROUNDS(__m256i, _mm256_setzero_si256(), step, 32);
}

#undef LINNET_DOT_ROUNDS

constexpr TileConfig kTileConfig;

// Four sums of two tiles by two, as the kernels do. What the tiles hold is of no matter; the
// configuration zeroes them.
constexpr int kTileRounds = kRounds / 8;
constexpr double kTileSums = 4.0 * kTileRounds * 16 * 16;

__attribute__((target("amx-tile,amx-bf16"))) double Bf16Tiles() {
  _tile_loadconfig(&kTileConfig);
  for (int round = 0; round < kTileRounds; ++round) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return 32 * kTileSums;
}

__attribute__((target("amx-tile,amx-int8"))) double Int8Tiles() {
  _tile_loadconfig(&kTileConfig);
  for (int round = 0; round < kTileRounds; ++round) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
  return 64 * kTileSums;
}

}  // namespace

std::vector<DotUnit> DotUnits() {
  const Extras extras = CurrentExtras();
  std::vector<DotUnit> units;
  if (CurrentTarget() <= HWY_AVX3) {
    if (extras >= Extras::kBf16) units.push_back({Precision::kBf16, "AVX-512 BF16", Bf16Avx512});
    if (extras >= Extras::kVnni) units.push_back({Precision::kInt8, "AVX-512 VNNI", Int8Avx512});
    if (extras >= Extras::kAmx) {
      units.push_back({Precision::kBf16, "AMX", Bf16Tiles});
      units.push_back({Precision::kInt8, "AMX", Int8Tiles});
    }
  } else if (CurrentTarget() == HWY_AVX2 && extras >= Extras::kVnni) {
    units.push_back({Precision::kInt8, "AVX-VNNI", Int8AvxVnni});
  }
  if (CurrentTarget() <= HWY_AVX2 && extras < Extras::kVnni) {
    units.push_back({Precision::kInt8, "AVX2", Int8Avx2});
  }
  return units;
}
#else
std::vector<DotUnit> DotUnits() { return {}; }
#endif

}  // namespace linnet::kernels
