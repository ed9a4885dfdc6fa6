// Pooling against plain loops in double, on every target, for 1, 2 and 3 threads.
#include "kernels/pool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/every_target.h"
#include "kernels/guarded_buffer.h"

namespace linnet::kernels {
namespace {

using Doubles = std::vector<double>;

PoolShape Make(int64_t n, int64_t h, int64_t w, int64_t c, int k, int stride, int before, int after,
               int64_t out_h, int64_t out_w, bool count_pad = false) {
  PoolShape s;
  s.n = n, s.h = h, s.w = w, s.c = c;
  s.out_h = out_h, s.out_w = out_w;
  s.kernel_h = s.kernel_w = k;
  s.stride_h = s.stride_w = stride;
  s.pad_top = s.pad_left = before;
  s.pad_bottom = s.pad_right = after;
  s.count_include_pad = count_pad;
  return s;
}

const std::vector<PoolShape> kShapes = {
    Make(1, 1, 1, 1, 1, 1, 0, 0, 1, 1), Make(2, 4, 6, 6, 2, 2, 0, 0, 2, 3),
    Make(3, 7, 8, 16, 3, 2, 1, 1, 4, 4), Make(3, 7, 8, 16, 3, 2, 1, 1, 4, 4, true),
    Make(1, 9, 5, 33, 3, 1, 1, 1, 9, 5, true), Make(1, 9, 5, 140, 3, 1, 1, 1, 9, 5),
    Make(2, 6, 6, 7, 3, 2, 0, 0, 3, 3),        // ceil: the last window hangs over
    Make(2, 6, 6, 7, 3, 2, 0, 0, 3, 3, true),  // the overhang is not padding
    Make(1, 5, 7, 20, 2, 3, 0, 1, 2, 3, true), Make(1, 7, 7, 5, 7, 7, 0, 0, 1, 1),
    // Rows of more windows than are made at a time; windows of one and two rows.
    Make(1, 4, 23, 35, 3, 1, 1, 1, 4, 23), Make(2, 3, 43, 18, 3, 2, 1, 1, 2, 22),
    Make(1, 1, 20, 5, 3, 2, 2, 2, 2, 11), Make(1, 2, 2, 9, 3, 1, 1, 1, 2, 2)};

// Calls f(output index, channel, elements of the window in order, divisor), indices into the
// tensors.
template <class F>
void ForEachWindow(const PoolShape& s, F&& f) {
  for (int64_t out = 0; out < s.n * s.out_h * s.out_w * s.c; ++out) {
    const int64_t c = out % s.c, ox = out / s.c % s.out_w, oy = out / s.c / s.out_w % s.out_h;
    const int64_t image = out / s.c / s.out_w / s.out_h;
    std::vector<size_t> window;
    int64_t padded = 0;
    for (int ky = 0; ky < s.kernel_h; ++ky) {
      for (int kx = 0; kx < s.kernel_w; ++kx) {
        const int64_t y = oy * s.stride_h - s.pad_top + ky, x = ox * s.stride_w - s.pad_left + kx;
        padded += y < s.h + s.pad_bottom && x < s.w + s.pad_right;
        if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
        window.push_back(static_cast<size_t>(((image * s.h + y) * s.w + x) * s.c + c));
      }
    }
    f(static_cast<size_t>(out), window,
      s.count_include_pad ? static_cast<double>(padded) : static_cast<double>(window.size()));
  }
}

// Small whole numbers, so that equal maxima are common.
void Coarsen(GuardedBuffer& x) {
  for (float& v : x.span()) v = std::floor(v);
}

TEST(Pool, ForwardAndBackward) {
  for (const PoolShape& s : kShapes) {
    SCOPED_TRACE(testing::Message() << s.h << "x" << s.w << "x" << s.c << " k" << s.kernel_h << " s"
                                    << s.stride_h << " p" << s.pad_top);
    GuardedBuffer x(static_cast<size_t>(s.n * s.h * s.w * s.c));
    GuardedBuffer dy(static_cast<size_t>(s.n * s.out_h * s.out_w * s.c));
    x.Randomize(1, -3, 3);
    dy.Randomize(2);
    Coarsen(x);
    Doubles max(dy.size()), average(dy.size()), dmax(x.size()), daverage(x.size());
    Doubles picked(dy.size()), picked_added(dy.size());
    GuardedBuffer other(x.size());
    other.Randomize(3);
    ForEachWindow(s, [&](size_t out, const std::vector<size_t>& window, double divisor) {
      size_t best = window[0];
      for (const size_t at : window) {
        if (x[at] > x[best]) best = at;
        average[out] += x[at] / divisor;
        daverage[at] += dy[out] / divisor;
      }
      max[out] = x[best];
      picked[out] = other[best];
      picked_added[out] = other[best] + dy[out];
      dmax[best] += dy[out];
    });
    Doubles dmax_added = dmax, daverage_added = daverage;
    for (size_t i = 0; i < x.size(); ++i) dmax_added[i] += x[i], daverage_added[i] += x[i];
    ForEveryTarget([&] {
      ExpectNear(
          WrittenOver(dy, [&](float* to, ThreadPool* p) { MaxPoolForward(s, x.data(), to, p); }),
          max, 0, "max");
      ExpectNear(WrittenOver(
                     dy, [&](float* to, ThreadPool* p) { AveragePoolForward(s, x.data(), to, p); }),
                 average, 1e-6, "average");
      for (const bool add : {false, true}) {
        ExpectNear(WrittenOver(x,
                               [&](float* to, ThreadPool* p) {
                                 MaxPoolBackward(s, x.data(), dy.data(), add, to, p);
                               }),
                   add ? dmax_added : dmax, 1e-6, "max'");
        ExpectNear(
            WrittenOver(x, [&](float* to,
                               ThreadPool* p) { AveragePoolBackward(s, dy.data(), add, to, p); }),
            add ? daverage_added : daverage, 1e-6, "average'");
        ExpectNear(WrittenOver(dy,
                               [&](float* to, ThreadPool* p) {
                                 PickAtMaxima(s, x.data(), other.data(), add, to, p);
                               }),
                   add ? picked_added : picked, 1e-6, "picked");
      }
    });
  }
}

TEST(Pool, Global) {
  for (const GlobalPoolShape& s : std::vector<GlobalPoolShape>{
           {1, 1, 1}, {2, 49, 5}, {3, 16, 64}, {1, 3000, 33}, {5, 7, 300}, {2, 12, 1024}}) {
    GuardedBuffer x(static_cast<size_t>(s.n * s.pixels * s.c)), dy(static_cast<size_t>(s.n * s.c));
    x.Randomize(1, -100, 100);
    dy.Randomize(2);
    Coarsen(x);
    Doubles max(dy.size(), -1e9), average(dy.size()), dmax(x.size()), daverage(x.size());
    std::vector<size_t> best(dy.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t c = static_cast<size_t>(s.c), pixels = static_cast<size_t>(s.pixels);
      const size_t out = i / c / pixels * c + i % c;
      if (x[i] > max[out]) max[out] = x[i], best[out] = i;
      average[out] += x[i] / static_cast<double>(pixels);
      daverage[i] = dy[out] / static_cast<double>(pixels);
    }
    for (size_t i = 0; i < dy.size(); ++i) dmax[best[i]] = dy[i];
    Doubles dmax_added = dmax, daverage_added = daverage;
    for (size_t i = 0; i < x.size(); ++i) dmax_added[i] += x[i], daverage_added[i] += x[i];
    ForEveryTarget([&] {
      ExpectNear(
          WrittenOver(dy, [&](float* to, ThreadPool* p) { GlobalMaxForward(s, x.data(), to, p); }),
          max, 0, "max");
      GuardedBuffer scratch(static_cast<size_t>(GlobalAverageScratch(s)));
      ExpectNear(WrittenOver(dy,
                             [&](float* to, ThreadPool* p) {
                               GlobalAverageForward(s, x.data(), to, scratch.data(), p);
                             }),
                 average, 1e-5, "average");
      for (const bool add : {false, true}) {
        ExpectNear(WrittenOver(x,
                               [&](float* to, ThreadPool* p) {
                                 GlobalMaxBackward(s, x.data(), dy.data(), add, to, p);
                               }),
                   add ? dmax_added : dmax, 1e-6, "max'");
        ExpectNear(
            WrittenOver(x, [&](float* to,
                               ThreadPool* p) { GlobalAverageBackward(s, dy.data(), add, to, p); }),
            add ? daverage_added : daverage, 1e-6, "average'");
      }
    });
  }
}

TEST(Pool, NanIsTheMaximum) {
  const PoolShape s = Make(1, 2, 3, 17, 2, 1, 0, 0, 1, 2);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  GuardedBuffer x(2 * 3 * 17), dy(2 * 17);
  x.Randomize(1);
  std::fill(dy.data(), dy.data() + dy.size(), 1.0f);
  x[17 + 16] = nan;  // middle of the first row, last channel: in both windows
  ForEveryTarget([&] {
    GuardedBuffer y(dy.size()), dx(x.size());
    MaxPoolForward(s, x.data(), y.data(), nullptr);
    MaxPoolBackward(s, x.data(), dy.data(), false, dx.data(), nullptr);
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i % 17 == 16) << i;
    EXPECT_EQ(dx[17 + 16], 2);
  });
}

// Wherever it stands in windows that share columns.
TEST(Pool, NanIsInEveryWindowThatHoldsIt) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const int stride : {1, 2}) {
    const int64_t out_h = stride == 1 ? 3 : 2, out_w = stride == 1 ? 7 : 4;
    const PoolShape s = Make(1, 3, 7, 3, 3, stride, 1, 1, out_h, out_w);
    for (int64_t at = 0; at < 3 * 7; ++at) {
      GuardedBuffer x(3 * 7 * 3), y(static_cast<size_t>(out_h * out_w * 3));
      x.Randomize(1);
      x[static_cast<size_t>(at * 3 + 1)] = nan;
      ForEveryTarget([&] {
        MaxPoolForward(s, x.data(), y.data(), nullptr);
        for (int64_t i = 0; i < out_h * out_w; ++i) {
          const int64_t dy = i / out_w * stride - at / 7, dx = i % out_w * stride - at % 7;
          const bool holds = std::abs(dy) <= 1 && std::abs(dx) <= 1;
          EXPECT_EQ(std::isnan(y[static_cast<size_t>(i * 3 + 1)]), holds) << at << " " << i;
          EXPECT_FALSE(std::isnan(y[static_cast<size_t>(i * 3)])) << at << " " << i;
        }
      });
    }
  }
}

