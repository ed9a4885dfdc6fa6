// SSDLite: single-shot detection (Liu et al., 1512.02325) with separable convolutions (1801.04381,
// sec. 6.2) on MobileNet V3 Large (1905.02244, sec. 6.3). Names as torchvision's
// ssdlite320_mobilenet_v3_large.
#include <vector>

#include "archs/arch.h"
#include "archs/mobilenet_v3.h"

namespace linnet {
namespace {

struct SsdLiteOptions {
  CommonOptions common = {.size = 320, .classes = 91};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    CommonOptions::VisitFields(self.common, v);
  }
};

// Boxes at each pixel of each map: aspect ratios 1, 2, 3, 1/2, 1/3, and 1 at a size between this
// map's and the next's.
constexpr int kBoxes = 6;
// Output channels of the blocks that halve the map behind the backbone.
constexpr int kExtra[] = {512, 256, 256, 128};
constexpr BatchNorm kNorm = {.eps = 1e-3f, .momentum = 0.03f};

// A map that boxes are predicted from.
struct Map {
  Value value;
  int channels;
};

// Large with the channels of its last stage halved ("V3+", table 6).
std::vector<MobileNetV3Row> ReducedTail() {
  const auto large = MobileNetV3Large();
  std::vector<MobileNetV3Row> rows(large.begin(), large.end());
  for (size_t i = rows.size() - 3; i < rows.size(); ++i) rows[i].out /= 2;
  return rows;
}

struct Network {
  SsdLiteOptions options;
  Graph graph;
  std::vector<Map> maps;

  // torchvision cuts its backbone in two within the block that has C4, the last map of stride 16,
  // as its expansion; the second half counts anew.
  InvertedResidualNames Names(int index, int c4, const InvertedResidual& block) const {
    const std::string features = "backbone.features.";
    if (index < c4) return TorchvisionNames(fmt::format("{}0.{}", features, index), block);
    InvertedResidualNames names =
        TorchvisionNames(fmt::format("{}1.{}", features, index - c4), block);
    if (index == c4) {
      names.expand = NumberedNames(fmt::format("{}0.{}", features, index));
      names.depthwise = NumberedNames(names.block + ".1");
      names.squeeze = names.block + ".2";
      names.project = NumberedNames(names.block + ".3");
    }
    return names;
  }

  // Leaves C4 and the last convolution in 'maps'.
  void Backbone() {
    const std::vector<MobileNetV3Row> rows = ReducedTail();
    const int c4 = static_cast<int>(rows.size()) - 2;
    const MobileNetV3Style style{.norm = kNorm};
    int channels = 16;
    Value x = EmitInput(graph, options.common);
    x = ConvBnAct(graph, x, NumberedNames("backbone.features.0.0"), SquareConv(channels, 3, 2),
                  Activation::kHardSwish, kNorm);
    for (int i = 1; i <= static_cast<int>(rows.size()); ++i) {
      const MobileNetV3Row& row = rows[i - 1];
      const InvertedResidual block = MobileNetV3Block(row, channels, {row.stride, 1}, style);
      const InvertedResidualNames names = Names(i, c4, block);
      x = EmitInvertedResidual(graph, x, names, block);
      if (i == c4) maps.push_back({graph.Find(names.expand.act), block.expanded});
      channels = block.out;
    }
    x = ConvBnAct(graph, x, NumberedNames("backbone.features.1.3"), SquareConv(6 * channels, 1),
                  Activation::kHardSwish, kNorm);
    maps.push_back({x, 6 * channels});
  }

  void ExtraMap(const std::string& name, int out) {
    const auto conv = [&](Value x, int index, const Conv2d& op) {
      return ConvBnAct(graph, x, NumberedNames(fmt::format("{}.{}", name, index)), op,
                       Activation::kRelu6, kNorm);
    };
    Value x = conv(maps.back().value, 0, SquareConv(out / 2, 1));
    x = conv(x, 1, SquareConv(out / 2, 3, 2, out / 2));
    maps.push_back({conv(x, 2, SquareConv(out, 1)), out});
  }

  void Predict(const std::string& head, int numbers_per_box) {
    for (size_t i = 0; i < maps.size(); ++i) {
      const std::string name = fmt::format("head.{}.module_list.{}", head, i);
      const int channels = maps[i].channels;
      const Value x = ConvBnAct(graph, maps[i].value, NumberedNames(name + ".0"),
                                SquareConv(channels, 3, 1, channels), Activation::kRelu6, kNorm);
      graph.outputs.push_back(graph.Emit(
          name + ".1", Conv2d{.out_channels = kBoxes * numbers_per_box, .bias = true}, {x}));
    }
  }

  // Twelve outputs: of the six maps, from fine to coarse, the class scores (channel box * classes +
  // class; class 0 is background), and then of the same maps the four numbers of each box (channel
  // box * 4 + number: offset of the centre across and down, log width, log height).
  Graph Build() {
    Backbone();
    for (size_t i = 0; i < std::size(kExtra); ++i) {
      ExtraMap(fmt::format("backbone.extra.{}", i), kExtra[i]);
    }
    Predict("classification_head", options.common.classes);
    Predict("regression_head", 4);
    return std::move(graph);
  }
};

Graph Build(const SsdLiteOptions& options) { return Network{options, {}, {}}.Build(); }

}  // namespace

LINNET_FAMILY(ssdlite) {
  return {MakeArch<SsdLiteOptions>(
      {.name = "ssdlite320_mobilenet_v3_large",
       .title = "detection by separable convolutions on six maps",
       .paper = "1905.02244",
       .variants = {{"", 3440060, 583171904, 0, 0,
                     "torchvision 0.14, COCO box AP 21.3; paper, table 6: 22.0 at 3.22M, 0.51B"}}},
      Build)};
}

}  // namespace linnet
