// What becomes of a vector of sums on its way to memory, for kernels that compute pixels one by
// one.
#if defined(LINNET_KERNELS_STORE_RESULT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_STORE_RESULT_INL_H_
#undef LINNET_KERNELS_STORE_RESULT_INL_H_
#else
#define LINNET_KERNELS_STORE_RESULT_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/activation-inl.h"
#include "kernels/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first 'count' lanes, zero in the others.
template <class D>
HWY_INLINE hn::Vec<D> LoadLanes(D d, const float* HWY_RESTRICT p, size_t count) {
  return count == hn::Lanes(d) ? hn::LoadU(d, p) : LoadPart(d, p, count);
}

template <class D>
HWY_INLINE void StoreLanes(D d, hn::Vec<D> value, size_t count, float* HWY_RESTRICT to) {
  if (count == hn::Lanes(d)) {
    hn::StoreU(value, d, to);
  } else {
    StorePart(value, d, to, count);
  }
}

// to[0, count) = clamp(value + residual); 'residual' may be null. Args: has_floor, has_ceiling,
// ceiling.
template <class Args, class D>
HWY_INLINE void StoreResult(const Args& args, D d, hn::Vec<D> value,
                            const float* HWY_RESTRICT residual, size_t count,
                            float* HWY_RESTRICT to) {
  if (residual != nullptr) value = hn::Add(value, LoadLanes(d, residual, count));
  if (args.has_floor) value = AtLeast(d, value, 0.0f);
  if (args.has_ceiling) value = AtMost(d, value, args.ceiling);
  StoreLanes(d, value, count, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_STORE_RESULT_INL_H_
