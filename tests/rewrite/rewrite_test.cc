#include "rewrite/rewrite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "random_graph.h"

namespace linnet {
namespace {

// Weights are rounded once more by folding: a few units in the last place of float32.
constexpr double kTolerance = 3e-6;

Graph FromNodes(const std::string& nodes) {
  return GraphFromText("linnet-graph 1\nimage = input(height=6, width=5, channels=8)\n" + nodes);
}

// What the network answers: its outputs without auxiliary heads.
std::vector<RefTensor<double>> Results(const Graph& graph, const ParamMap& params,
                                       const RefTensor<double>& input) {
  std::vector<RefTensor<double>> results;
  const auto outputs = RunReference(graph, params, input);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (graph.outputs[i].auxiliary == 0) results.push_back(outputs[i]);
  }
  return results;
}

// Runs both and compares every result; returns the rewritten network's text of nodes.
std::string RewriteAndCompare(const Graph& graph, const RewriteOptions& options = {}) {
  const ParamMap params = testing::LivelyParams(graph, 5);
  const ParamMap before = [&] {
    ParamMap copy;
    for (const auto& [name, tensor] : params) copy[name] = tensor.Clone();
    return copy;
  }();
  const Network network = Rewrite(graph, params, options);
  EXPECT_EQ(GraphFromText(GraphToText(network.graph)), network.graph);
  CheckParams(network.graph, network.params);
  const RefTensor<double> input = testing::RandomInput(InferShapes(graph)[0], 6);
  const auto expected = Results(graph, params, input);
  const auto actual = Results(network.graph, network.params, input);
  EXPECT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(actual[i].shape, expected[i].shape);
    EXPECT_LT(testing::RelativeDifference(actual[i].data.data(), expected[i]), kTolerance)
        << GraphToText(graph) << "became\n"
        << GraphToText(network.graph);
  }
  for (const auto& [name, tensor] : before) {  // the caller's numbers are untouched
    EXPECT_EQ(std::memcmp(tensor.data(), params.at(name).data(), tensor.bytes()), 0) << name;
  }
  const std::string text = GraphToText(network.graph);
  const size_t first = text.find("image = ");
  return text.substr(text.find('\n', first) + 1);
}

TEST(Rewrite, FoldsAndFusesASeparableBlock) {
  const Graph graph = FromNodes(
      "dw = conv2d(image, out_channels=8, kernel=3, padding=1, groups=8)\n"
      "dw_bn = batch_norm(dw)\n"
      "dw_relu = activation(dw_bn, kind=relu6)\n"
      "pw = conv2d(dw_relu, out_channels=12, bias=true)\n"
      "pw_bn = batch_norm(pw, affine=false)\n"
      "pw_relu = activation(pw_bn, kind=leaky_relu, alpha=0.3)\n"
      "pool = global_pool(pw_relu)\n"
      "flat = flatten(pool)\n"
      "drop = dropout(flat)\n"
      "fc = dense(drop, out_features=3)\n"
      "fc_bn = batch_norm(fc)\n"
      "fc_act = activation(fc_bn, kind=tanh)\n"
      "return fc_act\n");
  EXPECT_EQ(RewriteAndCompare(graph),
            "dw = conv2d(image, out_channels=8, kernel=3,3, padding=1, groups=8, bias=true, "
            "act=relu6)\n"
            "pw = conv2d(dw, out_channels=12, bias=true, act=leaky_relu, act_alpha=0.3)\n"
            "pool = global_pool(pw)\n"
            "flat = flatten(pool)\n"
            "fc = dense(flat, out_features=3, act=tanh)\n"
            "return fc\n");
}

TEST(Rewrite, FoldsOneBatchNormAfterAnother) {
  EXPECT_EQ(RewriteAndCompare(FromNodes("c = conv2d(image, out_channels=4)\nb = batch_norm(c)\n"
                                        "b2 = batch_norm(b)\nb3 = batch_norm(b2)\n"
                                        "return b3, b2\n")),
            "c = conv2d(image, out_channels=4, bias=true)\nb3 = batch_norm(c)\nreturn b3, c\n");
}

