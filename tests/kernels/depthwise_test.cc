// Depthwise convolution and its gradients against plain loops in double, on every target, for 1, 2
// and 3 threads.
#include "kernels/depthwise.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/every_target.h"
#include "kernels/guarded_buffer.h"

namespace linnet::kernels {
namespace {

// Output size of a window rule with 'pad' on both sides.
int64_t Out(int64_t in, int kernel, int stride, int dilation, int before, int after) {
  return (in + before + after - (kernel - 1) * dilation - 1) / stride + 1;
}

DepthwiseShape Make(int64_t n, int64_t h, int64_t w, int64_t c, int k, int stride, int pad_before,
                    int pad_after, int dilation = 1, int multiplier = 1) {
  DepthwiseShape s;
  s.n = n, s.h = h, s.w = w, s.c = c;
  s.kernel_h = s.kernel_w = k;
  s.stride_h = s.stride_w = stride;
  s.dilation_h = s.dilation_w = dilation;
  s.pad_top = s.pad_left = pad_before;
  s.multiplier = multiplier;
  s.out_h = Out(h, k, stride, dilation, pad_before, pad_after);
  s.out_w = Out(w, k, stride, dilation, pad_before, pad_after);
  return s;
}

std::vector<DepthwiseShape> Shapes() {
  std::vector<DepthwiseShape> shapes = {
      Make(1, 1, 1, 1, 3, 1, 1, 1), Make(2, 2, 2, 5, 3, 1, 1, 1), Make(3, 4, 4, 16, 3, 1, 1, 1),
      Make(2, 7, 7, 24, 3, 1, 1, 1), Make(1, 14, 13, 33, 3, 1, 1, 1),
      Make(2, 9, 23, 67, 3, 1, 1, 1), Make(1, 5, 40, 130, 3, 1, 1, 1),
      Make(1, 40, 66, 144, 3, 1, 1, 1), Make(1, 6, 19, 8, 3, 1, 0, 0),
      Make(1, 8, 8, 16, 3, 2, 0, 1), Make(2, 9, 9, 16, 3, 2, 1, 1), Make(2, 8, 8, 40, 3, 2, 1, 1),
      Make(1, 33, 37, 19, 3, 2, 1, 1), Make(1, 2, 2, 32, 3, 2, 1, 1), Make(1, 1, 2, 3, 3, 2, 1, 1),
      Make(2, 16, 11, 48, 5, 1, 2, 2), Make(1, 3, 3, 17, 5, 1, 2, 2),
      Make(1, 12, 21, 20, 5, 2, 2, 2), Make(1, 12, 12, 16, 5, 2, 1, 2),
      Make(1, 9, 12, 10, 7, 1, 3, 3), Make(1, 12, 11, 18, 3, 1, 2, 2, 2),
      Make(1, 10, 9, 5, 3, 2, 1, 1, 2), Make(1, 9, 10, 6, 3, 3, 1, 1), Make(1, 8, 9, 7, 2, 2, 0, 0),
      Make(1, 5, 5, 9, 3, 1, 5, 5), Make(2, 6, 5, 4, 3, 1, 1, 1, 1, 3),
      Make(1, 7, 6, 1, 3, 2, 1, 1, 1, 8), Make(1, 6, 6, 12, 1, 1, 0, 0),
      Make(1, 5, 6, 3, 3, 4, 0, 0),
      // Longer than the first-level cache: tiles walk across the channels.
      Make(1, 18, 90, 64, 3, 2, 1, 1), Make(2, 15, 75, 144, 3, 2, 1, 1),
      Make(1, 14, 301, 20, 3, 2, 0, 1), Make(1, 16, 83, 272, 3, 2, 1, 1),
      // And more channels than go at once, in tiles of three rows and of four.
      Make(1, 7, 20, 192, 3, 2, 0, 0), Make(1, 9, 20, 192, 3, 2, 0, 0),
      // Pixels 2048 and 4096 bytes apart: rows are copied.
      Make(2, 7, 7, 1024, 3, 1, 1, 1), Make(1, 6, 37, 512, 3, 1, 1, 1),
      Make(1, 4, 4, 512, 3, 1, 1, 1), Make(1, 9, 40, 1536, 3, 2, 1, 1),
      Make(1, 11, 19, 512, 5, 1, 2, 2), Make(1, 12, 13, 1024, 5, 2, 2, 1),
      Make(1, 8, 8, 512, 7, 1, 3, 3), Make(1, 6, 20, 512, 3, 1, 1, 1, 2)};
  DepthwiseShape uneven = Make(2, 11, 10, 21, 3, 1, 1, 1);
  uneven.kernel_h = 5, uneven.stride_h = 2, uneven.dilation_h = 2, uneven.pad_top = 3;
  uneven.out_h = Out(11, 5, 2, 2, 3, 2);
  shapes.push_back(uneven);
  DepthwiseShape row = Make(1, 4, 30, 16, 5, 2, 2, 2);
  row.kernel_h = 1, row.stride_h = 1, row.pad_top = 0, row.out_h = 4;
  shapes.push_back(row);
  DepthwiseShape mixed = Make(1, 12, 13, 16, 3, 2, 1, 1);
  mixed.stride_h = 3, mixed.out_h = Out(12, 3, 3, 1, 1, 1);
  shapes.push_back(mixed);
  return shapes;
}

// Calls f(input index, weight index, output index) for every product.
template <class F>
void ForEachProduct(const DepthwiseShape& s, F&& f) {
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t oy = 0; oy < s.out_h; ++oy)
      for (int64_t ox = 0; ox < s.out_w; ++ox)
        for (int ky = 0; ky < s.kernel_h; ++ky)
          for (int kx = 0; kx < s.kernel_w; ++kx) {
            const int64_t iy = oy * s.stride_h + ky * s.dilation_h - s.pad_top;
            const int64_t ix = ox * s.stride_w + kx * s.dilation_w - s.pad_left;
            if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
            for (int64_t o = 0; o < s.out_c(); ++o) {
              f(((n * s.h + iy) * s.w + ix) * s.c + o / s.multiplier,
                (o * s.kernel_h + ky) * s.kernel_w + kx,
                ((n * s.out_h + oy) * s.out_w + ox) * s.out_c() + o);
            }
          }
}

struct Case {
  explicit Case(const DepthwiseShape& shape, uint64_t seed)
      : s(shape),
        x(static_cast<size_t>(s.n * s.h * s.w * s.c)),
        w(static_cast<size_t>(s.out_c() * s.kernel_h * s.kernel_w)),
        dy(static_cast<size_t>(s.n * s.out_h * s.out_w * s.out_c())),
        packed(GuardedBuffer::Aligned(DepthwisePackedBytes(s))) {
    x.Randomize(seed);
    w.Randomize(seed + 1);
    dy.Randomize(seed + 2);
    PackDepthwise(s, w.data(), packed.data());
  }
  std::string Name() const {
    return fmt::format("{} n{} h{} w{} c{} k{}x{} s{}x{} d{} p{},{} m{} out {}x{}",
                       DepthwiseKernelName(s), s.n, s.h, s.w, s.c, s.kernel_h, s.kernel_w,
                       s.stride_h, s.stride_w, s.dilation_w, s.pad_top, s.pad_left, s.multiplier,
                       s.out_h, s.out_w);
  }
  DepthwiseShape s;
  GuardedBuffer x, w, dy, packed;
};

std::vector<float> Floats(const GuardedBuffer& b) { return {b.span().begin(), b.span().end()}; }

void CheckForward(const Case& c, const Epilogue& epilogue) {
  const DepthwiseShape& s = c.s;
  std::vector<double> want(c.dy.size());
  for (size_t i = 0; i < want.size(); ++i) {
    const int64_t o = static_cast<int64_t>(i) % s.out_c(),
                  pixel = static_cast<int64_t>(i) / s.out_c();
    if (epilogue.bias) want[i] += epilogue.bias[o];
    if (epilogue.residual) want[i] += epilogue.residual[pixel * epilogue.residual_stride + o];
  }
  ForEachProduct(s, [&](int64_t x, int64_t w, int64_t y) { want[y] += double{c.x[x]} * c.w[w]; });
  for (double& v : want) v = Activate(epilogue.act, epilogue.alpha, v);
  const std::vector<float> got = SameForAnyThreads([&](ThreadPool* pool) {
    GuardedBuffer y(want.size());
    DepthwiseForward(s, c.x.data(), c.packed.data(), epilogue, y.data(), pool);
    EXPECT_TRUE(y.GuardsIntact());
    return Floats(y);
  });
  ExpectNear(got, want, 1e-5, "y");
}

TEST(Depthwise, Forward) {
  for (const DepthwiseShape& s : Shapes()) {
    const Case c(s, 1);
    SCOPED_TRACE(c.Name());
    ForEveryTarget([&] { CheckForward(c, Epilogue()); });
  }
}

TEST(Depthwise, Epilogue) {
  for (const DepthwiseShape& s :
       {Make(2, 9, 23, 67, 3, 1, 1, 1), Make(1, 33, 37, 19, 3, 2, 1, 1),
        Make(2, 2, 2, 5, 3, 1, 1, 1), Make(1, 12, 12, 16, 5, 2, 1, 2),
        Make(1, 9, 12, 10, 7, 1, 3, 3), Make(2, 6, 5, 4, 3, 1, 1, 1, 1, 3),
        Make(1, 7, 20, 192, 3, 2, 0, 0), Make(1, 9, 20, 192, 3, 2, 0, 0)}) {
    const Case c(s, 2);
    SCOPED_TRACE(c.Name());
    const int64_t stride = s.out_c() + 3;
    GuardedBuffer bias(static_cast<size_t>(s.out_c()));
    GuardedBuffer residual(static_cast<size_t>(s.n * s.out_h * s.out_w * stride - 3));
    bias.Randomize(7);
    residual.Randomize(8, -5, 5);
    ForEveryTarget([&] {
      for (const Activation act : {Activation::kRelu6, Activation::kRelu, Activation::kHardSwish}) {
        CheckForward(c, {bias.data(), act, 0.1f, nullptr, 0});
        CheckForward(c, {bias.data(), act, 0.1f, residual.data(), stride});
      }
    });
  }
}

// Pixels that lie further apart than their channels, as a Plan lays them out: the same numbers, and
// nothing between the pixels is touched.
TEST(Depthwise, PixelsApart) {
  for (const DepthwiseShape& s : {Make(2, 9, 23, 67, 3, 1, 1, 1), Make(1, 13, 12, 128, 3, 2, 1, 1),
                                  Make(1, 7, 7, 512, 3, 1, 1, 1), Make(1, 12, 12, 16, 5, 2, 1, 2),
                                  Make(1, 9, 11, 40, 5, 1, 2, 2), Make(1, 9, 12, 10, 7, 1, 3, 3)}) {
    const Case c(s, 10);
    SCOPED_TRACE(c.Name());
    // A cache line apart, and as parts of a buffer of 512 channels lie.
    for (const int64_t src_pixel : {s.c + 16, int64_t{512}}) {
      DepthwiseShape apart = s;
      apart.src_pixel = src_pixel, apart.dst_pixel = s.c + 3;
      const auto pixels = static_cast<size_t>(s.n * s.out_h * s.out_w),
                 channels = static_cast<size_t>(s.c), pitch = static_cast<size_t>(src_pixel);
      GuardedBuffer x(static_cast<size_t>(s.n * s.h * s.w - 1) * pitch + channels);
      std::fill(x.data(), x.data() + x.size(), std::nanf(""));
      for (size_t i = 0; i < c.x.size(); ++i) x[i / channels * pitch + i % channels] = c.x[i];
      const Epilogue epilogue = {nullptr, Activation::kRelu6, 0, c.dy.data(), s.c};
      ForEveryTarget([&] {
        GuardedBuffer want(c.dy.size());
        DepthwiseForward(s, c.x.data(), c.packed.data(), epilogue, want.data(), nullptr);
        SameForAnyThreads([&](ThreadPool* pool) {
          GuardedBuffer y(pixels * (channels + 3) - 3);
          std::fill(y.data(), y.data() + y.size(), -9.0f);
          DepthwiseForward(apart, x.data(), c.packed.data(), epilogue, y.data(), pool);
          EXPECT_TRUE(y.GuardsIntact());
          for (size_t i = 0; i < y.size(); ++i) {
            const size_t pixel = i / (channels + 3), channel = i % (channels + 3);
            const bool between = channel >= channels;
            const float expected = between ? -9.0f : want[pixel * channels + channel];
            if (!(std::abs(y[i] - expected) <= (between ? 0 : 1e-5f))) {
              ADD_FAILURE() << "pixel " << pixel << " channel " << channel << ": " << y[i]
                            << ", not " << expected;
              break;
            }
          }
          return Floats(y);
        });
      });
    }
  }
}

// The sum may be written over the residual.
TEST(Depthwise, ResidualInPlace) {
  const Case c(Make(1, 9, 13, 37, 3, 1, 1, 1), 3);
  GuardedBuffer residual(c.dy.size());
  residual.Randomize(9);
  ForEveryTarget([&] {
    GuardedBuffer apart(c.dy.size()), over(c.dy.size());
    std::copy(residual.span().begin(), residual.span().end(), over.data());
    const Epilogue epilogue = {nullptr, Activation::kSwish, 0, residual.data(), c.s.c};
    DepthwiseForward(c.s, c.x.data(), c.packed.data(), epilogue, apart.data(), nullptr);
    Epilogue in_place = epilogue;
    in_place.residual = over.data();
    DepthwiseForward(c.s, c.x.data(), c.packed.data(), in_place, over.data(), nullptr);
    EXPECT_EQ(Floats(apart), Floats(over));
  });
}

// The convolution is linear in x and in w, so that its gradients are sums of the same products.
TEST(Depthwise, InputGradient) {
  for (const DepthwiseShape& s : Shapes()) {
    const Case c(s, 4);
    SCOPED_TRACE(c.Name());
    std::vector<double> want(c.x.size());
    ForEachProduct(s,
                   [&](int64_t x, int64_t w, int64_t y) { want[x] += double{c.w[w]} * c.dy[y]; });
    std::vector<double> twice(want);
    for (size_t i = 0; i < want.size(); ++i) twice[i] += c.x[i];
    ForEveryTarget([&] {
      for (const bool accumulate : {false, true}) {
        const std::vector<float> got = SameForAnyThreads([&](ThreadPool* pool) {
          GuardedBuffer dx(want.size());
          std::copy(c.x.span().begin(), c.x.span().end(), dx.data());
          DepthwiseInputGradient(s, c.dy.data(), c.packed.data(), accumulate, dx.data(), pool);
          EXPECT_TRUE(dx.GuardsIntact());
          return Floats(dx);
        });
        ExpectNear(got, accumulate ? twice : want, 1e-5, "dx");
      }
    });
  }
}

TEST(Depthwise, WeightGradientAdds) {
  std::vector<DepthwiseShape> shapes = Shapes();
  shapes.push_back(Make(37, 4, 4, 70, 3, 1, 1, 1));
  shapes.push_back(Make(20, 9, 9, 24, 3, 2, 1, 1));
  for (const DepthwiseShape& s : shapes) {
    const Case c(s, 5);
    SCOPED_TRACE(c.Name());
    std::vector<double> dw(c.w.span().begin(), c.w.span().end());
    std::vector<double> db(static_cast<size_t>(s.out_c()), 0.5);
    ForEachProduct(s, [&](int64_t x, int64_t w, int64_t y) { dw[w] += double{c.x[x]} * c.dy[y]; });
    for (size_t i = 0; i < c.dy.size(); ++i) db[i % db.size()] += c.dy[i];
    ForEveryTarget([&] {
      const std::vector<float> got = SameForAnyThreads([&](ThreadPool* pool) {
        GuardedBuffer scratch = GuardedBuffer::Aligned(DepthwiseWeightGradientScratchBytes(s));
        scratch.Randomize(6);
        GuardedBuffer to_w(dw.size()), to_b(db.size());
        std::copy(c.w.span().begin(), c.w.span().end(), to_w.data());
        std::fill(to_b.data(), to_b.data() + db.size(), 0.5f);
        DepthwiseWeightGradient(s, c.x.data(), c.dy.data(), to_w.data(), to_b.data(),
                                scratch.data(), pool);
        EXPECT_TRUE(to_w.GuardsIntact() && to_b.GuardsIntact() && scratch.GuardsIntact());
        std::vector<float> both = Floats(to_w);
        both.insert(both.end(), to_b.span().begin(), to_b.span().end());
        return both;
      });
      ExpectNear(std::span(got).first(dw.size()), dw, 2e-5, "dw");
      ExpectNear(std::span(got).subspan(dw.size()), db, 2e-5, "db");
    });
  }
}

TEST(Depthwise, NanGoesThrough) {
  const DepthwiseShape s = Make(1, 3, 3, 20, 3, 1, 1, 1);
  Case c(s, 6);
  c.x[4 * 20 + 19] = std::nanf("");
  ForEveryTarget([&] {
    GuardedBuffer y(c.dy.size());
    DepthwiseForward(s, c.x.data(), c.packed.data(), Epilogue(), y.data(), nullptr);
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i % 20 == 19);
  });
}

}  // namespace
}  // namespace linnet::kernels
