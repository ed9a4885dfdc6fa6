// Convolutions of bytes, dense, grouped and depthwise, against loops over real sums of integers, on
// every instruction set, for 1 and 2 threads; every bit must agree.
#include "kernels/int8_conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/int8_depthwise.h"
#include "kernels/int8_every_level.h"
#include "kernels/int8_kernels.h"

namespace linnet::kernels {
namespace {

// A layer with random weights, some of its channels strange.
struct Layer {
  std::vector<int8_t> values;
  std::vector<float> scales, bias;
  Int8Weights weights(bool with_bias) const {
    return {values.data(), scales.data(), with_bias ? bias.data() : nullptr};
  }
};

Layer RandomLayer(int64_t channels, int64_t depth, Rng& rng) {
  Layer layer;
  for (int64_t i = 0; i < channels * depth; ++i) {
    layer.values.push_back(static_cast<int8_t>(static_cast<int>(rng.Below(255)) - 127));
  }
  for (int64_t i = 0; i < channels; ++i) {
    layer.scales.push_back(0.02f * rng.Uniform(0.2f, 1) / std::sqrt(static_cast<float>(depth)));
    layer.bias.push_back(rng.Uniform(-1, 1));
  }
  if (channels > 3) {
    layer.scales[1] = 1e-12f;  // the bias does not fit
    layer.scales[2] = 0.5f;    // sums are worth more than 1/64 of a step
    layer.scales[3] = 0;
  }
  return layer;
}

constexpr Quantization kSrc{0.03f, 119}, kResidual{0.017f, 131};

// What the layer means: sums of the channel 'o' from a function of (src, weight index).
class Reference {
 public:
  Reference(const Layer& layer, bool with_bias, const Int8Epilogue& epilogue)
      : layer_(layer), with_bias_(with_bias), output_(MakeInt8Output(epilogue)) {}

  // 'sum' of (x - zero) w, of which a weight was 'shrunk' if ShrinkOf(o) != 1.
  uint8_t Byte(int64_t o, int64_t sum, const uint8_t* residual) const {
    const Requantizer r = MakeRequantizer(ScaleOf(o) / output_.quantization.scale);
    const auto bias = static_cast<int64_t>(std::nearbyint(BiasOf(o) / ScaleOf(o)));
    int u = To64ths(static_cast<int32_t>(sum + bias + Half(r)), r.left, r.shift, r.multiplier);
    if (residual != nullptr) u = Saturate16(u + To64ths(*residual, output_.residual));
    return FromSteps64(u, output_);
  }
  int Weight(int64_t o, int64_t i) const {
    return static_cast<int>(std::nearbyint(layer_.values[static_cast<size_t>(i)] * ShrinkOf(o)));
  }

 private:
  double BiasOf(int64_t o) const { return with_bias_ ? layer_.bias[static_cast<size_t>(o)] : 0.0; }
  double GivenScale(int64_t o) const {
    return double{kSrc.scale} * layer_.scales[static_cast<size_t>(o)];
  }
  bool Fits(int64_t o) const {
    return GivenScale(o) > 0 && std::abs(BiasOf(o)) <= GivenScale(o) * (1 << 29);
  }
  double ScaleOf(int64_t o) const {
    if (Fits(o)) return GivenScale(o);
    return BiasOf(o) == 0 ? 1.0 : std::abs(BiasOf(o)) / (1 << 29);
  }
  double ShrinkOf(int64_t o) const { return Fits(o) ? 1 : GivenScale(o) / ScaleOf(o); }

