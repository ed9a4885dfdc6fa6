// Weighted sums of pixels against plain loops, on every target.
#include "kernels/taps.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/every_target.h"
#include "kernels/guarded_buffer.h"

namespace linnet::kernels {
namespace {

using Doubles = std::vector<double>;

Taps SomeTaps(int count, int64_t channels) {
  const int64_t pixels[] = {3, 0, 3, 4};  // one of them twice
  Taps taps;
  for (int i = 0; i < count; ++i) taps.Add(pixels[i] * channels, 0.25f * static_cast<float>(i + 1));
  return taps;
}

TEST(Taps, GatherScatterAndDots) {
  for (const int64_t channels : {1, 3, 8, 17, 130}) {
    for (int count = 0; count <= 4; ++count) {
      SCOPED_TRACE(testing::Message() << channels << " channels, " << count << " taps");
      const Taps taps = SomeTaps(count, channels);
      const auto size = static_cast<size_t>(channels);
      GuardedBuffer map(5 * size), g(size);
      map.Randomize(1);
      g.Randomize(2);
      Doubles gathered(size), scattered(map.span().begin(), map.span().end()), dots(4, 1);
      for (int i = 0; i < count; ++i) {
        for (size_t c = 0; c < size; ++c) {
          const size_t at = static_cast<size_t>(taps.offset[i]) + c;
          gathered[c] += 2.0 * taps.weight[i] * map[at];
          scattered[at] += 2.0 * taps.weight[i] * g[c];
          dots[static_cast<size_t>(i)] += 1.0 * map[at] * g[c];
        }
      }
      ForEveryTarget([&] {
        const TapsTable& table = GetTaps();
        GuardedBuffer to(size), sums(4);
        table.gather(taps, map.data(), channels, 2, to.data());
        ExpectNear(to.span(), gathered, 1e-6, "gathered");
        std::fill_n(sums.data(), 4, 1.0f);
        table.dots(taps, map.data(), g.data(), channels, sums.data());
        ExpectNear(sums.span(), dots, 1e-5, "dots");
        GuardedBuffer sum(map.size());
        std::copy(map.span().begin(), map.span().end(), sum.data());
        table.scatter(taps, g.data(), channels, 2, sum.data());
        ExpectNear(sum.span(), scattered, 1e-6, "scattered");
        EXPECT_TRUE(to.GuardsIntact() && sums.GuardsIntact() && sum.GuardsIntact());
      });
    }
  }
}

}  // namespace
}  // namespace linnet::kernels
