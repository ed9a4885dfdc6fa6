// The rule by which sums become bytes, against exact rounding.
#include "kernels/int8_requantize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace linnet::kernels {
namespace {

// The rule, for a sum without bias.
int Rule(int32_t sum, const Requantizer& r, const Int8Output& output) {
  return FromSteps64(To64ths(sum + Half(r), r.left, r.shift, r.multiplier), output);
}

// Scales from far too small to far too large, sums that give results in and around the range: never
// more than a step from the nearest, another than the nearest only close to a tie.
TEST(Int8Requantize, IsTheNearestButNearTies) {
  Rng rng(1);
  constexpr int kTrials = 200000;
  int different = 0;
  double farthest = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const double scale = std::exp2(rng.Uniform(-24, 3));
    const Quantization dst{1.0f, static_cast<int>(rng.Below(256))};
    const Int8Output output = MakeInt8Output({.dst = dst});
    const auto sum =
        static_cast<int32_t>(std::clamp(rng.Uniform(-300, 300) / scale, -1.8e9, 1.8e9));
    const double exact = sum * scale + dst.zero_point;
    const double clamped = std::clamp(exact, 0.0, 255.0);
    const int got = Rule(sum, MakeRequantizer(scale), output);
    different += got != static_cast<int>(std::nearbyint(clamped));
    farthest = std::max(farthest, std::abs(got - clamped));
  }
  EXPECT_LT(farthest, 0.5 + 0.03);
  EXPECT_LT(different, kTrials / 50);
}

TEST(Int8Requantize, MultipliersHaveFifteenBitsAndScalesAreMet) {
  for (double scale = 1e-6; scale < 500; scale *= 1.037) {
    const Requantizer r = MakeRequantizer(scale);
    EXPECT_TRUE(r.left == 0 || r.shift == 0);
    EXPECT_GE(r.multiplier, 1 << 14);
    EXPECT_LT(r.multiplier, 1 << 15);
    const double meant = std::ldexp(r.multiplier, r.left - r.shift - 15) / 64;
    EXPECT_NEAR(meant / scale, 1, 1.0 / (1 << 14)) << scale;
  }
}

// The ends of the range of scales, and of sums, saturate on the right side.
TEST(Int8Requantize, ExtremesSaturate) {
  const Int8Output output = MakeInt8Output({.dst = {1.0f, 128}});
  for (const double scale : {0.0, 1e-300, 1e-12, 1e-9}) {
    EXPECT_EQ(Rule(1'800'000'000, MakeRequantizer(scale), output), scale == 1e-9 ? 130 : 128);
  }
  for (const double scale : {0.01, 1.0, 511.0, 513.0, 1e6, 1e300}) {
    EXPECT_EQ(Rule(1'800'000'000, MakeRequantizer(scale), output), 255) << scale;
    EXPECT_EQ(Rule(-1'800'000'000, MakeRequantizer(scale), output), 0) << scale;
    EXPECT_EQ(Rule(0, MakeRequantizer(scale), output), 128) << scale;
  }
}

TEST(Int8Requantize, TermsOfBytesAreNearTheirRatio) {
  for (double ratio = 1e-3; ratio < 100; ratio *= 1.31) {
    const ByteTerm term = MakeByteTerm(100, ratio);
    for (int q = 0; q < 256; ++q) {
      const double exact = std::clamp((q - 100) * ratio * 64, -32768.0, 32767.0);
      // Each doubling doubles half a unit.
      ASSERT_NEAR(To64ths(q, term), exact, 1.1 * (1 << term.doublings)) << ratio << " " << q;
    }
  }
}

TEST(Int8Requantize, ClampsAreLimitsAndOthersAreTables) {
  const Int8Output relu6 = MakeInt8Output({.dst = {0.1f, 20}, .act = Activation::kRelu6});
  EXPECT_EQ(relu6.low, 20);
  EXPECT_EQ(relu6.high, 80);
  EXPECT_FALSE(relu6.has_table);
  Int8Epilogue epilogue{.dst = {0.02f, 10}, .act = Activation::kHardSwish, .before = {0.05f, 90}};
  const Int8Output swish = MakeInt8Output(epilogue);
  EXPECT_TRUE(swish.has_table);
  EXPECT_EQ(swish.quantization, epilogue.before);
  EXPECT_EQ(swish.table[0], 10);  // hard-swish(-4.5) = 0
  EXPECT_EQ(swish.table[90], 10);
  EXPECT_EQ(swish.table[110], 10 + 33);  // 1 * 4 / 6
}

TEST(Int8Requantize, QuantizeOneRoundsHalfToEvenAndSaturates) {
  const Quantization q{0.5f, 10};
  EXPECT_EQ(QuantizeOne(0.25, q), 10);
  EXPECT_EQ(QuantizeOne(0.75, q), 12);
  EXPECT_EQ(QuantizeOne(-0.75, q), 8);
  EXPECT_EQ(QuantizeOne(1e30, q), 255);
  EXPECT_EQ(QuantizeOne(-1e30, q), 0);
  EXPECT_EQ(QuantizeOne(NAN, q), 0);
}

}  // namespace
}  // namespace linnet::kernels
