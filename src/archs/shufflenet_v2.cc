// ShuffleNet V2: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture
// Design", 1807.11164. Names as torchvision's shufflenet_v2.
//
// The authors' code shuffles at the beginning of a unit, torchvision at its end: the same networks,
// with the weights in another order. This is torchvision's. The paper's ShuffleNetV2-50 and
// SE-ShuffleNetV2-164 are left out: its appendix gives 2.3G and 12.7G, and stages from which the
// counts cannot be had.
#include <algorithm>
#include <cmath>

#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct ShuffleNetV2Options {
  double width = 1;
  bool small_input = false;
  float dropout = 0;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("width", self.width, "0.5, 1, 1.5, 2: the paper's table; else a share of 1's channels");
    v("small_input", self.small_input, "stem of stride 1 without pooling, for 32x32 or so");
    v("dropout", self.dropout, "dropout before the classifier (the authors: 0.2 at width 2)");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Table 5.
struct Widths {
  double width;
  int stages[3];
  int conv5;
};
constexpr Widths kWidths[] = {
    {0.5, {48, 96, 192}, 1024},
    {1.0, {116, 232, 464}, 1024},
    {1.5, {176, 352, 704}, 1024},
    {2.0, {244, 488, 976}, 2048},
};
constexpr int kRepeats[] = {4, 8, 4};

Widths WidthsOf(double width) {
  for (const Widths& row : kWidths) {
    if (row.width == width) return row;
  }
  const int half = std::max(1, static_cast<int>(std::lround(58 * width)));
  return {width, {2 * half, 4 * half, 8 * half}, 1024};
}

// 1x1, depthwise 3x3, 1x1.
Value RightBranch(Graph& graph, Value x, const std::string& name, int channels, int stride) {
  x = ConvBnAct(graph, x, NumberedNames(name, 0), SquareConv(channels, 1), Activation::kRelu);
  x = ConvBnAct(graph, x, NumberedNames(name, 3), SquareConv(channels, 3, stride, channels),
                Activation::kIdentity);
  return ConvBnAct(graph, x, NumberedNames(name, 5), SquareConv(channels, 1), Activation::kRelu);
}

// Figure 3 d: depthwise 3x3, 1x1.
Value LeftBranch(Graph& graph, Value x, const std::string& name, int in, int channels) {
  x = ConvBnAct(graph, x, NumberedNames(name, 0), SquareConv(in, 3, 2, in), Activation::kIdentity);
  return ConvBnAct(graph, x, NumberedNames(name, 2), SquareConv(channels, 1), Activation::kRelu);
}

// Figure 3 c: half of the channels pass by. Figure 3 d, where a stage begins: nothing is split.
Value Unit(Graph& graph, Value x, const std::string& name, int in, int out, bool first) {
  const int half = out / 2;
  Value left = x, right = x;
  if (first) {
    left = LeftBranch(graph, x, name + ".branch1", in, half);
  } else {
    left = graph.Emit(name + ".left", Slice{.begin = 0, .end = half}, {x});
    right = graph.Emit(name + ".right", Slice{.begin = half}, {x});
  }
  right = RightBranch(graph, right, name + ".branch2", half, first ? 2 : 1);
  x = graph.Emit(name + ".concat", Concat{}, {left, right});
  return graph.Emit(name + ".shuffle", ChannelShuffle{2}, {x});
}

Graph Build(const ShuffleNetV2Options& options) {
  ExpectOption("shufflenet_v2", "width", options.width, 0.1, 8);
  ExpectOption("shufflenet_v2", "dropout", options.dropout, 0, 0.99);
  const Widths widths = WidthsOf(options.width);
  Graph graph;
  Value x = EmitInput(graph, options.common);
  int channels = 24;
  x = ConvBnAct(graph, x, NumberedNames("conv1"),
                SquareConv(channels, 3, options.small_input ? 1 : 2), Activation::kRelu);
  if (!options.small_input) {
    x = graph.Emit("maxpool", Pool{.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::All(1)},
                   {x});
  }
  for (int stage = 0; stage < 3; ++stage) {
    for (int i = 0; i < kRepeats[stage]; ++i) {
      const std::string name = fmt::format("stage{}.{}", stage + 2, i);
      x = Unit(graph, x, name, channels, widths.stages[stage], i == 0);
      channels = widths.stages[stage];
    }
  }
  x = ConvBnAct(graph, x, NumberedNames("conv5"), SquareConv(widths.conv5, 1), Activation::kRelu);
  graph.outputs = {Classifier(graph, x, "fc", options.common.classes, options.dropout)};
  return graph;
}

// Accuracy: the paper's, table 8. torchvision's weights have 60.55, 69.36, 73.00 and 76.23.
const std::vector<Variant> kVariants = {
    {"width=0.5", 1366792, 40476448, 60.3, 0, "1807.11164 table 8"},
    {"width=1", 2278604, 144907992, 69.4, 0, "1807.11164 table 8"},
    {"width=1.5", 3503624, 295759392, 72.6, 0, "1807.11164 table 8"},
    {"width=2", 7393996, 583253464, 74.9, 0, "1807.11164 table 8"},
};

}  // namespace

LINNET_FAMILY(shufflenet_v2) {
  return {MakeArch<ShuffleNetV2Options>({.name = "shufflenet_v2",
                                         .title = "channel split, guided by measured speed",
                                         .paper = "1807.11164",
                                         .variants = kVariants},
                                        Build)};
}

}  // namespace linnet
