// Convolution and its gradients against seven loops, on every target, for 1, 2 and 3 threads.
#include "kernels/conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/activation.h"
#include "kernels/guarded_buffer.h"
#include "kernels/matmul.h"
#include "kernels/stem.h"
#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

std::vector<ConvShape> Shapes() {
  // n h w c k, kernel, stride, dilation, padding top left bottom right, groups
  std::vector<ConvShape> shapes = {
      {1, 1, 1, 1, 1},
      {2, 5, 7, 3, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},      // stem
      {2, 9, 8, 3, 8, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1},       // stem, TF SAME at stride 2
      {1, 11, 13, 1, 5, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2},     // one channel
      {1, 12, 12, 3, 7, 7, 7, 4, 4, 1, 1, 3, 3, 3, 3},     // large, strided
      {2, 6, 6, 17, 19, 1, 1, 1, 1, 1, 1},                 // pointwise
      {2, 7, 7, 20, 33, 1, 1, 2, 2, 1, 1},                 // pointwise, strided
      {1, 8, 9, 24, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},     // wide rows
      {1, 9, 9, 20, 24, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2},     // dilated
      {1, 7, 9, 6, 5, 3, 2, 1, 2, 1, 2, 1, 0, 2, 3},       // everything uneven
      {2, 7, 6, 12, 18, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1, 3},  // groups
      {1, 5, 5, 6, 12, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 6},   // depthwise, two outputs a channel
      {1, 5, 6, 4, 4, 2, 2, 3, 3, 1, 1},                   // stride larger than the kernel
      {1, 2, 3, 5, 6, 3, 3, 1, 1, 1, 1, 3, 3, 3, 3},       // padding larger than the picture
      {1, 6, 6, 140, 30, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},    // several stretches of taps
      {3, 24, 20, 3, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},    // chunks in the gradient of weights
      {1, 4, 4, 1100, 9, 1, 2, 1, 1, 1, 1, 0, 1, 0, 0},    // a tap deeper than one stretch
  };
  for (ConvShape& s : shapes) s = WithOutput(s);
  return shapes;
}

// Calls f(src index, weight index, dst index) for each multiplication.
template <class F>
void ForEachProduct(const ConvShape& s, F&& f) {
  const int64_t cg = s.c / s.groups, kg = s.k / s.groups;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t y = 0; y < s.oh; ++y)
      for (int64_t x = 0; x < s.ow; ++x)
        for (int64_t o = 0; o < s.k; ++o)
          for (int64_t ky = 0; ky < s.kh; ++ky)
            for (int64_t kx = 0; kx < s.kw; ++kx) {
              const int64_t sy = y * s.stride_h - s.pad_top + ky * s.dilation_h;
              const int64_t sx = x * s.stride_w - s.pad_left + kx * s.dilation_w;
              if (sy < 0 || sy >= s.h || sx < 0 || sx >= s.w) continue;
              for (int64_t i = 0; i < cg; ++i) {
                f(((n * s.h + sy) * s.w + sx) * s.c + o / kg * cg + i,
                  ((o * s.kh + ky) * s.kw + kx) * cg + i, ((n * s.oh + y) * s.ow + x) * s.k + o);
              }
            }
}

std::string Describe(const ConvShape& s) {
  return testing::PrintToString(std::vector<int64_t>{s.n, s.h, s.w, s.c, s.k, s.kh, s.kw,
                                                     s.stride_h, s.dilation_h, s.groups});
}

class ConvTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { ForceTarget(GetParam()); }
  void TearDown() override { ForceTarget(0); }
};
INSTANTIATE_TEST_SUITE_P(Targets, ConvTest, testing::ValuesIn(Targets()),
                         [](const auto& info) { return TargetName(info.param); });

// Runs run(out, scratch, pool) for 1, 2 and 3 threads, compares with 'expected', and the runs with
// each other.
template <class Plan, class F>
void CheckRuns(const Plan& plan, std::span<const float> before, const std::vector<double>& expected,
               const std::vector<double>& tolerance, F&& run) {
  std::vector<float> first;
  for (int threads = 1; threads <= 3; ++threads) {
    ThreadPool pool(threads);
    GuardedBuffer out(before.size());
    std::copy(before.begin(), before.end(), out.data());
    GuardedBuffer scratch = GuardedBuffer::Aligned(plan.ScratchBytes(threads));
    scratch.Randomize(11);
    run(out.data(), scratch.data(), &pool);
    ASSERT_TRUE(out.GuardsIntact() && scratch.GuardsIntact());
    if (threads == 1) first.assign(out.span().begin(), out.span().end());
    ASSERT_TRUE(std::equal(first.begin(), first.end(), out.data())) << threads << " threads";
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(out[i], expected[i], tolerance[i]) << "element " << i;
    }
  }
}

