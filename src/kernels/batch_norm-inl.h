// The four passes of batch normalisation over a block of rows, four rows at a time, so that what
// belongs to a channel is loaded once for four elements.
//
// A row here has 'width' channels and begins 'pitch' floats after the one before.
#if defined(LINNET_KERNELS_BATCH_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_BATCH_NORM_INL_H_
#undef LINNET_KERNELS_BATCH_NORM_INL_H_
#else
#define LINNET_KERNELS_BATCH_NORM_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/activation-inl.h"
#include "kernels/batch_norm_pass.h"
#include "kernels/inline_lambda.h"
#include "kernels/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

template <bool kPart>
HWY_INLINE VF LoadSome(const float* p, size_t n) {
  if constexpr (kPart) return LoadPart(DF(), p, n);
  return hn::LoadU(DF(), p);
}
template <bool kPart>
HWY_INLINE void StoreSome(VF v, float* p, size_t n) {
  if constexpr (kPart) return StorePart(v, DF(), p, n);
  hn::StoreU(v, DF(), p);
}

// Calls f(rows of a group as a constant, row, column, whether part of a vector, lanes) for all
// groups of 4 rows, then single rows, and all vectors of a row.
template <class F>
HWY_INLINE void ForGroups(int64_t rows, int64_t width, F&& f) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(DF()));
  const auto group = [&](auto count, int64_t row) LINNET_LAMBDA {
    int64_t c = 0;
    for (; c + lanes <= width; c += lanes) {
      f(count, row, c, std::false_type(), static_cast<size_t>(lanes));
    }
    if (c < width) f(count, row, c, std::true_type(), static_cast<size_t>(width - c));
  };
  int64_t row = 0;
  for (; row + 4 <= rows; row += 4) group(std::integral_constant<int, 4>(), row);
  for (; row < rows; ++row) group(std::integral_constant<int, 1>(), row);
}

// The cheap activations are compiled into the loops; all others share one loop that asks for each
// vector.
enum class ActClass { kIdentity, kRelu, kRelu6, kOther };

template <class F>
HWY_INLINE void WithActClass(Activation act, F&& f) {
  using C = ActClass;
  if (act == Activation::kIdentity) return f(std::integral_constant<C, C::kIdentity>());
  if (act == Activation::kRelu) return f(std::integral_constant<C, C::kRelu>());
  if (act == Activation::kRelu6) return f(std::integral_constant<C, C::kRelu6>());
  f(std::integral_constant<C, C::kOther>());
}

template <ActClass kAct>
HWY_INLINE VF ActivateClass(Activation act, float alpha, VF z) {
  const DF d;
  if constexpr (kAct == ActClass::kRelu) return AtLeast(d, z, 0.0f);
  if constexpr (kAct == ActClass::kRelu6) {
    return AtMost(d, AtLeast(d, z, 0.0f), 6.0f);
  }
  if constexpr (kAct == ActClass::kOther) return ActivateRare(d, act, z, hn::Set(d, alpha));
  return z;
}

// dy * act'(z)
template <ActClass kAct>
HWY_INLINE VF GradientClass(Activation act, float alpha, VF z, VF dy) {
  const DF d;
  if constexpr (kAct == ActClass::kRelu) return hn::IfThenElseZero(hn::Gt(z, hn::Zero(d)), dy);
  if constexpr (kAct == ActClass::kRelu6) {
    return hn::IfThenElseZero(hn::And(hn::Gt(z, hn::Zero(d)), hn::Lt(z, hn::Set(d, 6.0f))), dy);
  }
  if constexpr (kAct == ActClass::kOther) {
    VF dz = dy;
    WithActivation(act, [&](auto k) LINNET_LAMBDA {
      dz = hn::Mul(dy, ActivationDerivative<k()>(d, z, hn::Set(d, alpha)));
    });
    return dz;
  }
  return dy;
}

// sums[c] += sum of (x - shift), squares[c] += sum of (x - shift)^2
inline void BnMoments(const float* x, int64_t pitch, int64_t rows, int64_t width,
                      const float* shift, float* sums, float* squares) {
  const DF d;
  ForGroups(rows, width,
            [&](auto count, int64_t row, int64_t c, auto part, size_t n) LINNET_LAMBDA {
              const float* HWY_RESTRICT p = x + row * pitch + c;
              const VF k = LoadSome<part()>(shift + c, n);
              VF sum = LoadSome<part()>(sums + c, n);
              VF square = LoadSome<part()>(squares + c, n);
              VF group_sum = hn::Zero(d), group_square = hn::Zero(d);
              for (int r = 0; r < count(); ++r) {
                const VF v = hn::Sub(LoadSome<part()>(p + r * pitch, n), k);
                group_sum = hn::Add(group_sum, v);
                group_square = hn::MulAdd(v, v, group_square);
              }
              StoreSome<part()>(hn::Add(sum, group_sum), sums + c, n);
              StoreSome<part()>(hn::Add(square, group_square), squares + c, n);
            });
}

