// Values that live among the channels of others: the same bits as with buffers of their own.
#include "infer/channel_views.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "infer/plan.h"
#include "infer/plan_outputs.h"
#include "random_graph.h"

namespace linnet {
namespace {

using testing::Outputs;

int Copies(const Plan& plan, const std::string& op) {
  int copies = 0;
  for (const StepInfo& step : plan.steps()) copies += step.op == op && step.kernel != "view";
  return copies;
}

// Compares with the plan whose values all lie apart; returns the one with views.
std::unique_ptr<Plan> CheckViews(const Graph& graph, int batch = 2) {
  SCOPED_TRACE(GraphToText(graph));
  const ParamMap params = testing::LivelyParams(graph, 4);
  const auto apart = Compile(graph, params, {.batch = batch, .threads = 3, .channel_views = false});
  auto views = Compile(graph, params, {.batch = batch, .threads = 3});
  EXPECT_GE(views->arena_bytes(), views->arena_lower_bound());
  const std::vector<float> expected = Outputs(*apart, nullptr);
  ThreadPool pool(3);
  for (ThreadPool* p : {static_cast<ThreadPool*>(nullptr), &pool}) {
    const std::vector<float> actual = Outputs(*views, p);
    EXPECT_EQ(expected.size(), actual.size());
    EXPECT_EQ(std::memcmp(expected.data(), actual.data(), expected.size() * sizeof(float)), 0);
  }
  return views;
}

std::unique_ptr<Plan> CheckNodes(const std::string& nodes) {
  return CheckViews(
      GraphFromText("linnet-graph 1\nimage = input(height=7, width=9, channels=20)\n" + nodes));
}

// Spread pixels are walked by tiles, which add in another order.
void CheckSpread(Plan& spread, Plan& apart) {
  const std::vector<float> expected = Outputs(apart, nullptr), actual = Outputs(spread, nullptr);
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], 1e-4 * (1 + std::abs(expected[i])));
  }
}

// A depthwise convolution on 128 channels, whose pixels lie 512 bytes apart, gets its maps spread;
// it then runs by tiles, which add in another order.
TEST(ChannelViews, PixelsOfAPowerOfTwoAreSpread) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=7, width=9, channels=20)\n"
      "a = conv2d(image, out_channels=128, act=relu)\n"
      "b = conv2d(a, out_channels=128, kernel=3, padding=1, groups=128)\n"
      "c = conv2d(b, out_channels=6)\nreturn c\n");
  const ParamMap params = testing::LivelyParams(graph, 4);
  const auto apart = Compile(graph, params, {.channel_views = false});
  const auto spread = Compile(graph, params);
  constexpr size_t kPixels = 7 * 9, kMaps = 2;
  EXPECT_EQ(spread->arena_bytes() - apart->arena_bytes(), kMaps * kPixels * 64);
  EXPECT_EQ(spread->arena_lower_bound(), apart->arena_lower_bound());
  CheckSpread(*spread, *apart);
}

// What could be made in place of its input cannot where its pixels spread and the input's touch.
TEST(ChannelViews, WhatSpreadsIsNotMadeInPlace) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=7, width=9, channels=20)\n"
      "a = conv2d(image, out_channels=128, act=relu)\nn = batch_norm(a)\n"
      "b = conv2d(n, out_channels=128, kernel=3, padding=1, groups=128)\n"
      "c = conv2d(b, out_channels=6)\nreturn c\n");
  const ParamMap params = testing::LivelyParams(graph, 4);
  CheckSpread(*Compile(graph, params), *Compile(graph, params, {.channel_views = false}));
}

