// Convolutions of bfloat16, rounded and split, against loops in double over the numbers that they
// see, on every instruction set with every extra, and on the twin of the tile registers.
#include "kernels/bf16_conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/activation.h"
#include "base/bfloat16.h"
#include "kernels/bf16_kernels.h"
#include "kernels/every_target.h"

namespace linnet::kernels {
namespace {

// Numbers in memory that ends at a forbidden page, of either type.
class Numbers {
 public:
  Numbers(size_t count, bool bf16)
      : count_(count), bf16_(bf16), buffer_(bf16 ? (count + 1) / 2 : count) {}
  void Fill(uint64_t seed) {
    Rng rng(seed);
    for (size_t i = 0; i < count_; ++i) {
      const float x = rng.Uniform(-1, 1);
      if (bf16_)
        words()[i] = ToBfloat16(x);
      else
        buffer_[i] = x;
    }
  }
  void* data() { return bf16_ ? static_cast<void*>(words()) : buffer_.data(); }
  double operator[](size_t i) { return bf16_ ? FromBfloat16(words()[i]) : buffer_[i]; }
  bool Intact() const { return buffer_.GuardsIntact(); }

 private:
  bfloat16_t* words() {
    return reinterpret_cast<bfloat16_t*>(buffer_.data() + buffer_.size()) - count_;
  }
  size_t count_;
  bool bf16_;
  GuardedBuffer buffer_;
};

struct Case {
  ConvShape shape;
  Conv2dBf16::Types types;
  Activation act = Activation::kIdentity;
  bool bias = false, residual = false;
  int64_t src_gap = 0, dst_gap = 0;  // numbers between pixels

  int64_t src_stride() const { return shape.c + src_gap; }
  int64_t dst_stride() const { return shape.k + dst_gap; }
  size_t src_numbers() const {
    return static_cast<size_t>((shape.n * shape.h * shape.w - 1) * src_stride() + shape.c);
  }
  size_t dst_numbers() const {
    return static_cast<size_t>((shape.n * shape.oh * shape.ow - 1) * dst_stride() + shape.k);
  }
};

// A result and the sum of the absolute values of its terms, by which rounding is bounded.
struct Expected {
  double value, terms;
};

class Layer {
 public:
  explicit Layer(const Case& c)
      : case_(c),
        src_(c.src_numbers(), c.types.src),
        residual_(c.dst_numbers(), c.types.residual),
        weights_(static_cast<size_t>(c.shape.weight_elements()), false),
        bias_(static_cast<size_t>(c.shape.k), false) {
    src_.Fill(1), residual_.Fill(2), weights_.Fill(3), bias_.Fill(4);
  }

  Expected At(int64_t n, int64_t y, int64_t x, int64_t o) {
    const ConvShape& s = case_.shape;
    const int64_t cg = s.c / s.groups, kg = s.k / s.groups;
    double sum = case_.bias ? bias_[o] : 0, terms = std::abs(sum);
    for (int64_t ky = 0; ky < s.kh; ++ky) {
      for (int64_t kx = 0; kx < s.kw; ++kx) {
        const int64_t sy = y * s.stride_h - s.pad_top + ky * s.dilation_h;
        const int64_t sx = x * s.stride_w - s.pad_left + kx * s.dilation_w;
        if (sy < 0 || sy >= s.h || sx < 0 || sx >= s.w) continue;
        for (int64_t i = 0; i < cg; ++i) {
          const int64_t at = ((n * s.h + sy) * s.w + sx) * case_.src_stride() + o / kg * cg + i;
          const double term =
              Factor(src_[at]) * Factor(weights_[((o * s.kh + ky) * s.kw + kx) * cg + i]);
          sum += term, terms += std::abs(term);
        }
      }
    }
    if (case_.residual) {
      const double r = residual_[((n * s.oh + y) * s.ow + x) * case_.dst_stride() + o];
      sum += r, terms += std::abs(r);
    }
    return {Activate(case_.act, 0.01, sum), terms};
  }

  void Run(void* dst, ThreadPool* pool) {
    const Conv2dBf16 conv(case_.shape, case_.types);
    GuardedBuffer packed = GuardedBuffer::Aligned(conv.packed_bytes());
    GuardedBuffer scratch = GuardedBuffer::Aligned(conv.ScratchBytes(Threads(pool)));
    scratch.Randomize(5);
    conv.Pack(static_cast<float*>(weights_.data()), packed.data(), pool);
    Bf16Epilogue epilogue;
    epilogue.act = case_.act;
    if (case_.bias) epilogue.bias = static_cast<float*>(bias_.data());
    if (case_.residual) {
      epilogue.residual = residual_.data();
      epilogue.residual_stride = case_.dst_stride();
    }
    conv.Run(src_.data(), case_.src_stride(), packed.data(), dst, case_.dst_stride(), epilogue,
             scratch.data(), pool);
    EXPECT_TRUE(packed.GuardsIntact() && scratch.GuardsIntact());
  }