// y = act((x - mean) * scale + beta); mean may be null: zeros
inline void BnNormalize(const BnParams& b, const float* x, int64_t x_pitch, int64_t rows,
                        int64_t width, float* y, int64_t y_pitch) {
  const DF d;
  WithActClass(b.act, [&](auto act) LINNET_LAMBDA {
    ForGroups(rows, width,
              [&](auto count, int64_t row, int64_t c, auto part, size_t n) LINNET_LAMBDA {
                const VF mean = b.mean == nullptr ? hn::Zero(d) : LoadSome<part()>(b.mean + c, n);
                const VF scale = LoadSome<part()>(b.scale + c, n);
                const VF beta = LoadSome<part()>(b.beta + c, n);
                for (int r = 0; r < count(); ++r) {
                  const float* from = x + (row + r) * x_pitch + c;
                  const VF z = hn::MulAdd(hn::Sub(LoadSome<part()>(from, n), mean), scale, beta);
                  StoreSome<part()>(ActivateClass<act()>(b.act, b.alpha, z),
                                    y + (row + r) * y_pitch + c, n);
                }
              });
  });
}

// sums[c] += sum of dz, products[c] += sum of dz * (x - mean), dz = dy * act'(z)
inline void BnGradientSums(const BnParams& b, const float* x, const float* dy, int64_t pitch,
                           int64_t rows, int64_t width, float* sums, float* products) {
  const DF d;
  WithActClass(b.act, [&](auto act) LINNET_LAMBDA {
    ForGroups(
        rows, width, [&](auto count, int64_t row, int64_t c, auto part, size_t n) LINNET_LAMBDA {
          const VF mean = LoadSome<part()>(b.mean + c, n);
          const VF scale = LoadSome<part()>(b.scale + c, n);
          const VF beta = LoadSome<part()>(b.beta + c, n);
          VF sum = hn::Zero(d), product = hn::Zero(d);
          for (int r = 0; r < count(); ++r) {
            const int64_t at = (row + r) * pitch + c;
            const VF centred = hn::Sub(LoadSome<part()>(x + at, n), mean);
            const VF z = hn::MulAdd(centred, scale, beta);
            const VF dz = GradientClass<act()>(b.act, b.alpha, z, LoadSome<part()>(dy + at, n));
            sum = hn::Add(sum, dz);
            product = hn::MulAdd(dz, centred, product);
          }
          StoreSome<part()>(hn::Add(LoadSome<part()>(sums + c, n), sum), sums + c, n);
          StoreSome<part()>(hn::Add(LoadSome<part()>(products + c, n), product), products + c, n);
        });
  });
}

// dx (+)= scale * dz - slope * (x - mean) - offset
inline void BnGradientInput(const BnParams& b, const float* x, const float* dy, int64_t pitch,
                            int64_t rows, int64_t width, bool accumulate, float* dx) {
  WithActClass(b.act, [&](auto act) LINNET_LAMBDA {
    ForGroups(
        rows, width, [&](auto count, int64_t row, int64_t c, auto part, size_t n) LINNET_LAMBDA {
          const VF mean = LoadSome<part()>(b.mean + c, n);
          const VF scale = LoadSome<part()>(b.scale + c, n);
          const VF beta = LoadSome<part()>(b.beta + c, n);
          const VF slope = LoadSome<part()>(b.slope + c, n);
          const VF offset = LoadSome<part()>(b.offset + c, n);
          for (int r = 0; r < count(); ++r) {
            const int64_t at = (row + r) * pitch + c;
            const VF centred = hn::Sub(LoadSome<part()>(x + at, n), mean);
            const VF z = hn::MulAdd(centred, scale, beta);
            const VF dz = GradientClass<act()>(b.act, b.alpha, z, LoadSome<part()>(dy + at, n));
            VF g = hn::MulSub(scale, dz, hn::MulAdd(slope, centred, offset));
            if (accumulate) g = hn::Add(g, LoadSome<part()>(dx + at, n));
            StoreSome<part()>(g, dx + at, n);
          }
        });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_BATCH_NORM_INL_H_