// Pixels of a part of 512 channels lie as far apart as those of a whole map whose rows are copied.
TEST(ChannelViews, APartOfManyChannelsGoesThroughDepthwise) {
  for (const char* part : {"end=20", "begin=30, end=62"}) {
    const std::string channels = part[0] == 'e' ? "20" : "32";
    const Graph graph = GraphFromText(
        "linnet-graph 1\nimage = input(height=7, width=9, channels=20)\n"
        "x = conv2d(image, out_channels=512)\ns = slice(x, " +
        std::string(part) + ")\nd = conv2d(s, out_channels=" + channels +
        ", kernel=3, padding=1, groups=" + channels + ")\nreturn d\n");
    const ParamMap params = testing::LivelyParams(graph, 4);
    CheckSpread(*Compile(graph, params), *Compile(graph, params, {.channel_views = false}));
  }
}

// The gate of every picture, where it is a part of others.
TEST(ChannelViews, AGateOfBfloat16MayBeAPart) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=7, width=9, channels=20)\n"
      "x = conv2d(image, out_channels=8)\np = global_pool(x)\ne = conv2d(p, out_channels=16)\n"
      "s = slice(e, end=8)\nm = mul(x, s)\ny = conv2d(m, out_channels=4)\nreturn y\n");
  const ParamMap params = testing::LivelyParams(graph, 4);
  CompileOptions options{.batch = 3, .precision = Precision::kBf16};
  const auto views = Compile(graph, params, options);
  options.channel_views = false;
  EXPECT_EQ(Outputs(*views, nullptr), Outputs(*Compile(graph, params, options), nullptr));
}

// What lies between the pixels of a part is not read: here it is infinite.
TEST(ChannelViews, SplitProductsReadThePartOnly) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=7, width=9, channels=20)\n"
      "x = conv2d(image, out_channels=32)\ns = slice(x, begin=12)\n"
      "r = conv2d(s, out_channels=4)\nreturn r\n");
  ParamMap params = testing::LivelyParams(graph, 4);
  params.at("x.weight").data()[0] = INFINITY;  // of channel 0
  const auto plan = Compile(graph, params, {.precision = Precision::kBf16x3});
  for (const float number : Outputs(*plan, nullptr)) ASSERT_TRUE(std::isfinite(number));
}

TEST(ChannelViews, ConcatOfBranches) {
  const auto plan = CheckNodes(
      "a = conv2d(image, out_channels=5)\nb = conv2d(image, out_channels=13, kernel=3, padding=1)\n"
      "p = pool(image, kernel=3, stride=1, padding=1)\nc = concat(a, b, p)\n"
      "d = conv2d(c, out_channels=6)\nreturn d\n");
  EXPECT_EQ(Copies(*plan, "concat"), 0);
}

TEST(ChannelViews, ADenseBlockGrowsInOneBuffer) {
  const auto plan = CheckNodes(
      "x0 = conv2d(image, out_channels=16)\n"
      "n1 = batch_norm(x0)\nr1 = activation(n1)\nc1 = conv2d(r1, out_channels=5)\n"
      "x1 = concat(x0, c1)\n"
      "n2 = batch_norm(x1)\nr2 = activation(n2)\nc2 = conv2d(r2, out_channels=5)\n"
      "x2 = concat(x1, c2)\n"
      "n3 = batch_norm(x2)\nr3 = activation(n3)\nc3 = conv2d(r3, out_channels=5)\n"
      "x3 = concat(x2, c3)\nn4 = batch_norm(x3)\ng = global_pool(n4)\nreturn g\n");
  EXPECT_EQ(Copies(*plan, "concat"), 0);
}

TEST(ChannelViews, SliceThenConvolveThenShuffle) {
  const auto plan = CheckNodes(
      "x = conv2d(image, out_channels=22)\n"
      "a = slice(x, end=11)\nb = slice(x, begin=11)\nc = conv2d(b, out_channels=11)\n"
      "y = concat(a, c)\ns = channel_shuffle(y, groups=2)\n"
      "d = slice(s, end=11)\ne = slice(s, begin=11)\nf = conv2d(e, out_channels=11)\n"
      "z = concat(d, f)\nt = channel_shuffle(z, groups=2)\nu = conv2d(t, out_channels=3)\n"
      "return u\n");
  EXPECT_EQ(Copies(*plan, "slice"), 0);
}

