// Elementwise kernels against their definitions in double, on every target, for 1, 2 and 3 threads.
#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include <complex>
#include <vector>

#include "base/error.h"
#include "kernels/every_target.h"
#include "kernels/guarded_buffer.h"
#include "kernels/optimizer.h"

namespace linnet::kernels {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

constexpr int kActivations = static_cast<int>(std::size(kActivationNames));

struct Random : GuardedBuffer {
  Random(size_t count, uint64_t seed, float low = -1, float high = 1) : GuardedBuffer(count) {
    Randomize(seed, low, high);
  }
};

Doubles Plus(Doubles a, const GuardedBuffer& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

// act and act' (complex step) at x.
double Act(int kind, double x) { return Activate(static_cast<Activation>(kind), 0.2f, x); }
double Slope(int kind, double x) {
  return Activate(static_cast<Activation>(kind), 0.2f, std::complex<double>(x, 1e-100)).imag() *
         1e100;
}

TEST(Elementwise, Activations) {
  for (const size_t n : {1, 3, 31, 1000, 40000}) {
    const Random x(n, 1, -8, 8), b(n, 2, -2, 2), dy(n, 3);
    for (int kind = 0; kind < kActivations; ++kind) {
      const Activation act = static_cast<Activation>(kind);
      Doubles y(n), sum(n), dx(n), dsum(n);
      for (size_t i = 0; i < n; ++i) {
        // The kernels add in float.
        const float s = x[i] + b[i];
        y[i] = Act(kind, x[i]), sum[i] = Act(kind, s);
        dx[i] = dy[i] * Slope(kind, x[i]), dsum[i] = dy[i] * Slope(kind, s);
      }
      const int64_t count = static_cast<int64_t>(n);
      SCOPED_TRACE(kActivationNames[kind]);
      ForEveryTarget([&] {
        ExpectNear(WrittenOver(x,
                               [&](float* to, ThreadPool* pool) {  // in place
                                 ActivationForward(count, act, 0.2f, to, to, pool);
                               }),
                   y, 1e-5, "act(x)");
        ExpectNear(WrittenOver(dy,
                               [&](float* to, ThreadPool* pool) {
                                 AddForward({count}, {count}, x.data(), b.data(), 1, act, 0.2f, to,
                                            pool);
                               }),
                   sum, 1e-5, "act(a + b)");
        for (const bool add : {false, true}) {
          ExpectNear(WrittenOver(b,
                                 [&](float* to, ThreadPool* pool) {
                                   ActivationBackward(count, act, 0.2f, x.data(), dy.data(), add,
                                                      to, pool);
                                 }),
                     add ? Plus(dx, b) : dx, 1e-5, "act'(x) dy");
        }
        ExpectNear(WrittenOver(dy,
                               [&](float* to, ThreadPool* pool) {
                                 AddBackward({count}, {count}, x.data(), b.data(), 1, act, 0.2f, to,
                                             to, pool);
                               }),
                   dsum, 1e-5, "act'(a + b) dy");
      });
    }
  }
}

TEST(Elementwise, Bias) {
  for (const auto& [rows, channels] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {3, 5}, {130, 67}, {2000, 40}, {7, 20000}}) {
    const size_t n = static_cast<size_t>(rows * channels);
    const Random x(n, 1), bias(static_cast<size_t>(channels), 2);
    Doubles y(n), plain(n), sums(bias.span().begin(), bias.span().end());
    for (size_t i = 0; i < n; ++i) {
      plain[i] = Activate<double>(Activation::kRelu, 0, x[i]);
      y[i] = Activate<double>(Activation::kRelu, 0, x[i] + bias[i % bias.size()]);
      sums[i % bias.size()] += x[i];
    }
    ForEveryTarget([&] {
      for (const bool with : {true, false}) {
        ExpectNear(WrittenOver(x,
                               [&](float* to, ThreadPool* pool) {
                                 BiasActivation(rows, channels, x.data(),
                                                with ? bias.data() : nullptr, Activation::kRelu, 0,
                                                to, pool);
                               }),
                   with ? y : plain, 1e-6, "relu(x + bias)");
      }
      ExpectNear(WrittenOver(bias,
                             [&](float* to, ThreadPool* pool) {
                               GuardedBuffer scratch =
                                   GuardedBuffer::Aligned(BiasGradientScratchBytes(rows, channels));
                               BiasGradient(rows, channels, x.data(), to, scratch.data(), pool);
                               EXPECT_TRUE(scratch.GuardsIntact());
                             }),
                 sums, 1e-5, "sums");
    });
  }
}

TEST(Elementwise, Accumulate) {
  for (const size_t n : {1, 37, 50000}) {
    const Random x(n, 1), y(n, 2);
    const Doubles want = Plus(Doubles(x.span().begin(), x.span().end()), y);
    ForEveryTarget([&] {
      ExpectNear(WrittenOver(y,
                             [&](float* to, ThreadPool* pool) {
                               Accumulate(static_cast<int64_t>(n), x.data(), to, pool);
                             }),
                 want, 1e-6, "sum");
    });
  }
}

TEST(Elementwise, MulBroadcasts) {
  const Shape a_shape = {2, 5, 7, 19};
  const size_t n = static_cast<size_t>(a_shape.elements());
  const Random a(n, 1), dy(n, 2), before(n, 3);
  for (int mask = 0; mask < 16; ++mask) {
    Shape b_shape = a_shape;
    for (int i = 0; i < 4; ++i) {
      if (mask >> i & 1) b_shape[i] = 1;
    }
    SCOPED_TRACE(b_shape.ToString());
    const Random b(static_cast<size_t>(b_shape.elements()), 4);
    const Random b_before(b.size(), 5);
    Doubles y(n), da(n), db(b.size());
    for (size_t i = 0; i < n; ++i) {
      size_t at = 0, rest = i, index[4];
      for (int k = 3; k >= 0; --k) {
        index[k] = rest % static_cast<size_t>(a_shape[k]);
        rest /= static_cast<size_t>(a_shape[k]);
      }
      for (int k = 0; k < 4; ++k) {
        at = at * static_cast<size_t>(b_shape[k]) + (b_shape[k] == 1 ? 0 : index[k]);
      }
      y[i] = double{a[i]} * b[at];
      da[i] = double{dy[i]} * b[at];
      db[at] += double{dy[i]} * a[i];
    }
    ForEveryTarget([&] {
      ExpectNear(WrittenOver(before,
                             [&](float* to, ThreadPool* pool) {
                               MulForward(a_shape, b_shape, a.data(), b.data(), to, pool);
                             }),
                 y, 1e-6, "a b");
      for (const bool add : {false, true}) {
        ExpectNear(WrittenOver(before,
                               [&](float* to, ThreadPool* pool) {
                                 MulBackward(a_shape, b_shape, a.data(), b.data(), dy.data(), add,
                                             to, false, nullptr, pool);
                               }),
                   add ? Plus(da, before) : da, 1e-6, "da");
        ExpectNear(WrittenOver(b_before,
                               [&](float* to, ThreadPool* pool) {
                                 MulBackward(a_shape, b_shape, a.data(), b.data(), dy.data(), false,
                                             nullptr, add, to, pool);
                               }),
                   add ? Plus(db, b_before) : db, 1e-5, "db");
      }
    });
  }
  EXPECT_THROW(MulForward({1, 2, 2, 3}, {1, 1, 1, 2}, nullptr, nullptr, nullptr, nullptr), Error);
}

// Gates of an image where work is cut inside of images, too: a run of rows is at most 16384 floats.
TEST(Elementwise, MulByGatesOfLargeMaps) {
  const Shape a_shape = {2, 40, 33, 16}, b_shape = {2, 1, 1, 16};
  const size_t n = static_cast<size_t>(a_shape.elements()), image = n / 2;
  const Random a(n, 1), dy(n, 2), b(32, 4), before(n, 3);
  Doubles y(n), da(n);
  for (size_t i = 0; i < n; ++i) {
    const double gate = b[i / image * 16 + i % 16];
    y[i] = double{a[i]} * gate;
    da[i] = double{dy[i]} * gate;
  }
  ForEveryTarget([&] {
    ExpectNear(WrittenOver(before,
                           [&](float* to, ThreadPool* pool) {
                             MulForward(a_shape, b_shape, a.data(), b.data(), to, pool);
                           }),
               y, 1e-6, "a b");
    ExpectNear(WrittenOver(before,
                           [&](float* to, ThreadPool* pool) {
                             MulBackward(a_shape, b_shape, a.data(), b.data(), dy.data(), false, to,
                                         false, nullptr, pool);
                           }),
               da, 1e-6, "da");
  });
}

TEST(Elementwise, MulOfLowRank) {
  const Random a(6, 1), b(3, 2);
  Doubles want(6);
  for (size_t i = 0; i < 6; ++i) want[i] = double{a[i]} * b[i % 3];
  ExpectNear(WrittenOver(a,
                         [&](float* to, ThreadPool* pool) {
                           MulForward({2, 3}, {3}, a.data(), b.data(), to, pool);
                         }),
             want, 1e-6, "a b");
}

// Softmax of one row in double.
Doubles SoftmaxOf(const float* x, int64_t n) {
  Doubles y;
  double sum = 0, most = x[0];
  for (int64_t i = 0; i < n; ++i) most = std::max<double>(most, x[i]);
  for (int64_t i = 0; i < n; ++i) y.push_back(std::exp(x[i] - most)), sum += y.back();
  for (double& v : y) v /= sum;
  return y;
}

const std::vector<std::pair<int64_t, int64_t>> kRows = {
    {1, 1}, {3, 2}, {128, 10}, {50, 37}, {40, 1001}};

TEST(Elementwise, Softmax) {
  for (const auto& [rows, classes] : kRows) {
    const size_t n = static_cast<size_t>(rows * classes);
    const Random x(n, 1, -30, 40), dy(n, 2), before(n, 3);
    Doubles y, dx(n);
    for (int64_t r = 0; r < rows; ++r) {
      const Doubles row = SoftmaxOf(x.data() + r * classes, classes);
      y.insert(y.end(), row.begin(), row.end());
    }
    GuardedBuffer y_float(n);
    for (size_t i = 0; i < n; ++i) y_float[i] = static_cast<float>(y[i]);
    for (size_t i = 0; i < n; ++i) {
      const size_t row = i / static_cast<size_t>(classes) * static_cast<size_t>(classes);
      double dot = 0;
      for (size_t k = row; k < row + static_cast<size_t>(classes); ++k) dot += y[k] * dy[k];
      dx[i] = y[i] * (dy[i] - dot);
    }
    ForEveryTarget([&] {
      ExpectNear(
          WrittenOver(
              x, [&](float* to, ThreadPool* pool) { SoftmaxForward(rows, classes, to, to, pool); }),
          y, 2e-6, "softmax");
      for (const bool add : {false, true}) {
        ExpectNear(WrittenOver(before,
                               [&](float* to, ThreadPool* pool) {
                                 SoftmaxBackward(rows, classes, y_float.data(), dy.data(), add, to,
                                                 pool);
                               }),
                   add ? Plus(dx, before) : dx, 2e-6, "softmax'");
      }
    });
  }
}

TEST(Elementwise, CrossEntropy) {
  for (const auto& [rows, classes] : kRows) {
    const size_t n = static_cast<size_t>(rows * classes);
    const Random x(n, 1, -20, 20);
    std::vector<int32_t> labels;
    for (int64_t r = 0; r < rows; ++r) labels.push_back(static_cast<int32_t>(r * 7 % classes));
    for (const float smoothing : {0.0f, 0.1f}) {
      Doubles losses, gradient;
      double mean = 0;
      for (int64_t r = 0; r < rows; ++r) {
        const Doubles p = SoftmaxOf(x.data() + r * classes, classes);
        double loss = 0;
        for (int64_t k = 0; k < classes; ++k) {
          const double q = (1.0 - smoothing) * (k == labels[r]) + double{smoothing} / classes;
          if (q > 0) loss -= q * std::log(p[k]);
          gradient.push_back((p[k] - q) / rows);
        }
        losses.push_back(loss);
        mean += loss / rows;
      }
      ForEveryTarget([&] {
        const Floats got = SameForAnyThreads([&](ThreadPool* pool) {
          GuardedBuffer each(losses.size()), g(n);
          const double total = SoftmaxCrossEntropy(rows, classes, x.data(), labels.data(),
                                                   smoothing, each.data(), g.data(), pool);
          EXPECT_NEAR(total, mean, 1e-5 * (1 + mean));
          EXPECT_TRUE(each.GuardsIntact() && g.GuardsIntact());
          Floats both(each.span().begin(), each.span().end());
          both.insert(both.end(), g.span().begin(), g.span().end());
          return both;
        });
        ExpectNear(std::span(got).first(losses.size()), losses, 1e-5, "loss");
        ExpectNear(std::span(got).subspan(losses.size()), gradient, 1e-6, "gradient");
      });
    }
  }
  const float x[2] = {0, 0};
  const int32_t label = 2;
  float loss, g[2];
  EXPECT_THROW(SoftmaxCrossEntropy(1, 2, x, &label, 0, &loss, g, nullptr), Error);
}

TEST(Elementwise, Dropout) {
  for (const size_t n : {1, 3, 50, 40007}) {
    const Random x(n, 1, 1, 2), before(n, 2);
    for (const float rate : {0.0f, 0.2f, 0.999f}) {
      Doubles want(n);
      size_t kept = 0;
      for (size_t i = 0; i < n; ++i) {
        const bool keep = DropoutKeeps(11, i, rate);
        kept += keep;
        want[i] = keep ? x[i] / (1.0 - rate) : 0;
      }
      if (n > 1000) {
        EXPECT_NEAR(static_cast<double>(kept) / static_cast<double>(n), 1 - rate, 0.01);
      }
      ForEveryTarget([&] {
        const int64_t count = static_cast<int64_t>(n);
        ExpectNear(
            WrittenOver(
                x, [&](float* to, ThreadPool* pool) { Dropout(count, rate, 11, to, to, pool); }),
            want, 1e-4, "y");
        ExpectNear(WrittenOver(before,
                               [&](float* to, ThreadPool* pool) {
                                 DropoutBackward(count, rate, 11, x.data(), true, to, pool);
                               }),
                   Plus(want, before), 1e-4, "dx");
      });
    }
  }
  int differ = 0;
  for (uint64_t i = 0; i < 1000; ++i)
    differ += DropoutKeeps(1, i, 0.5f) != DropoutKeeps(2, i, 0.5f);
  EXPECT_NEAR(differ, 500, 80);
}

TEST(Elementwise, CopyChannels) {
  const int64_t rows = 1111, from_channels = 21, to_channels = 30, width = 17;
  const Random from(static_cast<size_t>(rows * from_channels), 1);
  const Random before(static_cast<size_t>(rows * to_channels), 2);
  Doubles copied(before.span().begin(), before.span().end()), added = copied;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) {
      const float v = from[static_cast<size_t>(r * from_channels + 4 + i)];
      copied[static_cast<size_t>(r * to_channels + 13 + i)] = v;
      added[static_cast<size_t>(r * to_channels + 13 + i)] += v;
    }
  }
  ForEveryTarget([&] {
    for (const bool add : {false, true}) {
      ExpectNear(WrittenOver(before,
                             [&](float* to, ThreadPool* pool) {
                               CopyChannels(rows, width, from.data(), from_channels, 4, to,
                                            to_channels, 13, add, pool);
                             }),
                 add ? added : copied, 1e-6, "channels");
    }
  });
}