  const Layer& layer_;
  bool with_bias_;
  Int8Output output_;
};

std::vector<uint8_t> Convolve(const ConvShape& s, const uint8_t* src, const Reference& reference,
                              const uint8_t* residual) {
  const int64_t cg = s.c / s.groups, kg = s.k / s.groups;
  std::vector<uint8_t> dst;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t y = 0; y < s.oh; ++y)
      for (int64_t x = 0; x < s.ow; ++x)
        for (int64_t o = 0; o < s.k; ++o) {
          int64_t sum = 0;
          for (int64_t ky = 0; ky < s.kh; ++ky)
            for (int64_t kx = 0; kx < s.kw; ++kx) {
              const int64_t sy = y * s.stride_h - s.pad_top + ky * s.dilation_h;
              const int64_t sx = x * s.stride_w - s.pad_left + kx * s.dilation_w;
              if (sy < 0 || sy >= s.h || sx < 0 || sx >= s.w) continue;
              for (int64_t i = 0; i < cg; ++i) {
                const int q = src[((n * s.h + sy) * s.w + sx) * s.c + o / kg * cg + i];
                const int w = reference.Weight(o, ((o * s.kh + ky) * s.kw + kx) * cg + i);
                sum += (q - kSrc.zero_point) * w;
              }
            }
          dst.push_back(
              reference.Byte(o, sum, residual == nullptr ? nullptr : residual + dst.size()));
        }
  return dst;
}

std::vector<Int8Epilogue> Epilogues() {
  const Quantization dst{0.02f, 101};
  return {
      {.dst = dst},
      {.dst = dst, .act = Activation::kRelu6},
      {.dst = {0.013f, 0}, .act = Activation::kRelu, .has_residual = true, .residual = kResidual},
      {.dst = {0.01f, 5}, .act = Activation::kHardSwish, .before = {0.025f, 140}},
      {.dst = {0.002f, 140},
       .act = Activation::kTanh,
       .before = {0.004f, 128},
       .has_residual = true,
       .residual = kResidual}};
}

// Runs a Conv2dInt8 or DepthwiseInt8 everywhere.
template <class Make, class Pack>
void CheckLayer(const std::vector<uint8_t>& expected, const GuardedBytes& src,
                const uint8_t* residual, Make&& make, Pack&& pack) {
  const auto run = [&](uint8_t* dst, ThreadPool* pool) {
    const auto layer = make();
    GuardedBuffer packed = GuardedBuffer::Aligned(layer.packed_bytes());
    GuardedBuffer scratch = GuardedBuffer::Aligned(layer.ScratchBytes(Threads(pool)));
    pack(layer, packed.data(), pool);
    layer.Run(src.data(), packed.data(), residual, dst, scratch.data(), pool);
    EXPECT_TRUE(packed.GuardsIntact() && scratch.GuardsIntact());
  };
  ExpectEverywhere(expected, run);
  EmulateInt8Tiles(true);
  ExpectEverywhere(expected, run);
  EmulateInt8Tiles(false);
}

std::vector<ConvShape> Shapes() {
  // n h w c k, kernel, stride, dilation, padding top left bottom right, groups
  return {
      {1, 1, 1, 1, 1},
      {2, 5, 7, 3, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},      // stem
      {2, 9, 8, 3, 40, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1},      // stem, TF SAME at stride 2
      {1, 11, 13, 1, 5, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2},     // one channel
      {1, 12, 12, 3, 7, 7, 7, 4, 4, 1, 1, 3, 3, 3, 3},     // large, strided
      {2, 6, 6, 17, 19, 1, 1, 1, 1, 1, 1},                 // pointwise
      {1, 13, 29, 64, 128},                                // several blocks and panels
      {1, 5, 5, 30, 200},                                  // a last panel of one vector
      {2, 7, 7, 20, 33, 1, 1, 2, 2, 1, 1},                 // pointwise, strided
      {1, 8, 9, 24, 96, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},     // wide rows
      {1, 9, 9, 22, 24, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2},     // dilated
      {1, 7, 9, 6, 5, 3, 2, 1, 2, 1, 2, 1, 0, 2, 3},       // everything uneven
      {2, 7, 6, 12, 18, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1, 3},  // groups
      {1, 5, 5, 6, 12, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 6},   // depthwise, two outputs a channel
      {1, 5, 6, 4, 4, 2, 2, 3, 3, 1, 1},                   // stride larger than the kernel
      {1, 2, 3, 25, 6, 3, 3, 1, 1, 1, 1, 3, 3, 3, 3},      // padding larger than the picture
      {1, 6, 7, 44, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},     // taps of a partial tile register
      {1, 9, 11, 100, 24, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},   // taps of one and a partial one
      {5, 1, 1, 131, 70},                                  // fully connected
      {4, 1, 1, 1024, 1024},                               // two groups of panels by tile registers
      {1, 101, 101, 1, 2, 101, 101, 1, 1, 1, 1},           // taps of one channel
  };
}

TEST(Int8Conv, EqualsTheLoops) {
  Rng rng(3);
  int number = 0;
  for (const ConvShape& shape : Shapes()) {
    const ConvShape s = WithOutput(shape);
    SCOPED_TRACE(testing::PrintToString(
        std::vector<int64_t>{s.n, s.h, s.w, s.c, s.k, s.kh, s.kw, s.stride_h, s.groups}));
    const GuardedBytes src(static_cast<size_t>(s.src_elements()), rng);
    const GuardedBytes residual(static_cast<size_t>(s.dst_elements()), rng);
    const Layer layer = RandomLayer(s.k, s.weight_elements() / s.k, rng);
    const std::vector<Int8Epilogue> epilogues = Epilogues();
    const Int8Epilogue& epilogue = epilogues[static_cast<size_t>(number++) % epilogues.size()];
    const bool bias = number % 4 != 0;
    const uint8_t* added = epilogue.has_residual ? residual.data() : nullptr;
    CheckLayer(
        Convolve(s, src.data(), Reference(layer, bias, epilogue), added), src, added,
        [&] { return Conv2dInt8(s, kSrc, epilogue); },
        [&](const Conv2dInt8& conv, void* packed, ThreadPool* pool) {
          conv.Pack(layer.weights(bias), packed, pool);
        });
  }
}

// Every epilogue, at a shape with a partial panel.
TEST(Int8Conv, EveryEpilogueEqualsTheLoops) {
  Rng rng(4);
  const ConvShape s = WithOutput({1, 7, 5, 36, 90});
  for (const Int8Epilogue& epilogue : Epilogues()) {
    SCOPED_TRACE(static_cast<int>(epilogue.act));
    const GuardedBytes src(static_cast<size_t>(s.src_elements()), rng);
    const GuardedBytes residual(static_cast<size_t>(s.dst_elements()), rng);
    const Layer layer = RandomLayer(s.k, s.c, rng);
    const uint8_t* added = epilogue.has_residual ? residual.data() : nullptr;
    CheckLayer(
        Convolve(s, src.data(), Reference(layer, true, epilogue), added), src, added,
        [&] { return Conv2dInt8(s, kSrc, epilogue); },
        [&](const Conv2dInt8& conv, void* packed, ThreadPool* pool) {
          conv.Pack(layer.weights(true), packed, pool);
        });
  }
}

// All products at their largest: no instruction may saturate on the way.
TEST(Int8Conv, ExtremesDoNotOverflow) {
  const ConvShape s = WithOutput({1, 1, 2, 30000, 5});
  Layer layer;
  layer.values.assign(static_cast<size_t>(s.k * s.c), 127);
  std::fill_n(layer.values.begin(), s.c, int8_t{-127});
  layer.scales.assign(static_cast<size_t>(s.k), 1e-9f);
  layer.bias.assign(static_cast<size_t>(s.k), 0.5f);
  GuardedBytes src(static_cast<size_t>(s.src_elements()));
  std::fill_n(src.data(), s.c, uint8_t{255});
  const Int8Epilogue epilogue{.dst = {0.005f, 100}};
  CheckLayer(
      Convolve(s, src.data(), Reference(layer, true, epilogue), nullptr), src, nullptr,
      [&] { return Conv2dInt8(s, kSrc, epilogue); },
      [&](const Conv2dInt8& conv, void* packed, ThreadPool* pool) {
        conv.Pack(layer.weights(true), packed, pool);
      });
  EXPECT_ANY_THROW(Conv2dInt8(WithOutput({1, 1, 1, kMaxInt8Depth + 1, 1}), kSrc, epilogue));
}

// n h w c, kernel, stride, dilation, padding top left, output
struct DepthwiseCase {
  int64_t n, h, w, c;
  int kernel_h, kernel_w, stride, dilation, pad_top, pad_left;
  int64_t out_h, out_w;
};

TEST(Int8Depthwise, EqualsTheLoops) {
  const std::vector<DepthwiseCase> cases = {
      {1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1},    {2, 7, 9, 64, 3, 3, 1, 1, 1, 1, 7, 9},
      {1, 8, 11, 100, 3, 3, 2, 1, 1, 1, 4, 6}, {1, 9, 6, 37, 5, 5, 1, 1, 2, 2, 9, 6},
      {1, 10, 9, 130, 5, 5, 2, 1, 2, 2, 5, 5}, {1, 9, 9, 20, 7, 7, 1, 1, 3, 3, 9, 9},
      {2, 6, 7, 33, 3, 3, 1, 2, 2, 2, 6, 7},   {1, 6, 200, 16, 3, 3, 1, 1, 1, 1, 6, 200},
      {1, 7, 8, 5, 3, 2, 1, 1, 0, 1, 5, 8},    {1, 6, 6, 48, 3, 3, 2, 1, 0, 0, 3, 3},
      {1, 7, 1, 8, 3, 3, 1, 1, 1, 1, 7, 1},    {1, 5, 7, 32, 3, 3, 2, 1, 1, 1, 3, 4},
      {1, 2, 3, 70, 5, 5, 1, 1, 4, 4, 6, 7},   {1, 3, 90, 200, 9, 9, 3, 1, 4, 4, 1, 30},
  };
  Rng rng(5);
  int number = 0;
  for (const DepthwiseCase& t : cases) {
    SCOPED_TRACE(testing::PrintToString(
        std::vector<int64_t>{t.n, t.h, t.w, t.c, t.kernel_h, t.stride, t.dilation}));
    const DepthwiseShape shape{t.n,        t.h,        t.w,        t.c,       t.out_h,
                               t.out_w,    t.kernel_h, t.kernel_w, t.stride,  t.stride,
                               t.dilation, t.dilation, t.pad_top,  t.pad_left};
    // The same as a convolution with groups.
    ConvShape s{t.n,        t.h,      t.w,      t.c,        t.c,        t.kernel_h,
                t.kernel_w, t.stride, t.stride, t.dilation, t.dilation, t.pad_top,
                t.pad_left, 0,        0,        t.c};
    s.oh = t.out_h;
    s.ow = t.out_w;
    const GuardedBytes src(static_cast<size_t>(s.src_elements()), rng);
    const GuardedBytes residual(static_cast<size_t>(s.dst_elements()), rng);
    const Layer layer = RandomLayer(t.c, t.kernel_h * t.kernel_w, rng);
    const std::vector<Int8Epilogue> epilogues = Epilogues();
    const Int8Epilogue& epilogue = epilogues[static_cast<size_t>(number++) % epilogues.size()];
    const uint8_t* added = epilogue.has_residual ? residual.data() : nullptr;
    CheckLayer(
        Convolve(s, src.data(), Reference(layer, true, epilogue), added), src, added,
        [&] { return DepthwiseInt8(shape, kSrc, epilogue); },
        [&](const DepthwiseInt8& conv, void* packed, ThreadPool*) {
          conv.Pack(layer.weights(true), packed);
        });
  }
}

TEST(Int8Dense, GivesFloats) {
  Rng rng(6);
  for (const int64_t n : {1, 10, 70, 200}) {
    const int64_t m = 3, k = 131;
    const GuardedBytes src(static_cast<size_t>(m * k), rng);
    Layer layer = RandomLayer(n, k, rng);
    std::fill(layer.scales.begin(), layer.scales.end(), 0.003f);
    ForEveryLevel([&] {
      const DenseInt8ToFloat dense(k, n, kSrc);
      GuardedBuffer packed = GuardedBuffer::Aligned(dense.packed_bytes());
      GuardedBuffer scratch = GuardedBuffer::Aligned(dense.ScratchBytes(1));
      GuardedBuffer dst(static_cast<size_t>(m * n));
      dense.Pack(layer.weights(true), packed.data(), nullptr);
      dense.Run(m, src.data(), packed.data(), dst.data(), scratch.data(), nullptr);
      EXPECT_TRUE(dst.GuardsIntact() && packed.GuardsIntact() && scratch.GuardsIntact());
      const double scale = double{kSrc.scale} * 0.003f;
      for (int64_t i = 0; i < m * n; ++i) {
        auto sum =
            static_cast<int64_t>(std::nearbyint(layer.bias[static_cast<size_t>(i % n)] / scale));
        for (int64_t j = 0; j < k; ++j) {
          sum += (src.data()[i / n * k + j] - kSrc.zero_point) *
                 layer.values[static_cast<size_t>(i % n * k + j)];
        }
        ASSERT_EQ(dst[static_cast<size_t>(i)], static_cast<float>(sum) * static_cast<float>(scale));
      }
    });
  }
}

// The whole against real numbers: within one step of the exact result.
TEST(Int8Conv, IsNearTheRealConvolution) {
  Rng rng(7);
  const int64_t m = 50, k = 200, n = 20;
  const GuardedBytes src(static_cast<size_t>(m * k), rng);
  Layer layer = RandomLayer(n, k, rng);
  layer.scales.assign(static_cast<size_t>(n), 0.0021f);
  const Int8Epilogue epilogue{.dst = {0.4f, 128}};
  const Conv2dInt8 conv(WithOutput({m, 1, 1, k, n}), kSrc, epilogue);
  GuardedBuffer packed = GuardedBuffer::Aligned(conv.packed_bytes());
  GuardedBuffer scratch = GuardedBuffer::Aligned(conv.ScratchBytes(1));
  GuardedBytes dst(static_cast<size_t>(m * n));
  conv.Pack(layer.weights(true), packed.data(), nullptr);
  conv.Run(src.data(), packed.data(), nullptr, dst.data(), scratch.data(), nullptr);
  int different = 0;
  for (int64_t i = 0; i < m * n; ++i) {
    double real = layer.bias[static_cast<size_t>(i % n)];
    for (int64_t j = 0; j < k; ++j) {
      real += double{kSrc.scale} * (src.data()[i / n * k + j] - kSrc.zero_point) * 0.0021f *
              layer.values[static_cast<size_t>(i % n * k + j)];
    }
    const int nearest = QuantizeOne(real, epilogue.dst);
    ASSERT_LE(std::abs(dst.data()[i] - nearest), 1);
    different += dst.data()[i] != nearest;
  }
  EXPECT_LT(different, m * n / 30);
}

}  // namespace
}  // namespace linnet::kernels
