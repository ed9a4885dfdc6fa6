#include "cost/cost.h"

#include <gtest/gtest.h>

namespace linnet {
namespace {

TEST(Cost, CountsByHand) {
  const Graph graph = GraphFromText(R"(linnet-graph 1
x = input(height=8, width=8, channels=4)
a = conv2d(x, out_channels=6, kernel=3, padding=1, bias=true)
b = batch_norm(a)
c = add(a, b)
return c)");
  const Cost cost = CountCost(graph, {.batch = 2});
  EXPECT_EQ(cost.layers[1].params, 6 * 4 * 9 + 6);
  EXPECT_EQ(cost.layers[1].macs, 2 * 8 * 8 * 6 * 4 * 9);
  EXPECT_EQ(cost.layers[1].bytes, 4 * (2 * 64 * 4 + 2 * 64 * 6 + 6 * 4 * 9 + 6));
  EXPECT_EQ(cost.layers[2].params, 12);
  EXPECT_EQ(cost.layers[2].running_stats, 12);
  EXPECT_EQ(cost.macs, cost.layers[1].macs);
  // a, b and c are alive when c is made.
  EXPECT_EQ(cost.peak_activation_bytes, 3 * 2 * 64 * 6 * 4);
}

}  // namespace
}  // namespace linnet
