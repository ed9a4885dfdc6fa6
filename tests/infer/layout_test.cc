#include "infer/layout.h"

#include <gtest/gtest.h>

#include "infer/channel_views.h"

namespace linnet {
namespace {

// image -> a -> b -> c with c also reading a.
Graph Branch() {
  return GraphFromText(
      "linnet-graph 1\nimage = input()\na = activation(image)\nb = activation(a)\n"
      "c = add(b, a)\nreturn c\n");
}

TEST(Layout, InPlaceOnlyWhereNobodyReadsLater) {
  std::vector<NodeMemory> nodes(4, {.bytes = 1000, .in_place = true});
  nodes[0] = {.bytes = 1000, .external = true};
  const Layout layout = PlanLayout(Branch(), nodes, PlaceApart(nodes));
  EXPECT_EQ(layout.value[0], Layout::kExternal);
  EXPECT_FALSE(layout.in_place[1]);  // the input is the caller's
  EXPECT_FALSE(layout.in_place[2]);  // 'a' is read by 'c'
  EXPECT_TRUE(layout.in_place[3]);
  EXPECT_NE(layout.value[1], layout.value[2]);
  EXPECT_EQ(layout.value[2], layout.value[3]);
  EXPECT_EQ(layout.bytes, 2048u);
  EXPECT_EQ(layout.peak_bytes, 2000u);
}

TEST(Layout, AViewKeepsItsSourceFromBeingOverwritten) {
  std::vector<NodeMemory> nodes(4, {.bytes = 1000, .in_place = true});
  nodes[0] = {.bytes = 1000, .external = true};
  nodes[2].view = true;  // b is a view of a
  const Layout layout = PlanLayout(Branch(), nodes, PlaceApart(nodes));
  EXPECT_EQ(layout.value[1], layout.value[2]);
  EXPECT_TRUE(layout.in_place[3]);  // nobody reads a or b after c
  Graph graph = Branch();
  graph.outputs.push_back(1);
  EXPECT_FALSE(PlanLayout(graph, nodes, PlaceApart(nodes)).in_place[3]);  // now a is an output
}

TEST(Layout, ScratchOverlapsNothingInUse) {
  std::vector<NodeMemory> nodes(4, {.bytes = 1000, .scratch_bytes = 500});
  nodes[0].external = true;
  const Layout layout = PlanLayout(Branch(), nodes, PlaceApart(nodes));
  for (int i = 1; i < 4; ++i) {
    for (const Value value : {i, i - 1}) {
      if (value == 0) continue;
      const bool apart = layout.scratch[i] >= layout.value[value] + 1000 ||
                         layout.value[value] >= layout.scratch[i] + 500;
      EXPECT_TRUE(apart) << i;
    }
  }
  EXPECT_EQ(layout.peak_bytes, 3500u);
}

}  // namespace
}  // namespace linnet
