// Steps that run by turns, with strips in place of the maps between them: the same bits as one
// step after the other.
#include "infer/bands.h"

#include <gtest/gtest.h>

#include <cstring>

#include "infer/plan.h"
#include "infer/plan_outputs.h"
#include "kernels/every_target.h"
#include "random_graph.h"

namespace linnet {
namespace {

using testing::Outputs;

// Compares with the plan that has no bands; whether there were strips shows in the memory.
void CheckBandsOfTarget(const Graph& graph, bool strips) {
  const ParamMap params = testing::LivelyParams(graph, 4);
  const auto whole = Compile(graph, params, {.threads = 1, .bands = false});
  const std::vector<float> expected = Outputs(*whole, nullptr);
  for (const int threads : {1, 2, 3, 5}) {
    SCOPED_TRACE(threads);
    const auto bands = Compile(graph, params, {.threads = threads});
    EXPECT_GE(bands->arena_bytes(), bands->arena_lower_bound());
    if (threads == 1) {
      EXPECT_EQ(bands->arena_bytes() < whole->arena_bytes(), strips);
    }
    ThreadPool pool(threads);
    for (ThreadPool* p : {static_cast<ThreadPool*>(nullptr), &pool}) {
      const std::vector<float> actual = Outputs(*bands, p);
      ASSERT_EQ(expected.size(), actual.size());
      EXPECT_EQ(std::memcmp(expected.data(), actual.data(), expected.size() * sizeof(float)), 0);
    }
    std::vector<double> seconds(bands->steps().size(), -1.0);
    const auto twin = bands->Twin();
    EXPECT_EQ(Outputs(*twin, &pool), expected);
    const std::vector<float> input(static_cast<size_t>(bands->input_shape().elements()));
    bands->RunTimed(input.data(), &pool, seconds);
    for (const double of_step : seconds) EXPECT_GE(of_step, 0);
  }
}

void CheckBands(const Graph& graph, bool strips) {
  SCOPED_TRACE(GraphToText(graph));
  kernels::ForEveryTarget([&] { CheckBandsOfTarget(graph, strips); });
}

void CheckNodes(const std::string& input, const std::string& nodes, bool strips = true) {
  CheckBands(GraphFromText("linnet-graph 1\nimage = input(" + input + ")\n" + nodes), strips);
}

TEST(Bands, ExpandThenDepthwiseThenProject) {
  for (const char* depthwise :
       {"kernel=3, padding=1", "kernel=3, padding=1, stride=2", "kernel=5, padding=2",
        "kernel=5, padding=2, stride=2", "kernel=3, padding=0", "kernel=3, padding=2, dilation=2",
        "kernel=7, padding=3"}) {
    CheckNodes(
        "height=61, width=53, channels=9",
        std::string("a = conv2d(image, out_channels=70, act=relu6)\n"
                    "b = conv2d(a, out_channels=70, groups=70, bias=true, act=hard_swish, ") +
            depthwise + ")\nc = conv2d(b, out_channels=11, act=swish)\nreturn c\n");
  }
}

// Pixels of 128 channels are spread over the cache: strips have pixels further apart, too.
TEST(Bands, PixelsThatAreSpread) {
  CheckNodes("height=40, width=47, channels=16",
             "a = conv2d(image, out_channels=128, act=relu)\n"
             "b = conv2d(a, out_channels=128, kernel=3, padding=1, groups=128, act=relu)\n"
             "c = conv2d(b, out_channels=128, act=relu)\n"
             "d = conv2d(c, out_channels=128, kernel=3, stride=2, padding=1, groups=128)\n"
             "e = conv2d(d, out_channels=6)\nreturn e\n");
}

TEST(Bands, FirstLayer) {
  CheckNodes("height=155, width=167, channels=3",
             "a = conv2d(image, out_channels=32, kernel=3, stride=2, padding=1, act=swish)\n"
             "b = conv2d(a, out_channels=32, kernel=3, padding=1, groups=32, act=relu)\n"
             "c = conv2d(b, out_channels=16)\nreturn c\n");
}

TEST(Bands, ResidualAndGate) {
  CheckNodes("height=65, width=53, channels=16",
             "a = conv2d(image, out_channels=16)\n"
             "b = conv2d(a, out_channels=96, act=relu)\n"
             "c = conv2d(b, out_channels=96, kernel=3, padding=1, groups=96)\n"
             "p = global_pool(c)\ng = conv2d(p, out_channels=96, act=hard_sigmoid)\n"
             "m = mul(c, g)\nd = conv2d(m, out_channels=16)\ns = add(d, a)\nreturn s\n");
}

// Eleven steps whose strips take several megabytes even with the lowest bands.
TEST(Bands, ALongChain) {
  CheckNodes("height=90, width=112, channels=16",
             "a = conv2d(image, out_channels=96, act=relu)\n"
             "b = conv2d(a, out_channels=96, kernel=3, padding=1, groups=96, act=relu)\n"
             "c = conv2d(b, out_channels=96, act=relu)\n"
             "d = conv2d(c, out_channels=96, kernel=3, padding=1, groups=96, act=relu)\n"
             "e = conv2d(d, out_channels=96, act=relu)\n"
             "f = conv2d(e, out_channels=96, kernel=3, stride=2, padding=1, groups=96)\n"
             "g = conv2d(f, out_channels=128, act=relu)\n"
             "h = conv2d(g, out_channels=128, kernel=3, padding=1, groups=128, act=relu)\n"
             "i = conv2d(h, out_channels=128, act=relu)\n"
             "j = conv2d(i, out_channels=128, kernel=3, stride=2, padding=1, groups=128)\n"
             "k = conv2d(j, out_channels=6)\nreturn k\n");
}

// What is read twice, or by the caller, exists as a whole.
TEST(Bands, NoStripWhereAMapIsReadTwice) {
  CheckNodes("height=65, width=53, channels=9",
             "a = conv2d(image, out_channels=80)\n"
             "b = conv2d(a, out_channels=80, kernel=3, padding=1, groups=80)\n"
             "s = add(a, b)\nt = add(s, b)\nreturn t, a\n",
             false);
}

TEST(Bands, SmallMapsHaveNone) {
  CheckNodes("height=9, width=7, channels=9",
             "a = conv2d(image, out_channels=80)\n"
             "b = conv2d(a, out_channels=80, kernel=3, padding=1, groups=80)\nreturn b\n",
             false);
}

}  // namespace
}  // namespace linnet
