#include <hwy/detect_targets.h>

#include "kernels/int8_kernels.h"

#if HWY_ARCH_X86_64
#include <immintrin.h>

#include <utility>

namespace linnet::kernels {
namespace {

// Two permutations of 128 bytes, chosen between by the highest bit.
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) void Lookup(const LookupArgs& args) {
  LookupArgs t = args;
  if (t.src_stride == t.n && t.dst_stride == t.n) t.n *= std::exchange(t.rows, 1);
  const __m512i part0 = _mm512_loadu_si512(t.table), part1 = _mm512_loadu_si512(t.table + 64);
  const __m512i part2 = _mm512_loadu_si512(t.table + 128);
  const __m512i part3 = _mm512_loadu_si512(t.table + 192);
  for (int64_t r = 0; r < t.rows; ++r) {
    const uint8_t* src = t.src + r * t.src_stride;
    uint8_t* dst = t.dst + r * t.dst_stride;
    for (int64_t i = 0; i < t.n; i += 64) {
      const __mmask64 mask = t.n - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (t.n - i)) - 1;
      const __m512i index = _mm512_maskz_loadu_epi8(mask, src + i);
      const __m512i low = _mm512_permutex2var_epi8(part0, index, part1);
      const __m512i high = _mm512_permutex2var_epi8(part2, index, part3);
      const __m512i y = _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, high);
      _mm512_mask_storeu_epi8(dst + i, mask, y);
    }
  }
}

}  // namespace

LookupFunction VbmiLookup() { return __builtin_cpu_supports("avx512vbmi") ? Lookup : nullptr; }

}  // namespace linnet::kernels
#else
namespace linnet::kernels {
LookupFunction VbmiLookup() { return nullptr; }
}  // namespace linnet::kernels
#endif