TEST(Pool, NotANumberIsTheMaximumOfChannels) {
  for (const int64_t channels : {3, 8, 19, 40}) {
    for (int64_t at = 0; at < channels; ++at) {
      GuardedBuffer x(static_cast<size_t>(channels)), y(1);
      x.Randomize(1);
      x[static_cast<size_t>(at)] = std::numeric_limits<float>::quiet_NaN();
      ForEveryTarget([&] {
        ChannelMaxForward(1, channels, x.data(), y.data(), nullptr);
        EXPECT_TRUE(std::isnan(y[0])) << channels << " " << at;
      });
      // The gradient goes where the answer came from.
      GuardedBuffer dx(static_cast<size_t>(channels));
      y[0] = 1;
      ChannelMaxBackward(1, channels, x.data(), y.data(), false, dx.data(), nullptr);
      for (int64_t c = 0; c < channels; ++c) EXPECT_EQ(dx[static_cast<size_t>(c)], c == at) << c;
    }
  }
}

// A window that holds no element of the map.
TEST(Pool, EmptyWindowIsZero) {
  const PoolShape s = Make(1, 2, 2, 3, 2, 3, 0, 4, 2, 2);
  GuardedBuffer x(12), y(12), dx(12);
  x.Randomize(1, 1, 2);
  ForEveryTarget([&] {
    MaxPoolForward(s, x.data(), y.data(), nullptr);
    for (size_t i = 0; i < 12; ++i) EXPECT_EQ(y[i] == 0, i >= 3) << i;
    AveragePoolForward(s, x.data(), y.data(), nullptr);
    for (size_t i = 0; i < 12; ++i) EXPECT_EQ(y[i] == 0, i >= 3) << i;
    // Only the first output's gradient has pixels to go to.
    std::fill(y.span().begin(), y.span().end(), 1.0f);
    const auto expect_one = [&](const char* what) {
      for (size_t c = 0; c < 3; ++c) {
        EXPECT_NEAR(dx[c] + dx[3 + c] + dx[6 + c] + dx[9 + c], 1, 1e-6) << what << " " << c;
      }
    };
    MaxPoolBackward(s, x.data(), y.data(), false, dx.data(), nullptr);
    expect_one("max");
    AveragePoolBackward(s, y.data(), false, dx.data(), nullptr);
    expect_one("average");
  });
}

}  // namespace
}  // namespace linnet::kernels