TEST(Optimizer, Sgd) {
  for (const size_t n : {1, 29, 40001}) {
    const Random g(n, 1), v(n, 2), w(n, 3);
    for (const bool nesterov : {false, true}) {
      for (const float momentum : {0.0f, 0.9f}) {
        Doubles want_v(n), want_w(n);
        for (size_t i = 0; i < n; ++i) {
          const double gradient = g[i] + 0.01 * w[i];
          want_v[i] = double{momentum} * v[i] + gradient;
          const double step = nesterov ? gradient + double{momentum} * want_v[i] : want_v[i];
          want_w[i] = w[i] - 0.1 * step;
        }
        const SgdArgs args = {0.1f, momentum, 0.01f, nesterov};
        ForEveryTarget([&] {
          GuardedBuffer got_v(n);
          const Floats got_w = WrittenOver(w, [&](float* to, ThreadPool* pool) {
            std::copy(v.span().begin(), v.span().end(), got_v.data());
            SgdStep(static_cast<int64_t>(n), args, g.data(), got_v.data(), to, pool);
          });
          ExpectNear(got_v.span(), want_v, 1e-6, "v");
          ExpectNear(got_w, want_w, 1e-6, "w");
          if (momentum == 0) {
            ExpectNear(WrittenOver(w,
                                   [&](float* to, ThreadPool* pool) {
                                     SgdStep(static_cast<int64_t>(n), args, g.data(), nullptr, to,
                                             pool);
                                   }),
                       want_w, 1e-6, "w without v");
          }
        });
      }
    }
  }
}

TEST(Optimizer, Ema) {
  for (const size_t n : {1, 29, 40001}) {
    const Random w(n, 1), ema(n, 2);
    Doubles want(n);
    for (size_t i = 0; i < n; ++i) want[i] = 0.99 * ema[i] + 0.01 * w[i];
    ForEveryTarget([&] {
      ExpectNear(WrittenOver(ema,
                             [&](float* to, ThreadPool* pool) {
                               EmaStep(static_cast<int64_t>(n), 0.99f, w.data(), to, pool);
                             }),
                 want, 1e-6, "ema");
    });
  }
}

}  // namespace
}  // namespace linnet::kernels
