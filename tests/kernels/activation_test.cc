// The vector activations against base/activation.h, on every target of this machine.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation_test.cc"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target comes first
#include <hwy/highway.h>
// clang-format on

#include "kernels/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

void Derive(Activation kind, float alpha, float* p, size_t n) {
  const hn::ScalableTag<float> d;
  WithActivation(kind, [&](auto k) HWY_ATTR {
    for (size_t i = 0; i < n; i += hn::Lanes(d)) {
      const size_t part = HWY_MIN(n - i, hn::Lanes(d));
      const auto z = LoadPart(d, p + i, part);
      StorePart(ActivationDerivative<decltype(k)::value>(d, z, hn::Set(d, alpha)), d, p + i, part);
    }
  });
}
// In rows of a third, and what is left.
void Apply(Activation kind, float alpha, float* p, size_t n) {
  const size_t part = n / 3;
  ActivateRows(kind, alpha, 3, part,
               [=](int64_t row) { return p + static_cast<size_t>(row) * part; });
  ActivateRows(kind, alpha, 1, n - 3 * part, [=](int64_t) { return p + 3 * part; });
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <gtest/gtest.h>

#include <complex>
#include <limits>
#include <vector>

#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

HWY_EXPORT(Derive);
HWY_EXPORT(Apply);

constexpr int kKinds = std::size(kActivationNames);

std::vector<float> Points() {
  std::vector<float> x;
  for (int i = -2000; i <= 2000; ++i) x.push_back(0.0101f * i + 0.0001f);
  for (float small = 1e-6f; small < 1; small *= 1.7f) x.insert(x.end(), {small, -small});
  x.insert(x.end(), {86.f, -86.f, 40.f, -40.f, 0.f});
  return x;
}

TEST(Activation, ValueAndDerivativeOfEachKind) {
  const std::vector<float> x = Points();
  for (const int64_t target : Targets()) {
    ForceTarget(target);
    for (int kind = 0; kind < kKinds; ++kind) {
      SCOPED_TRACE(std::string(TargetName(target)) + " " + kActivationNames[kind]);
      const auto act = static_cast<Activation>(kind);
      std::vector<float> y = x, dy = x;
      HWY_DYNAMIC_DISPATCH(Apply)(act, 0.3f, y.data(), y.size());
      HWY_DYNAMIC_DISPATCH(Derive)(act, 0.3f, dy.data(), dy.size());
      for (size_t i = 0; i < x.size(); ++i) {
        const double value = Activate<double>(act, 0.3f, x[i]);
        ASSERT_NEAR(y[i], value, 1.2e-6 * std::abs(value) + 1e-37) << "at " << x[i];
        const std::complex<double> z(x[i], 1e-30);
        const double slope = Activate<std::complex<double>>(act, 0.3f, z).imag() / 1e-30;
        ASSERT_NEAR(dy[i], slope, 3e-6 * std::abs(slope) + 1e-6) << "derivative at " << x[i];
      }
    }
  }
  ForceTarget(0);
}

TEST(Activation, ExtremesAndNan) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const int64_t target : Targets()) {
    ForceTarget(target);
    for (const Activation act : {Activation::kSigmoid, Activation::kTanh, Activation::kElu}) {
      float x[] = {inf, -inf, 1000.f, -1000.f, std::nanf("")};
      HWY_DYNAMIC_DISPATCH(Apply)(act, 1.0f, x, 5);
      EXPECT_EQ(x[0], act == Activation::kElu ? inf : 1.0f);
      EXPECT_NEAR(x[1], act == Activation::kSigmoid ? 0.0f : -1.0f, 1e-6);
      EXPECT_EQ(x[2], act == Activation::kElu ? 1000.0f : 1.0f);
      EXPECT_NEAR(x[3], act == Activation::kSigmoid ? 0.0f : -1.0f, 1e-6);
      EXPECT_TRUE(std::isnan(x[4]))
          << TargetName(target) << " " << kActivationNames[static_cast<int>(act)];
    }
  }
  ForceTarget(0);
}

}  // namespace
}  // namespace linnet::kernels
#endif  // HWY_ONCE
