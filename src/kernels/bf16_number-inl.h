// Vectors of float32 to and from bfloat16 in memory.
//
//   V LoadNumbers(d, p), LoadNumbersPart(d, p, n)      p: float or bfloat16_t
//   StoreNumbers(v, d, p), StoreNumbersPart(v, d, p, n)
//
// Rounding is that of ToBfloat16 (base/bfloat16.h).
#if defined(LINNET_KERNELS_BF16_NUMBER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_BF16_NUMBER_INL_H_
#undef LINNET_KERNELS_BF16_NUMBER_INL_H_
#else
#define LINNET_KERNELS_BF16_NUMBER_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>

#include "base/bfloat16.h"
#include "kernels/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using HalfWords = hn::Rebind<uint16_t, D>;

template <class D>
HWY_INLINE hn::Vec<D> WidenBf16(D d, hn::Vec<HalfWords<D>> half) {
  const hn::RebindToUnsigned<D> du;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, half)));
}

// To the nearest, ties to even; NaN stays NaN.
template <class D>
HWY_INLINE hn::Vec<HalfWords<D>> NarrowToBf16(D, hn::Vec<D> x) {
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(du, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffu)));
  const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
  const auto chosen = hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(x)), quiet, rounded);
  return hn::DemoteTo(HalfWords<D>(), hn::BitCast(di, hn::ShiftRight<16>(chosen)));
}

template <class D>
HWY_INLINE hn::Vec<D> LoadNumbers(D d, const float* HWY_RESTRICT p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> LoadNumbers(D d, const bfloat16_t* HWY_RESTRICT p) {
  return WidenBf16(d, hn::LoadU(HalfWords<D>(), p));
}
template <class D>
HWY_INLINE void StoreNumbers(hn::Vec<D> v, D d, float* HWY_RESTRICT p) {
  hn::StoreU(v, d, p);
}
template <class D>
HWY_INLINE void StoreNumbers(hn::Vec<D> v, D d, bfloat16_t* HWY_RESTRICT p) {
  hn::StoreU(NarrowToBf16(d, v), HalfWords<D>(), p);
}

// The first n lanes, 0 < n <= Lanes(d); zero in the others.
template <class D>
HWY_INLINE hn::Vec<D> LoadNumbersPart(D d, const float* HWY_RESTRICT p, size_t n) {
  return LoadPart(d, p, n);
}
template <class D>
HWY_INLINE hn::Vec<D> LoadNumbersPart(D d, const bfloat16_t* HWY_RESTRICT p, size_t n) {
  const HalfWords<D> half;
#if HWY_TARGET <= HWY_AVX3
  return WidenBf16(d, hn::MaskedLoad(hn::FirstN(half, n), half, p));
#else
  HWY_ALIGN bfloat16_t buffer[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(buffer, p, n * sizeof(bfloat16_t));
  return WidenBf16(d, hn::Load(half, buffer));
#endif
}
template <class D>
HWY_INLINE void StoreNumbersPart(hn::Vec<D> v, D d, float* HWY_RESTRICT p, size_t n) {
  StorePart(v, d, p, n);
}
template <class D>
HWY_INLINE void StoreNumbersPart(hn::Vec<D> v, D d, bfloat16_t* HWY_RESTRICT p, size_t n) {
  const HalfWords<D> half;
#if HWY_TARGET <= HWY_AVX3
  hn::BlendedStore(NarrowToBf16(d, v), hn::FirstN(half, n), half, p);
#else
  HWY_ALIGN bfloat16_t buffer[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(NarrowToBf16(d, v), half, buffer);
  std::memcpy(p, buffer, n * sizeof(bfloat16_t));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_BF16_NUMBER_INL_H_
