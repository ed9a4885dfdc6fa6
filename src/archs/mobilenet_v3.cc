// MobileNet V3: Howard et al., "Searching for MobileNetV3", 1905.02244. Names as torchvision's
// mobilenet_v3_large and mobilenet_v3_small.
#include "archs/mobilenet_v3.h"

#include "archs/arch.h"

namespace linnet {
namespace {

// The words of the tables.
constexpr Activation RE = Activation::kRelu, HS = Activation::kHardSwish;
constexpr bool SE = true, NO = false;

}  // namespace

// Table 1: kernel, expanded, expansion, out, SE, activation, stride; the rows of its input.
std::span<const MobileNetV3Row> MobileNetV3Large() {
  static constexpr MobileNetV3Row kRows[] = {
      {3, 16, 1, 16, NO, RE, 1},     // 112
      {3, 64, 4, 24, NO, RE, 2},     // 112
      {3, 72, 3, 24, NO, RE, 1},     // 56
      {5, 72, 3, 40, SE, RE, 2},     // 56
      {5, 120, 3, 40, SE, RE, 1},    // 28
      {5, 120, 3, 40, SE, RE, 1},    // 28
      {3, 240, 6, 80, NO, HS, 2},    // 28
      {3, 200, 2.5, 80, NO, HS, 1},  // 14
      {3, 184, 2.3, 80, NO, HS, 1},  // 14
      {3, 184, 2.3, 80, NO, HS, 1},  // 14
      {3, 480, 6, 112, SE, HS, 1},   // 14
      {3, 672, 6, 112, SE, HS, 1},   // 14
      {5, 672, 6, 160, SE, HS, 2},   // 14
      {5, 960, 6, 160, SE, HS, 1},   // 7
      {5, 960, 6, 160, SE, HS, 1},   // 7
  };
  return kRows;
}

// Table 2.
std::span<const MobileNetV3Row> MobileNetV3Small() {
  static constexpr MobileNetV3Row kRows[] = {
      {3, 16, 1, 16, SE, RE, 2},         // 112
      {3, 72, 72. / 16, 24, NO, RE, 2},  // 56
      {3, 88, 88. / 24, 24, NO, RE, 1},  // 28
      {5, 96, 4, 40, SE, HS, 2},         // 28
      {5, 240, 6, 40, SE, HS, 1},        // 14
      {5, 240, 6, 40, SE, HS, 1},        // 14
      {5, 120, 3, 48, SE, HS, 1},        // 14
      {5, 144, 3, 48, SE, HS, 1},        // 14
      {5, 288, 6, 96, SE, HS, 2},        // 14
      {5, 576, 6, 96, SE, HS, 1},        // 7
      {5, 576, 6, 96, SE, HS, 1},        // 7
  };
  return kRows;
}

InvertedResidual MobileNetV3Block(const MobileNetV3Row& row, int in, Strides::Step step,
                                  const MobileNetV3Style& style) {
  InvertedResidual block;
  block.in = in;
  block.expanded = MakeDivisible(
      style.expansion == Expansion::kRelative ? in * row.expansion : row.expanded * style.width);
  block.out = MakeDivisible(row.out * style.width);
  block.kernel = style.minimalistic ? 3 : row.kernel;
  block.step = step;
  block.act = style.ActOf(row.act);
  block.squeeze = row.squeeze && !style.minimalistic ? MakeDivisible(block.expanded / 4) : 0;
  block.squeeze_gate = Activation::kHardSigmoid;
  block.norm = style.norm;
  block.padding = style.padding;
  return block;
}

namespace {

struct MobileNetV3Options {
  MobileNetV3Style style;
  int head = 0;
  bool small_input = false;
  int output_stride = 0;
  float dropout = 0.2f;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("width", self.style.width, "width multiplier: share of the channels, to the nearest 8");
    v("expansion", self.style.expansion, "inner channels by the scaled input, or scaled (PyTorch)");
    v("minimalistic", self.style.minimalistic, "no squeeze-and-excite, hard swish or 5x5");
    v("head", self.head, "channels before the classifier; 0: by the width");
    v("small_input", self.small_input, "first two strides 1, for pictures of 32x32 or so");
    v("output_stride", self.output_stride, "8, 16: dilation from there on; 0: all strides");
    v("padding", self.style.padding, "symmetric (PyTorch) or same (TensorFlow)");
    v("dropout", self.dropout, "dropout before the classifier");
    CommonOptions::VisitFields(self.common, v);
  }
};

// The last convolution is the width of the last block's depthwise one.
int LastConvChannels(const MobileNetV3Style& style, int table, int last) {
  return style.expansion == Expansion::kRelative ? MakeDivisible(6 * table * style.width)
                                                 : 6 * last;
}

// The relative rule's networks keep the head where the width is less than 1; torchvision's do not.
int HeadChannels(const MobileNetV3Options& options, int table) {
  if (options.head > 0) return options.head;
  const double width = options.style.width;
  const bool keep = options.style.expansion == Expansion::kRelative && width < 1;
  return keep ? table : MakeDivisible(table * width);
}

// Fig. 5, the efficient last stage: the mean comes before the widest layer, which has a bias and no
// batch norm.
Value LastStage(Graph& graph, Value x, const std::string& name, int channels, int head,
                const MobileNetV3Options& options) {
  const Activation act = options.style.ActOf(Activation::kHardSwish);
  x = ConvBnAct(graph, x, NumberedNames(name), SquareConv(channels, 1), act, options.style.norm);
  x = graph.Emit("global_pool", GlobalPool{}, {x});
  x = graph.Emit("flatten", Flatten{}, {x});
  x = graph.Emit("classifier.0", Dense{.out_features = head}, {x});
  x = graph.Emit("classifier.1", Act{act}, {x});
  if (options.dropout > 0) x = graph.Emit("classifier.2", Dropout{options.dropout}, {x});
  return graph.Emit("classifier.3", Dense{.out_features = options.common.classes}, {x});
}

Graph BuildBody(const MobileNetV3Options& options, std::span<const MobileNetV3Row> rows, int head) {
  ExpectOption("mobilenet_v3", "width", options.style.width, 0.01, 8);
  ExpectOption("mobilenet_v3", "head", options.head, 0, 65536);
  ExpectOption("mobilenet_v3", "dropout", options.dropout, 0, 0.99);
  ExpectOutputStride("mobilenet_v3", options.output_stride);
  Strides strides{.skip = options.small_input ? 2 : 0, .output_stride = options.output_stride};
  int channels = MakeDivisible(16 * options.style.width);
  int count = 0;
  const auto next = [&] { return fmt::format("features.{}", count++); };

  Graph graph;
  Value x = EmitInput(graph, options.common);
  x = ConvBnAct(graph, x, NumberedNames(next()),
                SquareConv(channels, 3, strides.Next(2).stride, 1, 1, options.style.padding),
                options.style.ActOf(Activation::kHardSwish), options.style.norm);
  for (const MobileNetV3Row& row : rows) {
    const InvertedResidual block =
        MobileNetV3Block(row, channels, strides.Next(row.stride), options.style);
    x = EmitInvertedResidual(graph, x, TorchvisionNames(next(), block), block);
    channels = block.out;
  }
  graph.outputs = {LastStage(graph, x, next(),
                             LastConvChannels(options.style, rows.back().out, channels),
                             HeadChannels(options, head), options)};
  return graph;
}

Graph BuildLarge(const MobileNetV3Options& options) {
  return BuildBody(options, MobileNetV3Large(), 1280);
}
Graph BuildSmall(const MobileNetV3Options& options) {
  return BuildBody(options, MobileNetV3Small(), 1024);
}

// The counts are those of the authors' code. Small in table 2 has another squeeze-and-excite after
// its last convolution and 1280 channels before the classifier (2.9M parameters in table 3 of the
// first versions, which 'head=1280' alone explains: 2946568); the code and version 5 of the paper
// (2.5M, 56M) have neither. 1.25 of Large keeps its head at 1280 to arrive at the 7.5M printed of
// it; the code's rule makes it 1600 (8256296).
const char kPaper[] = "1905.02244 table 3";
const char kSlim[] = "tf-slim, nets/mobilenet/README.md";
const char kV2Plus[] = "megvii-model/ShuffleNet-Series, ShuffleNetV2+";
const char kFigure7[] = "1905.02244 figure 7, which prints no numbers";
const char kTorchvision[] = "torchvision 0.14 with width_mult=0.75; no weights";
const std::vector<Variant> kLarge = {
    {"", 5483032, 216589760, 75.2, 0, kPaper},
    {"width=0.75", 3993528, 154560624, 73.3, 0, kPaper},
    {"width=1.25,head=1280", 7551976, 355221920, 76.6, 0, kV2Plus},
    {"width=0.5", 2689520, 69247600, 0, 0, kFigure7},
    {"width=0.35", 2131832, 39472336, 0, 0, kFigure7},
    {"minimalistic=true", 3924288, 209136704, 72.3, 0, kSlim},
    {"width=0.75,expansion=absolute", 3377576, 140033816, 0, 0, kTorchvision},
};
const std::vector<Variant> kSmall = {
    {"", 2542856, 56510400, 67.4, 0, kPaper},
    {"width=0.75", 2041872, 43399344, 65.4, 0, kPaper},
    {"width=1.25", 3645960, 91241184, 0, 0, kFigure7},
    {"width=0.5", 1592704, 21052560, 0, 0, kFigure7},
    {"width=0.35", 1358288, 12815840, 0, 0, kFigure7},
    {"minimalistic=true", 2044736, 52288448, 61.9, 0, kSlim},
    {"width=0.75,expansion=absolute", 1653920, 39115576, 0, 0, kTorchvision},
};

}  // namespace

LINNET_FAMILY(mobilenet_v3) {
  const std::string paper = "1905.02244";
  return {MakeArch<MobileNetV3Options>({.name = "mobilenet_v3_large",
                                        .title = "searched blocks, squeeze-and-excite, hard swish",
                                        .paper = paper,
                                        .variants = kLarge},
                                       BuildLarge),
          MakeArch<MobileNetV3Options>({.name = "mobilenet_v3_small",
                                        .title = "MobileNet V3 for the smallest budgets",
                                        .paper = paper,
                                        .variants = kSmall},
                                       BuildSmall)};
}

}  // namespace linnet
