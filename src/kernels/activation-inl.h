// Activations and their derivatives on vectors, for any kernel. The relative error of a value is
// below 1e-6 wherever it is a normal number, that of a derivative away from its zeros; NaN stays
// NaN.
//
//   V Activate<kind>(d, x, alpha)
//   V ActivationDerivative<kind>(d, z, alpha)     z: before the activation
//   WithActivation(kind, f)                       f(k), k() the kind, which is known at run time
//   WithFrequentActivation(kind, f)               f(act), act(d, x, alpha): the same in less code
//   ActivateRows(kind, alpha, rows, n, row)       in place
#if defined(LINNET_KERNELS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_ACTIVATION_INL_H_
#undef LINNET_KERNELS_ACTIVATION_INL_H_
#else
#define LINNET_KERNELS_ACTIVATION_INL_H_
#endif

#include <hwy/highway.h>

#include <type_traits>

#include "base/activation.h"
#include "kernels/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// e^x = 2^q e^r, |r| <= ln(2)/2.
template <class V>
struct ExpParts {
  V pow2;   // 2^q
  V expm1;  // e^r - 1
};

template <class D, class V = hn::Vec<D>>
HWY_INLINE ExpParts<V> SplitExp(D d, V x) {
  const hn::RebindToSigned<D> di;
  // 2^q must be a normal number. Compared rather than Min and Max, which lose NaN on some targets.
  const V low = hn::Set(d, -87.33f), high = hn::Set(d, 88.37f);
  x = hn::IfThenElse(hn::Gt(x, high), high, hn::IfThenElse(hn::Lt(x, low), low, x));
  const auto q = hn::NearestInt(hn::Mul(x, hn::Set(d, 1.44269504f)));
  const V qf = hn::ConvertTo(d, q);
  // ln 2 in two parts; the first has nine bits, so that its product with q is exact.
  V r = hn::NegMulAdd(qf, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(qf, hn::Set(d, -2.12194440e-4f), r);
  // (e^r - 1 - r) / r^2, minimax (Cephes expf, S. Moshier).
  V p = hn::Set(d, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  const auto bits = hn::ShiftLeft<23>(hn::Add(q, hn::Set(di, 127)));
  return {hn::BitCast(d, bits), hn::MulAdd(p, hn::Mul(r, r), r)};
}

// Saturates: at most 2.4e38 and at least 1.2e-38.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  const auto [pow2, expm1] = SplitExp(d, x);
  return hn::MulAdd(pow2, expm1, pow2);
}

// This and Tanh are called, not inlined: few networks have elu, selu or tanh, and every epilogue
// has them, in the runtime library 60 KB of copies.
template <class D, class V = hn::Vec<D>>
HWY_NOINLINE V Expm1(D d, V x) {
  const auto [pow2, expm1] = SplitExp(d, x);
  return hn::MulAdd(pow2, expm1, hn::Sub(pow2, hn::Set(d, 1.0f)));
}

// With t = e^(-2|x|) - 1: tanh |x| = -t / (t + 2), which neither overflows nor cancels.
template <class D, class V = hn::Vec<D>>
HWY_NOINLINE V Tanh(D d, V x) {
  const V t = Expm1(d, hn::Mul(hn::Abs(x), hn::Set(d, -2.0f)));
  return hn::CopySign(hn::Div(t, hn::Add(t, hn::Set(d, 2.0f))), x);
}

// max(x, low) and min(x, high), of which NaN comes out as NaN: x86 answers with the second operand
// where one is NaN, NEON with NaN; Highway's scalar code would answer with the bound.
template <class V>
HWY_INLINE V AtLeast(V x, V low) {
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Lt(x, low), low, x);
#else
  return hn::Max(low, x);
#endif
}
template <class V>
HWY_INLINE V AtMost(V x, V high) {
#if HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Gt(x, high), high, x);
#else
  return hn::Min(high, x);
#endif
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V AtLeast(D d, V x, float low) {
  return AtLeast(x, hn::Set(d, low));
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V AtMost(D d, V x, float high) {
  return AtMost(x, hn::Set(d, high));
}

// The greater one; NaN wins, and stays.
template <class V>
HWY_INLINE V NanMax(V max, V x) {
  return hn::IfThenElse(hn::IsNaN(max), max, AtLeast(x, max));
}

// 1 / (1 + e^-x). With e^-x = 2^n e^-r, |r| <= ln(2) / 2, the sum is one multiply-add. Where swish
// follows a depthwise layer this is most of the arithmetic, so every operation counts.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Sigmoid(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V one = hn::Set(d, 1.0f);
  // 2^n must be a normal number.
  x = AtMost(d, AtLeast(d, x, -88.37f), 87.33f);
  // Adding 1.5 * 2^23 rounds -x / ln 2 to n; with 127 more, the lowest bits are 2^n's exponent.
  const V shift = hn::Set(d, 12582912.0f + 127.0f);
  const V q = hn::NegMulAdd(x, hn::Set(d, 1.44269504f), shift);
  const V pow2 = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, q)));
  const V minus_n = hn::Sub(shift, q);
