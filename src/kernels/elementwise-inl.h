// Loops of the elementwise kernels over a run of numbers.
#if defined(LINNET_KERNELS_ELEMENTWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_ELEMENTWISE_INL_H_
#undef LINNET_KERNELS_ELEMENTWISE_INL_H_
#else
#define LINNET_KERNELS_ELEMENTWISE_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <limits>

#include "kernels/activation-inl.h"
#include "kernels/inline_lambda.h"
#include "kernels/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

// Calls f(index, load, store) for every vector of a run of n numbers; load(p) and store(v, p) take
// whole vectors, and the rest at the end as it is.
template <class F>
HWY_INLINE void ForVectors(int64_t n, F&& f) {
  const DF d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    f(
        i, [&](const float* p) LINNET_LAMBDA { return hn::LoadU(d, p); },
        [&](VF v, float* p) LINNET_LAMBDA { hn::StoreU(v, d, p); });
  }
  if (i == n) return;
  const size_t rest = static_cast<size_t>(n - i);
  f(
      i, [&](const float* p) LINNET_LAMBDA { return LoadPart(d, p, rest); },
      [&](VF v, float* p) LINNET_LAMBDA { StorePart(v, d, p, rest); });
}

// y = act(a + scale * b); b may be null
inline void SumActivationRun(int64_t n, const float* a, const float* b, float scale, Activation act,
                             float alpha, float* y) {
  const DF d;
  WithFrequentActivation(act, [&](auto activate) LINNET_LAMBDA {
    const VF valpha = hn::Set(d, alpha), vscale = hn::Set(d, scale);
    ForVectors(n, [&](int64_t i, auto load, auto store) LINNET_LAMBDA {
      const VF z = b == nullptr ? load(a + i) : hn::MulAdd(load(b + i), vscale, load(a + i));
      store(activate(d, z, valpha), y + i);
    });
  });
}

// dx (+)= dy * act'(a + scale * b); b may be null
inline void ActivationGradientRun(int64_t n, const float* a, const float* b, float scale,
                                  Activation act, float alpha, const float* dy, bool accumulate,
                                  float* dx) {
  const DF d;
  WithActivation(act, [&](auto kind) LINNET_LAMBDA {
    const VF valpha = hn::Set(d, alpha), vscale = hn::Set(d, scale);
    ForVectors(n, [&](int64_t i, auto load, auto store) LINNET_LAMBDA {
      const VF z = b == nullptr ? load(a + i) : hn::MulAdd(load(b + i), vscale, load(a + i));
      const VF slope = ActivationDerivative<kind()>(d, z, valpha);
      VF g = hn::Mul(load(dy + i), slope);
      if (accumulate) g = hn::Add(g, load(dx + i));
      store(g, dx + i);
    });
  });
}

// to (+)= scale * from
inline void ScaleRun(int64_t n, const float* from, float scale, bool accumulate, float* to) {
  const VF s = hn::Set(DF(), scale);
  ForVectors(n, [&](int64_t i, auto load, auto store) LINNET_LAMBDA {
    VF v = hn::Mul(load(from + i), s);
    if (accumulate) v = hn::Add(v, load(to + i));
    store(v, to + i);
  });
}

// to (+)= a * b, for rows that touch, of the same b.
inline void ProductRows(int64_t rows, int64_t n, const float* a, const float* b, bool accumulate,
                        float* to) {
  for (int64_t r = 0; r < rows; ++r, a += n, to += n) {
    ForVectors(n, [&](int64_t i, auto load, auto store) LINNET_LAMBDA {
      const VF product = hn::Mul(load(a + i), load(b + i));
      store(accumulate ? hn::Add(product, load(to + i)) : product, to + i);
    });
  }
}

