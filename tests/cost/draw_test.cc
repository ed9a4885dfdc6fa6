#include "cost/draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

const Graph& Residual() {
  static const Graph graph = GraphFromText(R"(linnet-graph 1
name tiny
image = input(height=8, width=8, channels=4)
stem = conv2d(image, out_channels=8, kernel=3, stride=2, padding=1)
bn = batch_norm(stem)
relu = activation(bn, kind=relu6)
block.0.dw = conv2d(relu, out_channels=8, kernel=3, padding=1, groups=8)
block.0.pw = conv2d(block.0.dw, out_channels=8)
block.1.dw = conv2d(block.0.pw, out_channels=8, kernel=3, padding=1, groups=8)
sum = add(relu, block.1.dw)
pool = global_pool(sum)
flat = flatten(pool)
fc = dense(flat, out_features=10)
return fc)");
  return graph;
}

TEST(Draw, BlocksFollowNames) {
  const Cost cost = CountCost(Residual());
  std::vector<std::string> names;
  int64_t params = 0, macs = 0;
  for (const BlockRange& block : Blocks(Residual(), cost)) {
    names.push_back(block.name);
    params += block.params;
    macs += block.macs;
  }
  EXPECT_THAT(names,
              testing::ElementsAre("image", "stem", "block.0", "block.1", "sum", "pool", "fc"));
  EXPECT_EQ(params, cost.params);
  EXPECT_EQ(macs, cost.macs);
}

TEST(Draw, Table) {
  const std::string table = DrawTable(Residual(), CountCost(Residual()));
  EXPECT_THAT(table, HasSubstr("\nstem     conv 3x3 s2          4x4x8      288  4608    57.5\n"));
  EXPECT_THAT(table, HasSubstr("\n  dw     depthwise 3x3        4x4x8 "));
  EXPECT_THAT(table, HasSubstr("\n  pw     pointwise            4x4x8 "));
  EXPECT_THAT(table, HasSubstr("\nrelu     relu6 "));
  EXPECT_THAT(table, HasSubstr("\ntotal "));
}

TEST(Draw, TableWithAnAuxiliaryHead) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nx = input(height=4, width=4)\nf = flatten(x)\n"
      "fc = dense(f, out_features=3)\naux = dense(f, out_features=1)\nreturn fc, aux*0.3\n");
  const std::string table = DrawTable(graph, CountCost(graph));
  EXPECT_THAT(table, ContainsRegex("147 +144 +75.0"));  // of all rows, the head's among them
  EXPECT_THAT(table, ContainsRegex("\ntotal +196 +192"));
  EXPECT_THAT(table, ContainsRegex("\nwithout auxiliary heads +144 +75.0"));
}

TEST(Draw, Json) {
  const Cost cost = CountCost(Residual());
  const auto json = DrawJson(Residual(), cost);
  EXPECT_EQ(json["macs"], cost.macs);
  EXPECT_EQ(json["layers"].size(), Residual().nodes.size());
  EXPECT_EQ(json["layers"][1].dump(),
            R"({"name":"stem","op":"conv2d","output":[1,4,4,8],"params":288,"macs":4608})");
}

TEST(Draw, DotHasEveryEdge) {
  const std::string dot = DrawDot(Residual(), CountCost(Residual()));
  EXPECT_THAT(dot, HasSubstr("subgraph \"cluster_block.0\""));
  EXPECT_THAT(dot, HasSubstr("\"relu\" -> \"sum\" [label=\"4x4x8\"]"));
  EXPECT_THAT(dot, HasSubstr("\"block.1.dw\" -> \"sum\""));
}

TEST(Draw, SvgHasARowABlockAndEscapes) {
  Graph graph = Residual();
  graph.name = "a<b&c";
  const std::string svg = DrawSvg(graph, CountCost(graph));
  EXPECT_THAT(svg, testing::StartsWith("<svg "));
  EXPECT_THAT(svg, HasSubstr("a&lt;b&amp;c: "));
  EXPECT_THAT(svg, HasSubstr("block.0: depthwise 3x3, pointwise</text>"));
  // The value that is read further on: an arc.
  EXPECT_THAT(svg, testing::ContainsRegex("<path d=\"M[0-9]+ [0-9]+C"));
  EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
}

}  // namespace
}  // namespace linnet