#if !HWY_NATIVE_FMA
  // Products are rounded: ln 2 in two parts, as in SplitExp.
  V r = hn::NegMulAdd(minus_n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(minus_n, hn::Set(d, -2.12194440e-4f), r);
#else
  // r = x + n ln 2. As a float ln 2 is wrong by 3e-9 of itself, so e^-r by at most 2.5e-7.
  const V r = hn::NegMulAdd(minus_n, hn::Set(d, 0.693147181f), x);
#endif
  // e^-r, minimax of the relative error: 9.2e-8.
  V p = hn::Set(d, -8.2903147151e-3f);
  p = hn::MulAdd(p, r, hn::Set(d, 4.1897929297e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, -1.6667636195e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.9999149531e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, -9.9999970719e-1f));
  p = hn::MulAdd(p, r, one);
  return hn::Div(one, hn::MulAdd(p, pow2, one));
}

// relu6(x + 3) / 6
template <class D, class V = hn::Vec<D>>
HWY_INLINE V HardSigmoid(D d, V x) {
  const V shifted = AtMost(d, AtLeast(d, hn::Add(x, hn::Set(d, 3.0f)), 0.0f), 6.0f);
  return hn::Mul(shifted, hn::Set(d, 1.0f / 6.0f));
}

template <Activation kKind, class D, class V = hn::Vec<D>>
HWY_INLINE V Activate(D d, V x, V alpha) {
  const V zero = hn::Zero(d);
  if constexpr (kKind == Activation::kRelu) return AtLeast(d, x, 0.0f);
  if constexpr (kKind == Activation::kRelu6) return AtMost(d, AtLeast(d, x, 0.0f), 6.0f);
  if constexpr (kKind == Activation::kLeakyRelu) {
    return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(x, alpha), x);
  }
  if constexpr (kKind == Activation::kElu) {
    return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(Expm1(d, x), alpha), x);
  }
  if constexpr (kKind == Activation::kSelu) {
    const V scale = hn::Set(d, static_cast<float>(kSeluScale));
    const V negative = hn::Mul(Expm1(d, x), hn::Set(d, static_cast<float>(kSeluAlpha)));
    return hn::Mul(scale, hn::IfThenElse(hn::Lt(x, zero), negative, x));
  }
  if constexpr (kKind == Activation::kSigmoid) return Sigmoid(d, x);
  if constexpr (kKind == Activation::kTanh) return Tanh(d, x);
  if constexpr (kKind == Activation::kHardSigmoid) return HardSigmoid(d, x);
  if constexpr (kKind == Activation::kHardSwish) return hn::Mul(x, HardSigmoid(d, x));
  if constexpr (kKind == Activation::kSwish) return hn::Mul(x, Sigmoid(d, x));
  if constexpr (kKind == Activation::kScaledTanh) {
    const V inner = hn::Mul(x, hn::Set(d, static_cast<float>(kScaledTanhS)));
    return hn::Mul(Tanh(d, inner), hn::Set(d, static_cast<float>(kScaledTanhA)));
  }
  return x;  // kIdentity
}

// d act(z) / dz. At a kink: relu, relu6, hard_*: the derivative outside; leaky_relu, elu, selu: of
// z > 0.
template <Activation kKind, class D, class V = hn::Vec<D>>
HWY_INLINE V ActivationDerivative(D d, V z, V alpha) {
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, 1.0f);
  if constexpr (kKind == Activation::kRelu) return hn::IfThenElseZero(hn::Gt(z, zero), one);
  if constexpr (kKind == Activation::kRelu6) {
    return hn::IfThenElseZero(hn::And(hn::Gt(z, zero), hn::Lt(z, hn::Set(d, 6.0f))), one);
  }
  if constexpr (kKind == Activation::kLeakyRelu) {
    return hn::IfThenElse(hn::Lt(z, zero), alpha, one);
  }
  if constexpr (kKind == Activation::kElu) {
    return hn::IfThenElse(hn::Lt(z, zero), hn::Mul(alpha, Exp(d, z)), one);
  }
  if constexpr (kKind == Activation::kSelu) {
    const V negative = hn::Mul(hn::Set(d, static_cast<float>(kSeluScale * kSeluAlpha)), Exp(d, z));
    return hn::IfThenElse(hn::Lt(z, zero), negative, hn::Set(d, static_cast<float>(kSeluScale)));
  }
  if constexpr (kKind == Activation::kSigmoid) {
    // s(z) s(-z): 1 - s(z) would cancel for large z.
    return hn::Mul(Sigmoid(d, z), Sigmoid(d, hn::Neg(z)));
  }
  // 1 / cosh^2 = 4 s(2z) s(-2z), for the same reason.
  if constexpr (kKind == Activation::kTanh) {
    const V z2 = hn::Add(z, z);
    return hn::Mul(hn::Set(d, 4.0f), hn::Mul(Sigmoid(d, z2), Sigmoid(d, hn::Neg(z2))));
  }
  if constexpr (kKind == Activation::kScaledTanh) {
    const V z2 = hn::Mul(z, hn::Set(d, static_cast<float>(2 * kScaledTanhS)));
    const V scale = hn::Set(d, static_cast<float>(4 * kScaledTanhA * kScaledTanhS));
    return hn::Mul(scale, hn::Mul(Sigmoid(d, z2), Sigmoid(d, hn::Neg(z2))));
  }
  const auto inside = hn::Lt(hn::Abs(z), hn::Set(d, 3.0f));
  if constexpr (kKind == Activation::kHardSigmoid) {
    return hn::IfThenElseZero(inside, hn::Set(d, 1.0f / 6.0f));
  }
  if constexpr (kKind == Activation::kHardSwish) {
    const V slope = hn::MulAdd(z, hn::Set(d, 1.0f / 3.0f), hn::Set(d, 0.5f));
    return hn::IfThenElse(inside, slope, hn::IfThenElseZero(hn::Gt(z, zero), one));
  }
  if constexpr (kKind == Activation::kSwish) {
    const V s = Sigmoid(d, z);
    return hn::MulAdd(hn::Mul(z, s), Sigmoid(d, hn::Neg(z)), s);
  }
  return one;  // kIdentity
}

