// ResNeXt: Xie, Girshick, Dollar, Tu, He, "Aggregated Residual Transformations for Deep Neural
// Networks", 1611.05431. Names as torchvision's resnet; those for CIFAR as the ImageNet ones.
#include "archs/blocks.h"
#include "archs/resnet.h"

namespace linnet {
namespace {

// Table 1: ResNet with 3x3 convolutions in 'groups' groups (the cardinality C) of 'base_width'
// channels (d) in the first stage.
constexpr ResNetDesign k50_32x4d{.blocks = {3, 4, 6, 3}, .groups = 32, .base_width = 4};
constexpr ResNetDesign k101_32x4d{.blocks = {3, 4, 23, 3}, .groups = 32, .base_width = 4};
constexpr ResNetDesign k101_32x8d{.blocks = {3, 4, 23, 3}, .groups = 32, .base_width = 8};
constexpr ResNetDesign k101_64x4d{.blocks = {3, 4, 23, 3}, .groups = 64, .base_width = 4};

template <const ResNetDesign& design>
Graph Build(const ResNetOptions& options) {
  return BuildResNet(design, options);
}

// Sec. 4.3: 29 layers, three stages of three units.
struct CifarOptions {
  int groups = 8;
  int base_width = 64;
  CommonOptions common = {.size = 32, .classes = 10};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("groups", self.groups, "cardinality C: groups of the 3x3 convolutions");
    v("base_width", self.base_width, "d: channels of a group in the first stage");
    CommonOptions::VisitFields(self.common, v);
  }
};

Graph BuildCifar(const CifarOptions& options) {
  ExpectOption("resnext29", "groups", options.groups, 1, 1024);
  ExpectOption("resnext29", "base_width", options.base_width, 1, 1024);
  Graph graph;
  Value x = ConvBnAct(graph, EmitInput(graph, options.common), {"conv1", "bn1", "relu"},
                      SquareConv(64, 3), Activation::kRelu);
  int channels = 64;
  for (int stage = 0; stage < 3; ++stage) {
    for (int i = 0; i < 3; ++i) {
      const ResidualUnit unit{.in = channels,
                              .out = 256 << stage,
                              .width = (options.groups * options.base_width) << stage,
                              .stride = stage > 0 && i == 0 ? 2 : 1,
                              .groups = options.groups};
      x = PostActivationUnit(graph, x, fmt::format("layer{}.{}", stage + 1, i), unit);
      channels = unit.out;
    }
  }
  graph.outputs = {Classifier(graph, x, "fc", options.common.classes, /*dropout=*/0)};
  return graph;
}

const char kPaper[] = "1611.05431";
const char kAugMix[] = "the network of AugMix, 1912.02781";

}  // namespace

LINNET_FAMILY(resnext) {
  const auto arch = [](const char* name, const char* title, const Variant& variant) {
    return Arch{name, "", title, kPaper, {variant}, {}, {}};
  };
  return {
      MakeArch(arch("resnext50_32x4d", "ResNeXt of 50 layers, 32 groups",
                    {"", 25028904, 4230479872, 77.8, 0, "1611.05431 table 3"}),
               Build<k50_32x4d>),
      MakeArch(arch("resnext101_32x4d", "ResNeXt of 101 layers, 32 groups",
                    {"", 44177704, 7969996800, 78.8, 94.4, "1611.05431 table 4"}),
               Build<k101_32x4d>),
      MakeArch(
          arch("resnext101_32x8d", "ResNeXt of 101 layers, 32 groups, twice as wide",
               {"", 88791336, 16414015488, 79.312, 94.526, "torchvision 0.14.1 IMAGENET1K_V1"}),
          Build<k101_32x8d>),
      MakeArch(arch("resnext101_64x4d", "ResNeXt of 101 layers, 64 groups",
                    {"", 83455272, 15460270080, 79.6, 94.7, "1611.05431 table 4"}),
               Build<k101_64x4d>),
      MakeArch(
          Arch{
              "resnext29",
              "",
              "ResNeXt of 29 layers for CIFAR, C x d",
              kPaper,
              {{"groups=8,base_width=64", 34426698, 5387266048, 0, 0, "CIFAR-10: 96.35, table 7"},
               {"groups=16,base_width=64", 68155210, 10688866304, 0, 0, "CIFAR-10: 96.42, table 7"},
               {"groups=32,base_width=4", 4775754, 774055936, 0, 0, kAugMix}},
              {},
              {}},
          BuildCifar),
  };
}

}  // namespace linnet