TEST_P(ConvTest, Forward) {
  for (const ConvShape& s : Shapes()) {
    SCOPED_TRACE(Describe(s));
    GuardedBuffer src(s.src_elements()), w(s.weight_elements()), bias(s.k),
        residual(s.dst_elements()), dst(s.dst_elements());
    src.Randomize(1), w.Randomize(2), bias.Randomize(3), residual.Randomize(4), dst.Randomize(5);
    std::vector<double> sums(dst.size()), tolerance(dst.size(), 2e-6);
    ForEachProduct(s, [&](int64_t i, int64_t j, int64_t o) {
      sums[o] += double{src[i]} * w[j];
      tolerance[o] += 1e-6 * std::abs(double{src[i]} * w[j]);
    });
    Epilogue epilogue;
    epilogue.bias = bias.data();
    epilogue.act = s.n == 2 ? Activation::kSwish : Activation::kRelu6;
    if (s.c % 2 == 0) epilogue.residual = residual.data();
    epilogue.residual_stride = s.k;
    for (size_t o = 0; o < sums.size(); ++o) {
      const double sum = sums[o] + bias[o % s.k] + (s.c % 2 == 0 ? residual[o] : 0.0f);
      sums[o] = Activate<double>(epilogue.act, 0.01, sum);
    }
    const Conv2dForward plan(s);
    GuardedBuffer packed = GuardedBuffer::Aligned(plan.packed_bytes());
    packed.Randomize(9);
    plan.Pack(w.data(), packed.data(), nullptr);
    ASSERT_TRUE(packed.GuardsIntact());
    CheckRuns(plan, dst.span(), sums, tolerance, [&](float* out, void* scratch, ThreadPool* pool) {
      plan.Run(src.data(), packed.data(), out, epilogue, scratch, pool);
    });
  }
}

// The first layer's kernel: the same sums in the same order, so the same bits.
TEST_P(ConvTest, StemIsForward) {
  // n h w c k, kernel, stride, dilation, padding top left bottom right
  const std::vector<ConvShape> shapes = {
      {1, 33, 31, 3, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},  // MobileNets
      {2, 36, 32, 3, 24, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1},  // TF SAME at stride 2
      {1, 40, 37, 3, 64, 7, 7, 2, 2, 1, 1, 3, 3, 3, 3},  // ResNet
      {2, 9, 16, 3, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},   // VGG
      {1, 5, 29, 3, 67, 3, 3, 1, 2, 2, 1, 1, 0, 2, 3},   // everything uneven, two panels
      {1, 3, 14, 1, 7, 5, 5, 3, 3, 1, 1, 9, 16, 0, 16},  // more padding than picture
      {1, 7, 40, 6, 40, 11, 9, 1, 1, 1, 1, 5, 4, 5, 4},  // the largest kernel
  };
  for (const ConvShape& shape : shapes) {
    const ConvShape s = WithOutput(shape);
    SCOPED_TRACE(Describe(s));
    ASSERT_EQ(StemRefuses(s), "");
    for (const Activation act : {Activation::kIdentity, Activation::kRelu6, Activation::kSwish}) {
      GuardedBuffer src(s.src_elements()), w(s.weight_elements()), bias(s.k),
          residual(s.dst_elements()), dst(s.dst_elements()), want(s.dst_elements());
      src.Randomize(1), w.Randomize(2), bias.Randomize(3), residual.Randomize(4), dst.Randomize(5);
      Epilogue epilogue;
      epilogue.act = act;
      epilogue.residual_stride = s.k;
      if (act != Activation::kSwish) epilogue.bias = bias.data();
      if (act != Activation::kIdentity) epilogue.residual = residual.data();
      const Conv2dForward forward(s);
      GuardedBuffer packed = GuardedBuffer::Aligned(forward.packed_bytes());
      GuardedBuffer scratch = GuardedBuffer::Aligned(forward.ScratchBytes(1));
      forward.Pack(w.data(), packed.data(), nullptr);
      forward.Run(src.data(), packed.data(), want.data(), epilogue, scratch.data(), nullptr);
      const StemForward stem(s);
      GuardedBuffer stem_packed = GuardedBuffer::Aligned(stem.packed_bytes());
      stem_packed.Randomize(9);
      stem.Pack(w.data(), stem_packed.data(), nullptr);
      ASSERT_TRUE(stem_packed.GuardsIntact());
      const std::vector<double> expected(want.span().begin(), want.span().end());
      const std::vector<double> exact(want.size(), 0.0);
      CheckRuns(stem, dst.span(), expected, exact, [&](float* out, void*, ThreadPool* pool) {
        stem.Run(src.data(), stem_packed.data(), out, epilogue, nullptr, pool);
      });
    }
  }
}