 private:
  double Factor(double x) const {
    return case_.types.split ? x : FromBfloat16(ToBfloat16(static_cast<float>(x)));
  }
  const Case& case_;
  Numbers src_, residual_, weights_, bias_;
};

// In one thread and in so many.
void CheckOnce(const Case& c, const std::vector<Expected>& expected, Layer& layer,
               ThreadPool* threads) {
  std::vector<double> first;
  for (ThreadPool* pool : {static_cast<ThreadPool*>(nullptr), threads}) {
    Numbers dst(c.dst_numbers(), c.types.dst);
    dst.Fill(6);
    Numbers before(c.dst_numbers(), c.types.dst);
    before.Fill(6);
    layer.Run(dst.data(), pool);
    EXPECT_TRUE(dst.Intact());
    std::vector<double> all;
    for (size_t i = 0; i < c.dst_numbers(); ++i) {
      all.push_back(dst[i]);
      const size_t pixel = i / c.dst_stride(), o = i % c.dst_stride();
      if (static_cast<int64_t>(o) >= c.shape.k) {
        ASSERT_EQ(dst[i], before[i]) << "between pixels, " << i;
        continue;
      }
      const Expected& want = expected[pixel * c.shape.k + o];
      const double sums = c.types.split ? 0x1p-15 : 1e-6;
      const double bound =
          sums * want.terms + (c.types.dst ? 0x1p-8 * std::abs(want.value) : 0) + 1e-6;
      ASSERT_NEAR(dst[i], want.value, bound) << "pixel " << pixel << ", channel " << o;
    }
    if (first.empty()) first = all;
    ASSERT_EQ(first, all) << "threads give other bits";
  }
}

void Check(const Case& c) {
  SCOPED_TRACE(testing::Message() << c.shape.n << "x" << c.shape.h << "x" << c.shape.w << "x"
                                  << c.shape.c << " -> " << c.shape.k << ", kernel " << c.shape.kh
                                  << "x" << c.shape.kw << ", stride " << c.shape.stride_w
                                  << ", groups " << c.shape.groups << ", types " << c.types.src
                                  << c.types.residual << c.types.dst << c.types.split);
  Layer layer(c);
  std::vector<Expected> expected;
  for (int64_t n = 0; n < c.shape.n; ++n)
    for (int64_t y = 0; y < c.shape.oh; ++y)
      for (int64_t x = 0; x < c.shape.ow; ++x)
        for (int64_t o = 0; o < c.shape.k; ++o) expected.push_back(layer.At(n, y, x, o));
  static ThreadPool two(2), eight(8);
  for (const int64_t target : Targets()) {
    ForceTarget(target);
    const Extras most = CurrentExtras();
    for (const Extras extras : {Extras::kNone, Extras::kBf16, Extras::kAmx}) {
      if (extras > most) continue;
      SCOPED_TRACE(testing::Message() << TargetName(target) << " with extras "
                                      << kExtrasNames[static_cast<int>(extras)]);
      LimitExtras(extras);
      CheckOnce(c, expected, layer, &two);
      if (testing::Test::HasFatalFailure()) return ForceTarget(0);
    }
    EmulateBf16Tiles(true);
    CheckOnce(c, expected, layer, &two);
    EmulateBf16Tiles(false);
  }
  ForceTarget(0);
  CheckOnce(c, expected, layer, &eight);
}

ConvShape Conv(int64_t n, int64_t h, int64_t w, int64_t c, int64_t k, int64_t kernel = 1,
               int64_t stride = 1, int64_t pad = 0, int64_t groups = 1, int64_t dilation = 1) {
  ConvShape s;
  s.n = n, s.h = h, s.w = w, s.c = c, s.k = k;
  s.kh = s.kw = kernel;
  s.stride_h = s.stride_w = stride;
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = pad;
  s.groups = groups;
  s.dilation_h = s.dilation_w = dilation;
  return WithOutput(s);
}

std::vector<ConvShape> Shapes() {
  std::vector<ConvShape> shapes = {
      Conv(1, 1, 1, 1, 1),
      Conv(1, 4, 4, 32, 32),
      Conv(2, 5, 7, 24, 40),
      Conv(1, 7, 7, 70, 33),
      Conv(1, 9, 9, 31, 5),
      Conv(1, 20, 21, 64, 48),
      Conv(1, 1, 17, 2, 9),
      Conv(1, 1, 33, 5, 3),
      Conv(1, 3, 3, 4, 6, 1, 1, 1),
      Conv(1, 1, 1, 130, 67),
      Conv(1, 6, 7, 40, 20, 1, 2),
      Conv(1, 9, 30, 3, 16, 3, 2, 1),
      Conv(2, 13, 12, 3, 33, 3, 2, 1),
      Conv(1, 15, 14, 3, 10, 7, 2, 3),
      Conv(2, 7, 7, 20, 24, 3, 1, 1),
      Conv(1, 14, 14, 64, 40, 3, 1, 1),
      Conv(1, 5, 5, 17, 13, 3),
      Conv(1, 9, 8, 5, 7, 3, 1, 2, 1, 2),
      Conv(1, 8, 8, 12, 18, 5, 1, 2),
      Conv(1, 6, 5, 6, 12, 3, 1, 1, 3),
      Conv(1, 7, 7, 64, 80, 3, 2, 1, 2),
      Conv(2, 5, 4, 9, 12, 1, 1, 0, 3),
      Conv(1, 4, 4, 6, 9, 1, 1, 1),
      Conv(2, 20, 20, 4, 3, 3, 3),
      Conv(2, 9, 8, 32, 17, 3, 2, 1),
      Conv(1, 11, 12, 32, 9, 5, 3, 2, 1, 2),
      Conv(1, 18, 20, 256, 48),
      Conv(1, 5, 5, 256, 40, 3, 1, 1),
      // Strides beyond the kernel, and beyond the map.
      Conv(1, 9, 9, 32, 16, 3, 4, 0),
      Conv(1, 8, 8, 32, 16, 3, 4096, 1),
      Conv(1, 8, 8, 3, 16, 3, 4096, 1),
      // Weights of more than a megabyte.
      Conv(1, 3, 5, 1030, 270),
      Conv(1, 9, 5, 160, 200, 3, 1, 1),
  };
  ConvShape odd = Conv(1, 9, 8, 7, 5, 3, 1, 1);
  odd.kw = 2, odd.stride_w = 2, odd.pad_bottom = 2;
  shapes.push_back(WithOutput(odd));
  ConvShape lines = Conv(2, 9, 7, 32, 20, 3, 1, 1);
  lines.stride_h = 2;
  shapes.push_back(WithOutput(lines));
  // One output of several pixels, and of several images.
  shapes.push_back(Conv(2, 2, 2, 32, 16, 1, 2));
  ConvShape rows = Conv(2, 2, 5, 32, 16);
  rows.stride_h = 2;
  shapes.push_back(WithOutput(rows));
  return shapes;
}

TEST(Bf16ConvTest, EveryShapeAndType) {
  for (const ConvShape& shape : Shapes()) {
    for (const Conv2dBf16::Types types :
         {Conv2dBf16::Types{true, true, true, false}, Conv2dBf16::Types{false, true, true, false},
          Conv2dBf16::Types{true, false, false, false}, Conv2dBf16::Types{true, false, true, false},
          Conv2dBf16::Types{false, false, false, true}}) {
      Case c{shape, types};
      Check(c);
      c.bias = c.residual = true;
      c.act = types.split ? Activation::kRelu : Activation::kHardSwish;
      c.src_gap = 3, c.dst_gap = 5;
      Check(c);
      if (HasFatalFailure()) return;
    }
  }
}

// A pixel that is one at one channel makes a row of weights its result: those of eleven bits are
// exact, in whatever way their low parts are kept.
TEST(Bf16ConvTest, SplitWeightsOfElevenBitsAreExact) {
  const ConvShape shape = Conv(1, 4, 4, 1024, 260);
  GuardedBuffer weights(static_cast<size_t>(shape.weight_elements())), src(16 * 1024);
  std::fill(src.data(), src.data() + src.size(), 0.0f);
  for (int64_t pixel = 0; pixel < 16; ++pixel) src[pixel * 1024 + pixel * 64] = 1;
  for (int64_t o = 0; o < shape.k; ++o) {
    for (int64_t i = 0; i < 1024; ++i) {
      const float significand = 1 + static_cast<float>((o * 16 + i / 64) % 1024) / 1024;
      weights[o * 1024 + i] = std::ldexp(o % 2 == 0 ? significand : -significand, o % 20 - 10);
    }
  }
  for (const int64_t target : Targets()) {
    ForceTarget(target);
    for (const bool emulate : {false, true}) {
      EmulateBf16Tiles(emulate);
      const Conv2dBf16 conv(shape, {false, false, false, true});
      GuardedBuffer packed = GuardedBuffer::Aligned(conv.packed_bytes());
      GuardedBuffer scratch = GuardedBuffer::Aligned(conv.ScratchBytes(1));
      GuardedBuffer dst(static_cast<size_t>(shape.dst_elements()));
      conv.Pack(weights.data(), packed.data(), nullptr);
      conv.Run(src.data(), 1024, packed.data(), dst.data(), shape.k, {}, scratch.data(), nullptr);
      for (int64_t pixel = 0; pixel < 16; ++pixel) {
        for (int64_t o = 0; o < shape.k; ++o) {
          ASSERT_EQ(dst[pixel * shape.k + o], weights[o * 1024 + pixel * 64]) << conv.name();
        }
      }
    }
  }
  EmulateBf16Tiles(false);
  ForceTarget(0);
}

TEST(Bf16ConvTest, EveryActivation) {
  for (int i = 0; i < kActivations; ++i) {
    Case c{Conv(1, 3, 4, 9, 21), {true, true, true, false}};
    c.act = static_cast<Activation>(i);
    c.bias = true;
    Check(c);
  }
}

}  // namespace
}  // namespace linnet::kernels