TEST(Rewrite, LeavesWhatCannotBeFolded) {
  const char* const unchanged[] = {
      // The convolution is read twice, or is an output.
      "c = conv2d(image, out_channels=8)\nb = batch_norm(c)\na = concat(b, c)\nreturn a\n",
      "c = conv2d(image, out_channels=8)\nb = batch_norm(c)\nreturn b, c\n",
      // Batch norm behind something else, or behind an activation.
      "p = pool(image)\nb = batch_norm(p)\nreturn b\n",
      "b = batch_norm(image)\nc = conv2d(b, out_channels=4, kernel=3, padding=1)\nreturn c\n",
      "c = conv2d(image, out_channels=4, act=relu)\nb = batch_norm(c)\nreturn b\n",
      // The residual comes before the batch norm.
      "c = conv2d(image, image, out_channels=8, residual=true)\nb = batch_norm(c)\nreturn b\n",
      // A second activation; activations of several readers.
      "c = conv2d(image, out_channels=4, act=relu)\na = activation(c, kind=tanh)\nreturn a\n",
      "c = conv2d(image, out_channels=4)\na = activation(c)\nreturn a, c\n",
      "p = pool(image)\na = activation(p)\nreturn a\n",
      // Additions without a convolution that is theirs alone.
      "p = pool(image, kernel=1, stride=1)\na = add(p, image)\nreturn a\n",
      "c = conv2d(image, out_channels=8)\na = add(c, c)\nreturn a\n",
      "c = conv2d(image, out_channels=8)\na = add(c, image)\nreturn a, c\n",
      "c = conv2d(image, out_channels=8, act=relu)\na = add(c, image)\nreturn a\n",
      // Sums that are scaled, or in which one side is repeated.
      "c = conv2d(image, out_channels=8)\na = add(c, image, scale=0.3)\nreturn a\n",
      "g = global_pool(image)\nc = conv2d(g, out_channels=8)\na = add(image, c)\nreturn a\n",
      "c = conv2d(image, out_channels=1)\na = add(c, image)\nreturn a\n",
      "g = global_pool(image)\nc = conv2d(image, out_channels=8)\na = add(g, c)\nreturn a\n",
  };
  for (const char* nodes : unchanged) {
    const Graph graph = FromNodes(nodes);
    const std::string text = GraphToText(graph);
    RewriteAndCompare(graph);
    EXPECT_EQ(GraphToText(Rewrite(graph, InitParams(graph, 1)).graph), text);
  }
}

TEST(Rewrite, FusesResiduals) {
  // An inverted residual; the addition's other side is known first.
  EXPECT_EQ(RewriteAndCompare(FromNodes("e = conv2d(image, out_channels=16)\n"
                                        "p = conv2d(e, out_channels=8)\n"
                                        "bn = batch_norm(p)\n"
                                        "s = add(bn, image)\n"
                                        "r = activation(s, kind=relu)\n"
                                        "t = conv2d(r, out_channels=2)\n"
                                        "return t\n")),
            "e = conv2d(image, out_channels=16)\n"
            "p = conv2d(e, image, out_channels=8, bias=true, residual=true, act=relu)\n"
            "t = conv2d(p, out_channels=2)\n"
            "return t\n");
  // The convolution stands before what is added to it and moves behind it.
  EXPECT_EQ(RewriteAndCompare(FromNodes("c = conv2d(image, out_channels=8)\n"
                                        "p = pool(image, kernel=3, stride=1, padding=1)\n"
                                        "s = add(c, p)\n"
                                        "return s\n")),
            "p = pool(image, kernel=3,3, stride=1,1, padding=1)\n"
            "c = conv2d(image, p, out_channels=8, residual=true)\n"
            "return c\n");
  // Two candidates: the later one takes the sum.
  EXPECT_EQ(RewriteAndCompare(FromNodes("c = conv2d(image, out_channels=8)\n"
                                        "d = conv2d(image, out_channels=8)\n"
                                        "s = add(c, d)\n"
                                        "t = add(s, image)\n"
                                        "return t\n")),
            "c = conv2d(image, out_channels=8)\n"
            "d = conv2d(image, c, out_channels=8, residual=true)\n"
            "t = add(d, image)\n"
            "return t\n");
}

// Scale and repetition stay where an activation is fused: act(a + scale * b).
TEST(Rewrite, FusesActivationsIntoAnySum) {
  EXPECT_EQ(RewriteAndCompare(FromNodes("c = conv2d(image, out_channels=8)\n"
                                        "s = add(image, c, scale=0.17)\n"
                                        "r = activation(s)\n"
                                        "g = global_pool(r)\n"
                                        "t = add(g, r)\n"
                                        "u = activation(t, kind=sigmoid)\n"
                                        "return u\n")),
            "c = conv2d(image, out_channels=8)\n"
            "s = add(image, c, scale=0.17, act=relu)\n"
            "g = global_pool(s)\n"
            "t = add(g, s, act=sigmoid)\n"
            "return t\n");
}

// A layer on bytes has no activation to float32.
TEST(Rewrite, LeavesActivationsBesideLayersOnBytes) {
  const Graph graph = FromNodes(
      "q = activation(image, kind=identity) : u8(scale=0.5, zero_point=3)\n"
      "g = global_pool(q) : u8(scale=0.5, zero_point=3)\n"
      "f = flatten(g) : u8(scale=0.5, zero_point=3)\n"
      "fc = dense(f, out_features=2)\nr = activation(fc)\nreturn r\n");
  const Network network = Rewrite(graph, InitParams(graph, 3), {});
  EXPECT_EQ(network.graph, graph);
}

