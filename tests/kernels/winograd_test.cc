// Winograd's convolution against seven loops in double, on every target, for 1, 2 and 3 threads;
// and its rounding beside that of the convolution by row pointers.
#include "kernels/winograd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/activation.h"
#include "kernels/conv.h"
#include "kernels/every_target.h"
#include "kernels/guarded_buffer.h"

namespace linnet::kernels {
namespace {

// n h w c k, then padding top left bottom right
ConvShape Dense3x3(int64_t n, int64_t h, int64_t w, int64_t c, int64_t k, int64_t top, int64_t left,
                   int64_t bottom, int64_t right) {
  return WithOutput({n, h, w, c, k, 3, 3, 1, 1, 1, 1, top, left, bottom, right});
}

std::vector<ConvShape> Shapes() {
  return {
      Dense3x3(1, 8, 8, 16, 64, 1, 1, 1, 1),     // whole tiles
      Dense3x3(2, 7, 9, 5, 7, 1, 1, 1, 1),       // nothing is a multiple of anything
      Dense3x3(1, 3, 3, 1, 1, 0, 0, 0, 0),       // one pixel
      Dense3x3(1, 1, 1, 4, 6, 1, 1, 1, 1),       // all of it edge
      Dense3x3(3, 6, 5, 17, 33, 0, 0, 0, 0),     // no padding
      Dense3x3(1, 10, 6, 24, 40, 0, 1, 2, 0),    // uneven padding
      Dense3x3(1, 5, 6, 9, 19, 3, 2, 1, 4),      // padding wider than a tile's reach
      Dense3x3(1, 13, 14, 20, 130, 1, 1, 1, 1),  // several panels, few blocks
      Dense3x3(2, 57, 33, 3, 70, 1, 1, 1, 1),    // many blocks
      Dense3x3(1, 6, 6, 1030, 18, 1, 1, 1, 1),   // a product deeper than one stretch
  };
}

// The convolution in double, and the sum of the products' absolute values.
struct Expected {
  std::vector<double> sums, magnitudes;
};
Expected Loops(const ConvShape& s, const GuardedBuffer& src, const GuardedBuffer& weights) {
  Expected e{std::vector<double>(s.dst_elements()), std::vector<double>(s.dst_elements())};
  for (int64_t pixel = 0; pixel < s.n * s.oh * s.ow; ++pixel) {
    const int64_t n = pixel / (s.oh * s.ow), y = pixel / s.ow % s.oh, x = pixel % s.ow;
    for (int64_t o = 0; o < s.k; ++o) {
      for (int64_t tap = 0; tap < 9; ++tap) {
        const int64_t sy = y - s.pad_top + tap / 3, sx = x - s.pad_left + tap % 3;
        if (sy < 0 || sy >= s.h || sx < 0 || sx >= s.w) continue;
        for (int64_t c = 0; c < s.c; ++c) {
          const double product =
              double{src[((n * s.h + sy) * s.w + sx) * s.c + c]} * weights[(o * 9 + tap) * s.c + c];
          e.sums[pixel * s.k + o] += product;
          e.magnitudes[pixel * s.k + o] += std::abs(product);
        }
      }
    }
  }
  return e;
}

template <class Plan>
std::vector<float> RunPlan(const Plan& plan, const ConvShape& s, const GuardedBuffer& src,
                           const GuardedBuffer& weights, const Epilogue& epilogue) {
  GuardedBuffer packed = GuardedBuffer::Aligned(plan.packed_bytes()), before(s.dst_elements());
  packed.Randomize(9), before.Randomize(5);
  plan.Pack(weights.data(), packed.data(), nullptr);
  EXPECT_TRUE(packed.GuardsIntact());
  return WrittenOver(before, [&](float* out, ThreadPool* pool) {
    GuardedBuffer scratch = GuardedBuffer::Aligned(plan.ScratchBytes(Threads(pool)));
    scratch.Randomize(11);
    plan.Run(src.data(), packed.data(), out, epilogue, scratch.data(), pool);
    EXPECT_TRUE(scratch.GuardsIntact());
  });
}

// One thread transforms a block of inputs at a time, also where several would transform them all
// first: GoogLeNet's third layer, whose blocks are few.
TEST(WinogradTest, OneThreadKeepsOneBlock) {
  const ConvShape s = Dense3x3(1, 56, 56, 64, 192, 1, 1, 1, 1);
  const size_t map = static_cast<size_t>(s.src_elements()) * sizeof(float);
  ForEveryTarget([&] {
    const WinogradForward plan(s, 4);
    EXPECT_LT(plan.ScratchBytes(1), map);
  });
}

TEST(WinogradTest, IsTheConvolution) {
  for (const ConvShape& s : Shapes()) {
    SCOPED_TRACE(testing::PrintToString(std::vector<int64_t>{s.n, s.h, s.w, s.c, s.k}));
    GuardedBuffer src(s.src_elements()), weights(s.weight_elements()), bias(s.k),
        residual(s.dst_elements());
    src.Randomize(1), weights.Randomize(2), bias.Randomize(3), residual.Randomize(4);
    const Expected expected = Loops(s, src, weights);
    Epilogue epilogue;
    if (s.c != 5) epilogue.bias = bias.data();
    if (s.c % 2 == 0) epilogue.residual = residual.data();
    epilogue.residual_stride = s.k;
    epilogue.act = s.c == 16   ? Activation::kRelu
                   : s.n == 2  ? Activation::kSwish
                   : s.k == 40 ? Activation::kRelu6
                               : Activation::kIdentity;
    std::vector<double> want(expected.sums), tolerance(want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      const double sum = want[i] + (epilogue.bias != nullptr ? bias[i % s.k] : 0.0f) +
                         (epilogue.residual != nullptr ? residual[i] : 0.0f);
      want[i] = Activate<double>(epilogue.act, 0.01, sum);
      tolerance[i] = 2e-6 + 3e-6 * expected.magnitudes[i];
    }
    ForEveryTarget([&] {
      for (const int m : {2, 4}) {
        SCOPED_TRACE(m);
        const std::vector<float> got = RunPlan(WinogradForward(s, m), s, src, weights, epilogue);
        for (size_t i = 0; i < want.size(); ++i) {
          ASSERT_NEAR(got[i], want[i], tolerance[i]) << "element " << i;
        }
      }
    });
  }
}

// The error's root mean square and largest value, of the results' root mean square.
struct Rounding {
  double mean = 0, most = 0;
};
Rounding RoundingOf(const std::vector<float>& got, const std::vector<double>& want) {
  double errors = 0, squares = 0, most = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    errors += (got[i] - want[i]) * (got[i] - want[i]);
    squares += want[i] * want[i];
    most = std::max(most, std::abs(got[i] - want[i]));
  }
  return {std::sqrt(errors / squares),
          most / std::sqrt(squares / static_cast<double>(want.size()))};
}

// A layer of ResNet-50 behind a relu: the error is a small multiple of what any order of summation
// makes, far below the 1e-4 that a Plan is held to.
TEST(WinogradTest, Rounding) {
  const ConvShape s = Dense3x3(1, 14, 14, 256, 64, 1, 1, 1, 1);
  GuardedBuffer src(s.src_elements()), weights(s.weight_elements());
  src.Randomize(1), weights.Randomize(2, -0.05f, 0.05f);
  for (float& x : src.span()) x = std::max(x, 0.0f);
  const std::vector<double> want = Loops(s, src, weights).sums;
  ForEveryTarget([&] {
    const Rounding direct = RoundingOf(RunPlan(Conv2dForward(s), s, src, weights, {}), want);
    for (const int m : {2, 4}) {
      const Rounding rounding =
          RoundingOf(RunPlan(WinogradForward(s, m), s, src, weights, {}), want);
      std::printf("F(%dx%d): error %.2g, at most %.2g; by row pointers %.2g, at most %.2g\n", m, m,
                  rounding.mean, rounding.most, direct.mean, direct.most);
      EXPECT_LT(rounding.mean, (m == 2 ? 1.2 : 4) * direct.mean);
      EXPECT_LT(rounding.most, 2e-5);
    }
  });
}

TEST(WinogradTest, WhatItCannotDoIsRefused) {
  ConvShape s = Dense3x3(1, 8, 8, 4, 4, 1, 1, 1, 1);
  EXPECT_ANY_THROW(WinogradForward(s, 3));
  s.stride_h = 2;
  EXPECT_ANY_THROW(WinogradForward(s, 4));
}

}  // namespace
}  // namespace linnet::kernels
