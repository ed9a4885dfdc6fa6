// MobileNet V2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
// 1801.04381. Names as torchvision's mobilenet_v2.
#include <algorithm>

#include "archs/arch.h"
#include "archs/inverted_residual.h"

namespace linnet {
namespace {

struct MobileNetV2Options {
  double width = 1;
  bool small_input = false;
  int output_stride = 0;
  PaddingRule padding = PaddingRule::kSymmetric;
  float dropout = 0.2f;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("width", self.width, "width multiplier: share of the channels, to the nearest 8");
    v("small_input", self.small_input, "first two strides 1, for pictures of 32x32 or so");
    v("output_stride", self.output_stride, "8, 16: dilation from there on; 0: all strides");
    v("padding", self.padding, "symmetric (PyTorch) or same (TensorFlow)");
    v("dropout", self.dropout, "dropout before the classifier");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Table 2: n blocks of c channels with expansion t, the first with stride s.
struct Stage {
  int t, c, n, s;
};
constexpr Stage kBody[] = {
    {1, 16, 1, 1},   //
    {6, 24, 2, 2},   //
    {6, 32, 3, 2},   //
    {6, 64, 4, 2},   //
    {6, 96, 3, 1},   //
    {6, 160, 3, 2},  //
    {6, 320, 1, 1},
};

// <block>.conv.0.0, 0.1 and so on; the projection and its norm are not grouped.
InvertedResidualNames Names(const std::string& block, const InvertedResidual& parts) {
  InvertedResidualNames names{.block = block};
  int count = 0;
  const auto next = [&] { return fmt::format("{}.conv.{}", block, count++); };
  if (parts.expands()) names.expand = NumberedNames(next());
  names.depthwise = NumberedNames(next());
  names.project.conv = next();
  names.project.bn = next();
  return names;
}

Graph Build(const MobileNetV2Options& options) {
  ExpectOption("mobilenet_v2", "width", options.width, 0.01, 8);
  ExpectOption("mobilenet_v2", "dropout", options.dropout, 0, 0.99);
  ExpectOutputStride("mobilenet_v2", options.output_stride);
  Strides strides{.skip = options.small_input ? 2 : 0, .output_stride = options.output_stride};
  int channels = MakeDivisible(32 * options.width);
  int count = 0;
  const auto next = [&] { return fmt::format("features.{}", count++); };

  Graph graph;
  Value x = EmitInput(graph, options.common);
  x = ConvBnAct(graph, x, NumberedNames(next()),
                SquareConv(channels, 3, strides.Next(2).stride, 1, 1, options.padding),
                Activation::kRelu6);
  for (const Stage& stage : kBody) {
    for (int i = 0; i < stage.n; ++i) {
      const InvertedResidual block{.in = channels,
                                   .expanded = stage.t * channels,
                                   .out = MakeDivisible(stage.c * options.width),
                                   .step = strides.Next(i == 0 ? stage.s : 1),
                                   .padding = options.padding};
      x = EmitInvertedResidual(graph, x, Names(next(), block), block);
      channels = block.out;
    }
  }
  // Sec. 6.1: below 1 the multiplier leaves the last convolution alone.
  const int head = MakeDivisible(1280 * std::max(1.0, options.width));
  x = ConvBnAct(graph, x, NumberedNames(next()), SquareConv(head, 1), Activation::kRelu6);
  graph.outputs = {Classifier(graph, x, "classifier.1", options.common.classes, options.dropout)};
  return graph;
}

// Accuracy: the paper's where it prints one, else that of tf-slim's networks of figure 5, which pad
// as TensorFlow does. Table 4 prints 6.9M parameters for 1.4, where 6.1M are counted: 1.0's 3.4M
// and the widths leave no room for more. tf-slim's page counts without batch norm's (3.47M
// for 1.0).
const char kTable4[] = "1801.04381 table 4";
const char kSlim[] = "tf-slim, nets/mobilenet/README.md";
const std::vector<Variant> kVariants = {
    {"width=1.4,size=224", 6108776, 582195824, 74.7, 0, kTable4},
    {"width=1.3,size=224", 5386792, 509374560, 74.4, 92.1, kSlim},
    {"width=1,size=224", 3504872, 300774272, 72.0, 0, kTable4},
    {"width=1,size=192", 3504872, 221316608, 70.7, 90.1, kSlim},
    {"width=1,size=160", 3504872, 154083200, 68.8, 89.0, kSlim},
    {"width=1,size=128", 3504872, 99074048, 65.3, 86.9, kSlim},
    {"width=1,size=96", 3504872, 56289152, 60.3, 83.2, kSlim},
    {"width=0.75,size=224", 2636424, 209069792, 69.8, 89.6, kSlim},
    {"width=0.75,size=192", 2636424, 153941888, 68.7, 88.9, kSlim},
    {"width=0.75,size=160", 2636424, 107295200, 66.4, 87.3, kSlim},
    {"width=0.75,size=128", 2636424, 69129728, 63.2, 85.3, kSlim},
    {"width=0.75,size=96", 2636424, 39445472, 58.8, 81.6, kSlim},
    {"width=0.5,size=224", 1968680, 97131840, 65.4, 86.4, kSlim},
    {"width=0.5,size=192", 1968680, 71701760, 63.9, 85.4, kSlim},
    {"width=0.5,size=160", 1968680, 50184000, 61.0, 83.2, kSlim},
    {"width=0.5,size=128", 1968680, 32578560, 57.7, 80.8, kSlim},
    {"width=0.5,size=96", 1968680, 18885440, 51.2, 75.8, kSlim},
    {"width=0.35,size=224", 1677128, 59285808, 60.3, 82.9, kSlim},
    {"width=0.35,size=192", 1677128, 43896512, 58.2, 81.2, kSlim},
    {"width=0.35,size=160", 1677128, 30874800, 55.7, 79.1, kSlim},
    {"width=0.35,size=128", 1677128, 20220672, 50.8, 75.0, kSlim},
    {"width=0.35,size=96", 1677128, 11934128, 45.5, 70.4, kSlim},
};

}  // namespace

LINNET_FAMILY(mobilenet_v2) {
  return {MakeArch<MobileNetV2Options>({.name = "mobilenet_v2",
                                        .title = "inverted residuals with linear bottlenecks",
                                        .paper = "1801.04381",
                                        .variants = kVariants},
                                       Build)};
}

}  // namespace linnet