// GoogLeNet's heads: gone where the network runs, with all that only they read and their
// parameters; there in training.
TEST(Rewrite, DropsAuxiliaryHeads) {
  const Graph graph = FromNodes(
      "c = conv2d(image, out_channels=8)\n"
      "p = global_pool(c)\n"
      "f = flatten(p)\n"
      "aux = dense(f, out_features=3)\n"
      "d = conv2d(c, out_channels=4)\n"
      "g = flatten(d)\n"
      "fc = dense(g, out_features=3)\n"
      "return fc, aux*0.3\n");
  EXPECT_EQ(RewriteAndCompare(graph),
            "c = conv2d(image, out_channels=8)\n"
            "d = conv2d(c, out_channels=4)\n"
            "g = flatten(d)\n"
            "fc = dense(g, out_features=3)\n"
            "return fc\n");
  const Network network = Rewrite(graph, InitParams(graph, 1));
  EXPECT_TRUE(network.params.contains("fc.weight"));
  EXPECT_FALSE(network.params.contains("aux.weight"));
  EXPECT_EQ(RewriteForTraining(graph), graph);
}

TEST(Rewrite, DropsDropoutAndUnused) {
  EXPECT_EQ(RewriteAndCompare(FromNodes("d = dropout(image)\n"
                                        "aux = conv2d(d, out_channels=3)\n"
                                        "i = activation(d, kind=identity)\n"
                                        "r = activation(i)\n"
                                        "e = drop_path(r)\n"
                                        "return e, r, d\n")),
            "r = activation(image)\nreturn r, r, image\n");
}

TEST(Rewrite, EachPassCanBeSwitchedOff) {
  const Graph graph = FromNodes(
      "unused = pool(image)\n"
      "head = global_pool(image)\n"
      "c = conv2d(image, out_channels=8)\nb = batch_norm(c)\nr = activation(b)\n"
      "d = dropout(r)\ne = conv2d(d, out_channels=8)\ns = add(e, d)\nreturn s, head*0.5\n");
  std::vector<std::string> texts = {RewriteAndCompare(graph)};
  RewriteOptions all;
  for (const Pass& pass : Passes()) {
    // fuse_lookup acts on bytes, of which this graph has none (tests/infer/int8_plan_test.cc).
    if (std::string_view(pass.name) != "fuse_lookup") {
      texts.push_back(RewriteAndCompare(graph, {{pass.name}}));
    }
    all.disable.push_back(pass.name);
  }
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(std::unique(texts.begin(), texts.end()), texts.end());  // each makes a difference
  EXPECT_EQ(Rewrite(graph, InitParams(graph, 1), all).graph, graph);
  EXPECT_THROW(Rewrite(graph, InitParams(graph, 1), {{"fold"}}), Error);
  EXPECT_THROW(Rewrite(graph, {}), Error);
}

TEST(Rewrite, RandomGraphsStayEquivalent) {
  std::map<std::string, int> fewer;  // nodes removed, by operation
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const Graph graph = testing::RandomGraph(seed);
    RewriteAndCompare(graph);
    const Network network = Rewrite(graph, InitParams(graph, 1));
    for (const Node& node : graph.nodes) ++fewer[OpName(node.op)];
    for (const Node& node : network.graph.nodes) --fewer[OpName(node.op)];
    if (HasFailure()) break;
  }
  for (const char* op : {"batch_norm", "activation", "add", "dropout"}) {
    EXPECT_GT(fewer[op], 10) << op;
  }
}

TEST(Rewrite, TrainingKeepsEveryParameter) {
  const Graph graph = FromNodes(
      "c = conv2d(image, out_channels=8)\nb = batch_norm(c)\nr = activation(b)\n"
      "d = dropout(r)\ne = conv2d(d, out_channels=8)\nf = activation(e)\n"
      "s = add(f, d)\nt = activation(s, kind=swish)\nreturn t\n");
  EXPECT_EQ(
      GraphToText(RewriteForTraining(graph)),
      GraphToText(FromNodes("c = conv2d(image, out_channels=8)\nb = batch_norm(c, act=relu)\n"
                            "d = dropout(b)\ne = conv2d(d, out_channels=8)\nf = activation(e)\n"
                            "s = add(f, d, act=swish)\nreturn s\n")));
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Graph random = testing::RandomGraph(seed);
    const Graph rewritten = RewriteForTraining(random);
    const ParamMap params = testing::LivelyParams(random, 3);
    ParamMap fresh = InitParams(rewritten, 1);
    ASSERT_TRUE(std::equal(params.begin(), params.end(), fresh.begin(), fresh.end(),
                           [](const auto& a, const auto& b) { return a.first == b.first; }));
    const RefTensor<double> input = testing::RandomInput(InferShapes(random)[0], 6);
    const auto expected = RunReference(random, params, input);
    const auto actual = RunReference(rewritten, params, input);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_LT(testing::RelativeDifference(actual[i].data.data(), expected[i]), 1e-12);
    }
  }
}

}  // namespace
}  // namespace linnet
