// SSD300: Liu et al., "SSD: Single Shot MultiBox Detector", 1512.02325, fig. 2 and sec. 3, on
// VGG16. The network only: for each of six levels, scores [rows, columns, boxes * classes] and
// offsets [rows, columns, boxes * 4] of the default boxes, in the order scores, offsets of the
// first level, of the second, and so on. Names as torchvision's, but for the scale of the first
// level, which there is backbone.scale_weight and here backbone.scale.weight.
#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct SsdOptions {
  CommonOptions common = {.size = 300, .classes = 91};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    CommonOptions::VisitFields(self.common, v);
  }
};

// Default boxes at each pixel of a level (sec. 3.1): 8732 in all at 300x300.
constexpr int kBoxes[] = {4, 6, 6, 6, 4, 4};

// Levels after fc7: 1x1, then 3x3. The last two have stride 1 and no padding.
struct Extra {
  int squeeze, channels, stride, padding;
};
constexpr Extra kExtras[] = {
    {256, 512, 2, 1}, {128, 256, 2, 1}, {128, 256, 1, 0}, {128, 256, 1, 0}};

struct Network {
  const SsdOptions& options;
  Graph graph = {};

  // Appends to one of torchvision's Sequentials, which number what they hold.
  struct Sequential {
    Graph& graph;
    std::string prefix;
    Value x;
    int node = 0;

    void Add(Op op) { x = graph.Emit(prefix + "." + std::to_string(node++), std::move(op), {x}); }
    void ConvRelu(Conv2d conv) {
      conv.bias = true;
      Add(conv);
      Add(Act{});
    }
  };

  // VGG16 to conv4_3. Rounding up at the third pooling gives the paper's map of 38.
  Value Features(Value x) {
    Sequential seq{graph, "backbone.features", x};
    constexpr int kConvolutions[] = {2, 2, 3, 3}, kChannels[] = {64, 128, 256, 512};
    for (int stage = 0; stage < 4; ++stage) {
      if (stage > 0) seq.Add(Pool{.ceil = stage == 3});
      for (int i = 0; i < kConvolutions[stage]; ++i) seq.ConvRelu(SquareConv(kChannels[stage], 3));
    }
    return seq.x;
  }

  // conv5, and VGG's first fully connected layers as convolutions: fc6 keeps every second weight
  // each way, hence the dilation, and pool5 no longer halves.
  Value Fc7(Value x) {
    Sequential seq{graph, "backbone.extra.0", x};
    seq.Add(Pool{});
    for (int i = 0; i < 3; ++i) seq.ConvRelu(SquareConv(512, 3));
    Sequential fc{graph, "backbone.extra.0.7", seq.x};
    fc.Add(Pool{.kernel = {3, 3}, .stride = {1, 1}, .padding = Padding::All(1)});
    fc.ConvRelu(SquareConv(1024, 3, 1, 1, /*dilation=*/6));
    fc.ConvRelu(SquareConv(1024, 1));
    return fc.x;
  }

  Value ExtraLevel(Value x, size_t i) {
    Sequential seq{graph, fmt::format("backbone.extra.{}", i + 1), x};
    seq.ConvRelu(SquareConv(kExtras[i].squeeze, 1));
    Conv2d conv = SquareConv(kExtras[i].channels, 3, kExtras[i].stride);
    conv.padding = Padding::All(kExtras[i].padding);
    seq.ConvRelu(conv);
    return seq.x;
  }

  Value Head(Value x, const char* head, size_t level, int channels) {
    Conv2d conv = SquareConv(channels, 3);
    conv.bias = true;
    return graph.Emit(fmt::format("head.{}_head.module_list.{}", head, level), conv, {x});
  }

  Graph Build() {
    const Value conv4_3 = Features(EmitInput(graph, options.common));
    std::vector<Value> levels = {graph.Emit("backbone.scale", L2Norm{}, {conv4_3})};
    levels.push_back(Fc7(conv4_3));
    for (size_t i = 0; i < std::size(kExtras); ++i) levels.push_back(ExtraLevel(levels.back(), i));
    for (size_t i = 0; i < levels.size(); ++i) {
      const int scores = kBoxes[i] * options.common.classes;
      graph.outputs.push_back(Head(levels[i], "classification", i, scores));
      graph.outputs.push_back(Head(levels[i], "regression", i, kBoxes[i] * 4));
    }
    return std::move(graph);
  }
};

Graph Build(const SsdOptions& options) {
  ExpectOption("ssd300_vgg16", "size (six levels, the last two without padding)",
               options.common.size, 268, 4096);
  return Network{options}.Build();
}

}  // namespace

LINNET_FAMILY(ssd) {
  return {MakeArch<SsdOptions>(
      {.name = "ssd300_vgg16",
       .title = "detection from six maps of VGG16; classes include the background",
       .paper = "1512.02325",
       .variants = {{"classes=91", 35641826, 34858153472, 0, 0, "COCO AP 25.1 (torchvision 0.14)"},
                    {"classes=21", 26285486, 31373537792, 0, 0,
                     "VOC 2007 mAP 74.3 (1512.02325 table 1)"}}},
      Build)};
}

}  // namespace linnet
