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

// Multiply-adds are those of what is run; parameters those of the whole graph.
TEST(Cost, AuxiliaryHeadsCountInTrainingOnly) {
  const std::string nodes = R"(linnet-graph 1
x = input(height=8, width=8, channels=4)
a = conv2d(x, out_channels=6, kernel=3, padding=1)
p = global_pool(a)
f = flatten(p)
aux = dense(f, out_features=5)
g = flatten(a)
fc = dense(g, out_features=5)
)";
  const int64_t conv = 8 * 8 * 6 * 4 * 9, aux = 6 * 5, fc = 8 * 8 * 6 * 5;
  const Cost with = CountCost(GraphFromText(nodes + "return fc, aux*0.3"));
  EXPECT_EQ(with.macs, conv + fc);
  EXPECT_EQ(with.training_macs, conv + aux + fc);
  EXPECT_EQ(with.params, 6 * 4 * 9 + (aux + 5) + (fc + 5));
  const Cost both = CountCost(GraphFromText(nodes + "return fc, aux"));
  EXPECT_EQ(both.macs, conv + aux + fc);
  EXPECT_EQ(both.training_macs, conv + aux + fc);
}

}  // namespace
}  // namespace linnet
