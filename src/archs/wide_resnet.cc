// Wide ResNet: Zagoruyko, Komodakis, "Wide Residual Networks", 1605.07146. Names of WRN-n-k as
// xternalz/WideResNet-pytorch, of the bottleneck networks as torchvision's resnet.
#include "archs/blocks.h"
#include "archs/resnet.h"

namespace linnet {
namespace {

// Sec. 3.4: ResNet with inner 3x3 convolutions of twice the width.
constexpr ResNetDesign k50_2{.blocks = {3, 4, 6, 3}, .base_width = 128};
constexpr ResNetDesign k101_2{.blocks = {3, 4, 23, 3}, .base_width = 128};

template <const ResNetDesign& design>
Graph Build(const ResNetOptions& options) {
  return BuildResNet(design, options);
}

struct WrnOptions {
  int depth = 28;
  int width = 10;
  float dropout = 0.3f;  // sec. 3.3, CIFAR; 0.4 on SVHN
  CommonOptions common = {.size = 32, .classes = 10};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("depth", self.depth, "n: layers, 6 N + 4");
    v("width", self.width, "k: factor of the channels 16, 32, 64");
    v("dropout", self.dropout, "between the convolutions of a unit");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Table 1.
Graph BuildWrn(const WrnOptions& options) {
  ExpectOption("wide_resnet", "depth", options.depth, 10, 10000);
  ExpectOption("wide_resnet", "width", options.width, 1, 100);
  ExpectOption("wide_resnet", "dropout", options.dropout, 0, 0.99);
  if (options.depth % 6 != 4) {
    Fail(ErrorKind::kUsage, "architecture wide_resnet: depth={}: expected 6 N + 4", options.depth);
  }
  const PreActivationNames names{.norm = "bn", .projection = "convShortcut"};
  Graph graph;
  Value x = graph.Emit("conv1", SquareConv(16, 3), {EmitInput(graph, options.common)});
  int channels = 16;
  for (int stage = 0; stage < 3; ++stage) {
    for (int i = 0; i < (options.depth - 4) / 6; ++i) {
      const ResidualUnit unit{.in = channels,
                              .out = (16 << stage) * options.width,
                              .stride = stage > 0 && i == 0 ? 2 : 1,
                              .dropout = options.dropout};
      x = PreActivationUnit(graph, x, fmt::format("block{}.layer.{}", stage + 1, i), unit,
                            /*share=*/false, names);
      channels = unit.out;
    }
  }
  x = graph.Emit("bn1", BatchNorm{}, {x});
  x = graph.Emit("relu", Act{}, {x});
  graph.outputs = {Classifier(graph, x, "fc", options.common.classes, /*dropout=*/0)};
  return graph;
}

// The accuracies are CIFAR-10's (table 4: without dropout, flips and translations, ZCA).
const std::vector<Variant> kVariants = {
    {"depth=40,width=1", 563930, 83280512, 0, 0, "CIFAR-10: 93.15, table 4"},
    {"depth=40,width=2", 2243546, 327599360, 0, 0, "CIFAR-10: 94.67, table 4"},
    {"depth=40,width=4", 8949210, 1298582016, 0, 0, "CIFAR-10: 95.03, table 4"},
    {"depth=40,width=8", 35748314, 5172024320, 0, 0, "CIFAR-10: 95.34, table 4"},
    {"depth=28,width=10", 36479194, 5243328768, 0, 0, "CIFAR-10: 95.83, table 4"},
    {"depth=28,width=12", 52517850, 7543905792, 0, 0, "CIFAR-10: 95.67, table 4"},
    {"depth=22,width=8", 17158106, 2454115328, 0, 0, "CIFAR-10: 95.62, table 4"},
    {"depth=22,width=10", 26797914, 3827751168, 0, 0, "CIFAR-10: 95.56, table 4"},
    {"depth=16,width=8", 10961370, 1548145664, 0, 0, "CIFAR-10: 95.19, table 4"},
    {"depth=16,width=10", 17116634, 2412173568, 0, 0, "CIFAR-10: 95.44, table 4"},
};
const char kPaper[] = "1605.07146";

}  // namespace

LINNET_FAMILY(wide_resnet) {
  return {
      MakeArch(Arch{"wide_resnet",
                    "",
                    "WRN-n-k for CIFAR: wide and shallow, pre-activation",
                    kPaper,
                    kVariants,
                    {},
                    {}},
               BuildWrn),
      MakeArch(Arch{"wide_resnet50_2",
                    "",
                    "ResNet-50 with inner convolutions of twice the width",
                    kPaper,
                    {{"", 68883240, 11398021120, 78.1, 94.21, "1605.07146 table 8"}},
                    {},
                    {}},
               Build<k50_2>),
      MakeArch(
          Arch{"wide_resnet101_2",
               "",
               "ResNet-101 with inner convolutions of twice the width",
               kPaper,
               {{"", 126886696, 22753050624, 78.848, 94.284, "torchvision 0.14.1 IMAGENET1K_V1"}},
               {},
               {}},
          Build<k101_2>),
  };
}

}  // namespace linnet
