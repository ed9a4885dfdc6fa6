// The first lanes of a vector, for the last columns of a row: nothing past them is read or written.
//
// Highway's MaskedLoad and BlendedStore may touch the whole vector where the instruction set has no
// masked memory access (SSE, NEON); there, the tail goes through a buffer on the stack.
#if defined(LINNET_KERNELS_PARTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_PARTIAL_INL_H_
#undef LINNET_KERNELS_PARTIAL_INL_H_
#else
#define LINNET_KERNELS_PARTIAL_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// p[0, n) in the first lanes, zero in the others; 0 < n <= Lanes(d).
template <class D>
HWY_INLINE hn::Vec<D> LoadPart(D d, const float* HWY_RESTRICT p, size_t n) {
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, n), d, p);
#else
  if (n == hn::Lanes(d)) return hn::LoadU(d, p);
  HWY_ALIGN float buffer[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(buffer, p, n * sizeof(float));
  return hn::Load(d, buffer);
#endif
}

// p[0, n) = the first lanes of v; 0 < n <= Lanes(d).
template <class D>
HWY_INLINE void StorePart(hn::Vec<D> v, D d, float* HWY_RESTRICT p, size_t n) {
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, n), d, p);
#else
  if (n == hn::Lanes(d)) return hn::StoreU(v, d, p);
  HWY_ALIGN float buffer[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(v, d, buffer);
  std::memcpy(p, buffer, n * sizeof(float));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_PARTIAL_INL_H_