// Calls f(std::integral_constant<Activation, kind>).
template <class F>
HWY_INLINE void WithActivation(Activation kind, F&& f) {
  using A = Activation;
  switch (kind) {
    case A::kIdentity:
      return f(std::integral_constant<A, A::kIdentity>());
    case A::kRelu:
      return f(std::integral_constant<A, A::kRelu>());
    case A::kRelu6:
      return f(std::integral_constant<A, A::kRelu6>());
    case A::kLeakyRelu:
      return f(std::integral_constant<A, A::kLeakyRelu>());
    case A::kElu:
      return f(std::integral_constant<A, A::kElu>());
    case A::kSelu:
      return f(std::integral_constant<A, A::kSelu>());
    case A::kSigmoid:
      return f(std::integral_constant<A, A::kSigmoid>());
    case A::kTanh:
      return f(std::integral_constant<A, A::kTanh>());
    case A::kHardSigmoid:
      return f(std::integral_constant<A, A::kHardSigmoid>());
    case A::kHardSwish:
      return f(std::integral_constant<A, A::kHardSwish>());
    case A::kSwish:
      return f(std::integral_constant<A, A::kSwish>());
    case A::kScaledTanh:
      return f(std::integral_constant<A, A::kScaledTanh>());
  }
}

// By a kind that is known at run time; a call.
template <class D, class V = hn::Vec<D>>
HWY_NOINLINE V ActivateRare(D d, Activation kind, V x, V alpha) {
  V y = x;
  WithActivation(kind, [&](auto k) HWY_ATTR { y = Activate<decltype(k)::value>(d, x, alpha); });
  return y;
}

template <Activation kKind>
struct ActivationOf {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V alpha) const {
    return Activate<kKind>(d, x, alpha);
  }
};
struct RareActivation {
  Activation kind;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V alpha) const {
    return ActivateRare(d, kind, x, alpha);
  }
};

// Calls f(act), of which act(d, x, alpha) activates a vector. Loops are compiled for the
// activations that layers of most networks have; all others share one: in the runtime library they
// would be two thirds of such a loop's code.
template <class F>
HWY_INLINE void WithFrequentActivation(Activation kind, F&& f) {
  using A = Activation;
  switch (kind) {
    case A::kIdentity:
      return f(ActivationOf<A::kIdentity>());
    case A::kRelu:
      return f(ActivationOf<A::kRelu>());
    case A::kRelu6:
      return f(ActivationOf<A::kRelu6>());
    case A::kLeakyRelu:
      return f(ActivationOf<A::kLeakyRelu>());
    case A::kHardSwish:
      return f(ActivationOf<A::kHardSwish>());
    case A::kSwish:
      return f(ActivationOf<A::kSwish>());
    default:
      return f(RareActivation{kind});
  }
}

// row(r)[i] = act(row(r)[i]), 0 <= r < rows, 0 <= i < n. All rows in one call: which activation it
// is is asked once, and rows of a pixel's channels are short.
template <class Row>
HWY_INLINE void ActivateRows(Activation kind, float alpha, int64_t rows, size_t n, Row&& row) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  WithFrequentActivation(kind, [&](auto activate) HWY_ATTR {
    const auto valpha = hn::Set(d, alpha);
    for (int64_t r = 0; r < rows; ++r) {
      float* HWY_RESTRICT p = row(r);
      size_t i = 0;
      for (; i + lanes <= n; i += lanes) {
        hn::StoreU(activate(d, hn::LoadU(d, p + i), valpha), d, p + i);
      }
      if (i < n) StorePart(activate(d, LoadPart(d, p + i, n - i), valpha), d, p + i, n - i);
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_ACTIVATION_INL_H_