TEST(ChannelViews, CopiesWhereAReaderOrAWriterRefuses) {
  // Global pooling reads pixels that touch; a depthwise layer writes them so; 'a' is an output.
  const auto plan = CheckNodes(
      "a = conv2d(image, out_channels=6)\nb = conv2d(image, out_channels=6)\n"
      "g = global_pool(b)\nd = conv2d(image, out_channels=20, kernel=3, padding=1, groups=20)\n"
      "c = concat(a, b, d, image)\nr = conv2d(c, out_channels=4)\ns = slice(c, begin=3, end=9)\n"
      "h = global_pool(s)\nreturn r, a, g, h\n");
  EXPECT_EQ(Copies(*plan, "concat"), 1);
  EXPECT_EQ(Copies(*plan, "slice"), 1);
}

TEST(ChannelViews, TheSameValueTwiceAndInTwoPlaces) {
  CheckNodes(
      "a = conv2d(image, out_channels=6)\nb = concat(a, a)\nc = concat(b, a)\n"
      "d = batch_norm(c)\ne = concat(d, c, b)\ns = slice(e, begin=5, end=20)\n"
      "f = concat(s, a, s)\nr = conv2d(f, out_channels=4)\nt = conv2d(e, out_channels=4)\n"
      "u = add(r, t)\nreturn u, f\n");
}

TEST(ChannelViews, WritesInPlaceAroundThem) {
  CheckNodes(
      "a = conv2d(image, out_channels=6)\nb = batch_norm(a)\nc = concat(b, image)\n"
      "s = slice(c, begin=2, end=8)\nd = batch_norm(c)\ne = activation(d, kind=elu)\n"
      "f = conv2d(s, out_channels=26)\ng = add(e, f)\nh = concat(g, s)\ni = batch_norm(h)\n"
      "return i\n");
}

// Convolutions, norms, joins and parts of maps of one size.
Graph RandomJoins(uint64_t seed) {
  Rng rng(seed);
  Graph graph;
  graph.Emit("image", Input{5, 6, 9});
  for (int i = 0; i < 18; ++i) {
    const std::vector<Shape> shapes = InferShapes(graph);
    const auto pick = [&] {
      const uint32_t count = static_cast<uint32_t>(graph.nodes.size());
      return static_cast<Value>(rng.Coin(0.5f) ? count - 1 : rng.Below(count));
    };
    const Value x = pick();
    const int channels = static_cast<int>(shapes[x].c());
    const std::string name = "n" + std::to_string(i);
    const uint32_t kind = rng.Below(8);
    if (kind < 3 && channels < 120) {
      std::vector<Value> parts = {x, pick()};
      if (rng.Coin(0.5f)) parts.push_back(pick());
      graph.Emit(name, Concat{}, parts);
    } else if (kind == 3 && channels > 1) {
      const int begin = static_cast<int>(rng.Below(channels - 1));
      const int end = begin + 1 + static_cast<int>(rng.Below(channels - begin));
      graph.Emit(name, Slice{Axis::kChannel, begin, end == channels ? 0 : end}, {x});
    } else if (kind == 4) {
      graph.Emit(name, BatchNorm{}, {x});
    } else if (kind == 5) {
      graph.Emit(name, Act{testing::RandomActivation(rng), 0.2f}, {x});
    } else {
      const int kernel = rng.Coin(0.4f) ? 3 : 1;
      graph.Emit(name,
                 Conv2d{.out_channels = 1 + static_cast<int>(rng.Below(20)),
                        .kernel = {kernel, kernel},
                        .padding = Padding::All(kernel / 2)},
                 {x});
    }
  }
  graph.outputs = {static_cast<Value>(graph.nodes.size()) - 1};
  if (rng.Coin(0.3f)) graph.outputs.push_back(static_cast<Value>(1 + rng.Below(16)));
  return graph;
}

TEST(ChannelViews, RandomJoins) {
  for (uint64_t seed = 0; seed < 150 && !HasFailure(); ++seed) CheckViews(RandomJoins(seed));
}

}  // namespace
}  // namespace linnet