inline float DotRun(int64_t n, const float* a, const float* b) {
  const DF d;
  VF sum = hn::Zero(d);
  ForVectors(n, [&](int64_t i, auto load, auto)
                    LINNET_LAMBDA { sum = hn::MulAdd(load(a + i), load(b + i), sum); });
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

inline float SumRun(int64_t n, const float* x) {
  const DF d;
  VF sum = hn::Zero(d);
  ForVectors(n, [&](int64_t i, auto load, auto) LINNET_LAMBDA { sum = hn::Add(sum, load(x + i)); });
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// to (+)= value
inline void FillRun(int64_t n, float value, bool accumulate, float* to) {
  const VF v = hn::Set(DF(), value);
  ForVectors(n, [&](int64_t i, auto load, auto store)
                    LINNET_LAMBDA { store(accumulate ? hn::Add(v, load(to + i)) : v, to + i); });
}

// sums[c] += sum over rows of x[r * pitch + c], c < channels, four rows at a time
inline void ColumnSums(int64_t rows, int64_t pitch, int64_t channels, const float* x, float* sums) {
  const auto add_four = [pitch](VF sum, const float* p, auto load) LINNET_LAMBDA {
    const VF low = hn::Add(load(p), load(p + pitch));
    const VF high = hn::Add(load(p + 2 * pitch), load(p + 3 * pitch));
    return hn::Add(sum, hn::Add(low, high));
  };
  // Of few channels, sums in memory would wait for their last store; of many, rows are read as they
  // lie.
  if (channels <= 4 * static_cast<int64_t>(hn::Lanes(DF()))) {
    ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
      const float* p = x + c;
      VF sum = load(sums + c);
      int64_t r = 0;
      for (; r + 4 <= rows; r += 4, p += 4 * pitch) sum = add_four(sum, p, load);
      for (; r < rows; ++r, p += pitch) sum = hn::Add(sum, load(p));
      store(sum, sums + c);
    });
    return;
  }
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
      store(add_four(load(sums + c), x + r * pitch + c, load), sums + c);
    });
  }
  for (; r < rows; ++r) {
    ForVectors(channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
      store(hn::Add(load(sums + c), load(x + r * pitch + c)), sums + c);
    });
  }
}

// ---- softmax of one row ----

// Of a NaN it is NaN.
inline float RowMax(int64_t n, const float* x) {
  const DF d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  float most = x[0];
  int64_t i = 0;
  if (n >= lanes) {
    VF max = hn::LoadU(d, x);
    for (i = lanes; i + lanes <= n; i += lanes) max = NanMax(max, hn::LoadU(d, x + i));
    if (!hn::AllFalse(d, hn::IsNaN(max))) return std::numeric_limits<float>::quiet_NaN();
    most = hn::GetLane(hn::MaxOfLanes(d, max));
  }
  for (; i < n; ++i) {
    if (x[i] > most || std::isnan(x[i])) most = x[i];
  }
  return most;
}

// y = exp(x - max), returns the sum. y may be x.
inline float ExpRow(int64_t n, const float* x, float max, float* y) {
  const DF d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const VF vmax = hn::Set(d, max);
  VF sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const VF e = Exp(d, hn::Sub(hn::LoadU(d, x + i), vmax));
    hn::StoreU(e, d, y + i);
    sum = hn::Add(sum, e);
  }
  if (i < n) {
    const size_t rest = static_cast<size_t>(n - i);
    const VF e = Exp(d, hn::Sub(LoadPart(d, x + i, rest), vmax));
    StorePart(e, d, y + i, rest);
    sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(d, rest), e));
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

inline void SoftmaxRow(int64_t n, const float* x, float* y) {
  const float sum = ExpRow(n, x, RowMax(n, x), y);
  ScaleRun(n, y, 1.0f / sum, false, y);
}

inline void SoftmaxGradientRow(int64_t n, const float* y, const float* dy, bool accumulate,
                               float* dx) {
  const VF dot = hn::Set(DF(), DotRun(n, y, dy));
  ForVectors(n, [&](int64_t i, auto load, auto store) LINNET_LAMBDA {
    VF g = hn::Mul(load(y + i), hn::Sub(load(dy + i), dot));
    if (accumulate) g = hn::Add(g, load(dx + i));
    store(g, dx + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_ELEMENTWISE_INL_H_
