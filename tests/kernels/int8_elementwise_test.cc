// Loops over bytes against the obvious ones, on every instruction set; every bit must agree.
#include "kernels/int8_elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/int8_every_level.h"
#include "kernels/int8_pool.h"

namespace linnet::kernels {
namespace {

std::vector<int64_t> Counts() { return {1, 3, 4, 15, 16, 63, 64, 65, 200, 17001}; }

TEST(Int8Elementwise, QuantizeRoundsHalfToEven) {
  Rng rng(1);
  for (const int64_t n : Counts()) {
    const Quantization q{0.25f, 77};
    GuardedBuffer src(static_cast<size_t>(n));
    src.Randomize(static_cast<uint64_t>(n), -40, 60);
    for (size_t i = 0; i < src.size(); i += 2) src[i] = 0.125f * static_cast<float>(i % 600) - 35;
    const float special[] = {NAN, 1e30f, -1e30f, INFINITY, -INFINITY};
    for (size_t i = 0; i < 5 && i * 3 < src.size(); ++i) src[i * 3] = special[i];
    std::vector<uint8_t> expected;
    for (const float x : src.span()) expected.push_back(QuantizeOne(x, q));
    ExpectEverywhere(expected, [&](uint8_t* dst, ThreadPool* pool) {
      QuantizeForward(n, q, src.data(), dst, pool);
    });
  }
}

TEST(Int8Elementwise, Dequantize) {
  Rng rng(2);
  const Quantization q{0.3f, 77};
  for (const int64_t n : Counts()) {
    const GuardedBytes src(static_cast<size_t>(n), rng);
    ForEveryLevel([&] {
      GuardedBuffer dst(static_cast<size_t>(n));
      DequantizeForward(n, q, src.data(), dst.data(), nullptr);
      EXPECT_TRUE(dst.GuardsIntact());
      for (int64_t i = 0; i < n; ++i) {
        ASSERT_EQ(dst[static_cast<size_t>(i)], 0.3f * static_cast<float>(src.data()[i] - 77));
      }
    });
  }
}

TEST(Int8Elementwise, LookupWithStrides) {
  Rng rng(3);
  const std::array<uint8_t, 256> table =
      ActivationTable(Activation::kHardSwish, 0, {0.05f, 120}, {0.03f, 13});
  for (const int64_t width : Counts()) {
    const int64_t rows = 3, gap = width == 16 ? 0 : 5;
    const GuardedBytes src(static_cast<size_t>(rows * width), rng);
    const auto n = static_cast<size_t>((rows - 1) * (width + gap) + width);
    std::vector<uint8_t> expected(n, 0);
    for (int64_t i = 0; i < rows * width; ++i) {
      expected[static_cast<size_t>(i / width * (width + gap) + i % width)] = table[src.data()[i]];
    }
    ExpectEverywhere(expected, [&](uint8_t* dst, ThreadPool* pool) {
      LookupForward(rows, width, table, src.data(), width, dst, width + gap, pool);
    });
  }
}

// act(a + b) for scales from a small to a large ratio.
TEST(Int8Elementwise, Add) {
  Rng rng(4);
  for (const int64_t n : Counts()) {
    const Quantization a{rng.Uniform(0.001f, 0.3f), static_cast<int>(rng.Below(256))};
    const Quantization b{rng.Uniform(0.01f, 0.03f), static_cast<int>(rng.Below(256))};
    for (const Activation act : {Activation::kIdentity, Activation::kRelu, Activation::kSwish}) {
      const Int8Epilogue epilogue{.dst = {0.03f, 50}, .act = act, .before = {0.05f, 128}};
      const Int8Output output = MakeInt8Output(epilogue);
      const double step = output.quantization.scale;
      const ByteTerm a_term = MakeByteTerm(a.zero_point, a.scale / step);
      const ByteTerm b_term = MakeByteTerm(b.zero_point, b.scale / step);
      const GuardedBytes x(static_cast<size_t>(n), rng), y(static_cast<size_t>(n), rng);
      std::vector<uint8_t> expected;
      for (int64_t i = 0; i < n; ++i) {
        const int u = To64ths(x.data()[i], a_term) + To64ths(y.data()[i], b_term);
        expected.push_back(FromSteps64(Saturate16(u), output));
      }
      const AddInt8 add(a, b, epilogue);
      ExpectEverywhere(expected, [&](uint8_t* dst, ThreadPool* pool) {
        add.Run(n, x.data(), y.data(), dst, pool);
      });
    }
  }
}

// A product with a gate: near the real one, and the same everywhere.
TEST(Int8Elementwise, Mul) {
  Rng rng(5);
  for (const int64_t c : {1, 7, 64, 600}) {
    const int64_t n = 2, pixels = 5;
    for (const float dst_scale : {0.05f, 0.004f}) {
      const Quantization map{0.06f, 30}, gate{1.0f / 255, c == 7 ? 128 : 0}, dst{dst_scale, 40};
      const GuardedBytes x(static_cast<size_t>(n * pixels * c), rng);
      const GuardedBytes g(static_cast<size_t>(n * c), rng);
      const MulInt8 mul(map, gate, {.dst = dst});
      ForceTarget(Targets().back());
      std::vector<uint8_t> expected(x.size());
      mul.Run(n, pixels, c, x.data(), g.data(), expected.data(), nullptr);
      ForceTarget(0);
      for (int64_t i = 0; i < n * pixels * c; ++i) {
        const int64_t channel = i / (pixels * c) * c + i % c;
        const double exact =
            std::clamp(double{map.scale} * (x.data()[i] - map.zero_point) * gate.scale *
                               (g.data()[channel] - gate.zero_point) / dst.scale +
                           dst.zero_point,
                       0.0, 255.0);
        ASSERT_NEAR(expected[static_cast<size_t>(i)], exact, 0.6);
      }
      ExpectEverywhere(expected, [&](uint8_t* to, ThreadPool* pool) {
        mul.Run(n, pixels, c, x.data(), g.data(), to, pool);
      });
    }
  }
}

TEST(Int8Pool, GlobalAverage) {
  Rng rng(6);
  for (const int64_t c : {1, 5, 64, 300}) {
    for (const int64_t pixels : {1, 49, 1000}) {
      const Quantization src{0.1f, 7}, dst{0.09f, 20};
      const GuardedBytes x(static_cast<size_t>(2 * pixels * c), rng);
      const Requantizer r = MakeRequantizer(double{src.scale} / dst.scale / pixels);
      const Int8Output output = MakeInt8Output({.dst = dst});
      std::vector<uint8_t> expected;
      for (int64_t i = 0; i < 2 * c; ++i) {
        int32_t sum = Half(r);
        for (int64_t p = 0; p < pixels; ++p) {
          sum += x.data()[(i / c * pixels + p) * c + i % c] - src.zero_point;
        }
        expected.push_back(FromSteps64(To64ths(sum, r.left, r.shift, r.multiplier), output));
      }
      const GlobalAverageInt8 pool_of({2, pixels, c}, src, dst);
      ExpectEverywhere(expected,
                       [&](uint8_t* to, ThreadPool* pool) { pool_of.Run(x.data(), to, pool); });
    }
  }
}

std::vector<PoolShape> PoolShapes() {
  return {{1, 4, 4, 3, 2, 2},
          {2, 7, 6, 70, 4, 3, 3, 3, 2, 2, 1, 1, 1, 1},
          {1, 5, 5, 64, 5, 5, 3, 3, 1, 1, 1, 1, 1, 1, true},
          {1, 5, 8, 17, 5, 8, 3, 3, 1, 1, 1, 1, 1, 1, false},
          {1, 9, 9, 300, 1, 1, 9, 9, 9, 9},
          {1, 2, 2, 5, 2, 1, 2, 2, 3, 3, 0, 0, 0, 0, true},  // a window without a pixel
          {1, 2, 2, 5, 2, 1, 2, 2, 3, 3, 0, 0, 0, 0, false},
          {1, 1, 1, 3, 1, 1, 5, 5, 1, 1, 2, 2, 2, 2, true}};  // more padding than map
}

// Calls f(sum or maximum over the window's elements inside, how many, padded count) for each
// output.
template <class F>
void ForWindows(const PoolShape& s, const uint8_t* src, F&& f) {
  for (int64_t o = 0; o < s.n * s.out_h * s.out_w * s.c; ++o) {
    const int64_t c = o % s.c, ox = o / s.c % s.out_w, oy = o / s.c / s.out_w % s.out_h;
    const int64_t n = o / s.c / s.out_w / s.out_h;
    int64_t sum = 0, inside = 0, padded = 0;
    int most = 0;
    for (int64_t y = oy * s.stride_h - s.pad_top; y < oy * s.stride_h - s.pad_top + s.kernel_h; ++y)
      for (int64_t x = ox * s.stride_w - s.pad_left; x < ox * s.stride_w - s.pad_left + s.kernel_w;
           ++x) {
        padded += y < s.h + s.pad_bottom && x < s.w + s.pad_right;
        if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
        const int q = src[((n * s.h + y) * s.w + x) * s.c + c];
        sum += q;
        most = std::max(most, q);
        ++inside;
      }
    f(sum, most, inside, padded);
  }
}

TEST(Int8Pool, MaximumAndAverage) {
  Rng rng(7);
  const Quantization src{0.1f, 33}, dst{0.08f, 20};
  for (const PoolShape& s : PoolShapes()) {
    const GuardedBytes x(static_cast<size_t>(s.n * s.h * s.w * s.c), rng);
    const Int8Output output = MakeInt8Output({.dst = dst});
    std::vector<uint8_t> maxima, means;
    ForWindows(s, x.data(), [&](int64_t sum, int most, int64_t inside, int64_t padded) {
      if (inside == 0) {
        maxima.push_back(static_cast<uint8_t>(src.zero_point));
        means.push_back(static_cast<uint8_t>(dst.zero_point));
        return;
      }
      maxima.push_back(static_cast<uint8_t>(most));
      const int64_t count = s.count_include_pad ? padded : inside;
      const Requantizer r = MakeRequantizer(double{src.scale} / dst.scale / count);
      const auto value = static_cast<int32_t>(sum - inside * src.zero_point + Half(r));
      means.push_back(FromSteps64(To64ths(value, r.left, r.shift, r.multiplier), output));
    });
    ExpectEverywhere(
        maxima, [&](uint8_t* to, ThreadPool* pool) { MaxPoolInt8(s, src, x.data(), to, pool); });
    const AveragePoolInt8 average(s, src, dst);
    ExpectEverywhere(means,
                     [&](uint8_t* to, ThreadPool* pool) { average.Run(x.data(), to, pool); });
  }
}

}  // namespace
}  // namespace linnet::kernels