TEST(StemTest, SaysWhatItDoesNot) {
  ConvShape s{1, 32, 32, 3, 16, 3, 3, 2, 2};
  EXPECT_EQ(StemRefuses(WithOutput(s)), "");
  s.c = 4;
  EXPECT_EQ(StemRefuses(WithOutput(s)), "stride 2 of 4 channels");
  EXPECT_ANY_THROW(StemForward{s});
  s.c = 3, s.w = 20;
  EXPECT_EQ(StemRefuses(WithOutput(s)), "rows of 9 pixels");
}

TEST_P(ConvTest, GradientOfInput) {
  for (const ConvShape& s : Shapes()) {
    for (const bool accumulate : {false, true}) {
      SCOPED_TRACE(Describe(s) + (accumulate ? " accumulate" : ""));
      GuardedBuffer dy(s.dst_elements()), w(s.weight_elements()), dx(s.src_elements());
      dy.Randomize(1), w.Randomize(2), dx.Randomize(3);
      std::vector<double> sums(dx.size()), tolerance(dx.size(), 1e-6);
      if (accumulate) sums.assign(dx.span().begin(), dx.span().end());
      ForEachProduct(s, [&](int64_t i, int64_t j, int64_t o) {
        sums[i] += double{dy[o]} * w[j];
        tolerance[i] += 1e-6 * std::abs(double{dy[o]} * w[j]);
      });
      const Conv2dInputGrad plan(s);
      GuardedBuffer packed = GuardedBuffer::Aligned(plan.packed_bytes());
      packed.Randomize(9);
      plan.Pack(w.data(), packed.data(), nullptr);
      ASSERT_TRUE(packed.GuardsIntact());
      CheckRuns(plan, dx.span(), sums, tolerance, [&](float* out, void* scratch, ThreadPool* pool) {
        plan.Run(dy.data(), packed.data(), out, accumulate, scratch, pool);
      });
    }
  }
}

TEST_P(ConvTest, GradientOfWeights) {
  for (const ConvShape& s : Shapes()) {
    SCOPED_TRACE(Describe(s));
    GuardedBuffer src(s.src_elements()), dy(s.dst_elements()), dw(s.weight_elements());
    src.Randomize(1), dy.Randomize(2), dw.Randomize(3);
    std::vector<double> sums(dw.span().begin(), dw.span().end()), tolerance(dw.size(), 1e-6);
    ForEachProduct(s, [&](int64_t i, int64_t j, int64_t o) {
      sums[j] += double{src[i]} * dy[o];
      tolerance[j] += 1e-6 * std::abs(double{src[i]} * dy[o]);
    });
    const Conv2dWeightGrad plan(s);
    CheckRuns(plan, dw.span(), sums, tolerance, [&](float* out, void* scratch, ThreadPool* pool) {
      plan.Run(src.data(), dy.data(), out, scratch, pool);
    });
  }
}

TEST(ConvShapeTest, WhatCannotBeIsRefused) {
  ConvShape s{1, 5, 5, 4, 6, 3, 3};
  EXPECT_EQ(WithOutput(s).oh, 3);
  s.groups = 3;
  EXPECT_ANY_THROW(WithOutput(s));
  s.groups = 1;
  s.kh = 6;
  EXPECT_ANY_THROW(WithOutput(s));
  s.kh = 3;
  s.pad_left = -1;
  EXPECT_ANY_THROW(WithOutput(s));
}

}  // namespace
}  // namespace linnet::kernels
