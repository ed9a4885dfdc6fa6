// ResNet v2: He, Zhang, Ren, Sun, "Identity Mappings in Deep Residual Networks", 1603.05027: batch
// norm and ReLU before each convolution, so that the sum goes on untouched. Names as timm's
// resnetv2.
#include <array>

#include "archs/arch.h"
#include "archs/blocks.h"
#include "archs/residual.h"

namespace linnet {
namespace {

std::string UnitName(int stage, int i) { return fmt::format("stages.{}.blocks.{}", stage, i); }

Value Head(Graph& graph, Value x, const CommonOptions& options) {
  x = graph.Emit("norm", BatchNorm{}, {x});
  x = graph.Emit("relu", Act{}, {x});
  return Classifier(graph, x, "head.fc", options.classes, /*dropout=*/0);
}

struct ImageNetOptions {
  bool stem_norm = false;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("stem_norm", self.stem_norm, "batch norm and ReLU in the stem, too");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Sec. 4.2, with the stride in the 3x3. Of the released networks ResNet-200 (fb.resnet.torch) alone
// has batch norm in the stem.
template <int n1, int n2, int n3, int n4>
Graph BuildImageNet(const ImageNetOptions& options) {
  const std::array<int, 4> blocks = {n1, n2, n3, n4};
  Graph graph;
  Value x = graph.Emit("stem.conv", SquareConv(64, 7, 2), {EmitInput(graph, options.common)});
  if (options.stem_norm) {
    x = graph.Emit("stem.norm", BatchNorm{}, {x});
    x = graph.Emit("stem.relu", Act{}, {x});
  }
  x = graph.Emit("stem.pool", Pool{.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::All(1)},
                 {x});
  int channels = 64;
  for (int stage = 0; stage < 4; ++stage) {
    for (int i = 0; i < blocks[stage]; ++i) {
      const ResidualUnit unit{.in = channels,
                              .out = 256 << stage,
                              .width = 64 << stage,
                              .stride = stage > 0 && i == 0 ? 2 : 1};
      x = PreActivationUnit(graph, x, UnitName(stage, i), unit);
      channels = unit.out;
    }
  }
  graph.outputs = {Head(graph, x, options.common)};
  return graph;
}

struct CifarOptions {
  int depth = 164;
  bool bottleneck = true;
  CommonOptions common = {.size = 32, .classes = 10};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("depth", self.depth, "layers: 9 n + 2 of bottlenecks, 6 n + 2 of basic units");
    v("bottleneck", self.bottleneck, "units of 1x1, 3x3, 1x1; else of two 3x3");
    CommonOptions::VisitFields(self.common, v);
  }
};

// The authors' KaimingHe/resnet-1k-layers: no batch norm in the stem, the stride in the first 1x1,
// and in the very first unit the shortcut, too, begins after the activation.
Graph BuildCifar(const CifarOptions& options) {
  const int layers = options.bottleneck ? 9 : 6;  // of a unit in each of the three stages
  ExpectOption("resnetv2_cifar", "depth", options.depth, layers + 2, 10000);
  if (options.depth % layers != 2) {
    Fail(ErrorKind::kUsage, "architecture resnetv2_cifar: depth={}: expected {} n + 2",
         options.depth, layers);
  }
  Graph graph;
  Value x = graph.Emit("stem.conv", SquareConv(16, 3), {EmitInput(graph, options.common)});
  int channels = 16;
  for (int stage = 0; stage < 3; ++stage) {
    const int planes = 16 << stage;
    for (int i = 0; i < options.depth / layers; ++i) {
      const ResidualUnit unit{.in = channels,
                              .out = options.bottleneck ? 4 * planes : planes,
                              .width = options.bottleneck ? planes : 0,
                              .stride = stage > 0 && i == 0 ? 2 : 1,
                              .stride_in_1x1 = true};
      x = PreActivationUnit(graph, x, UnitName(stage, i), unit, /*share=*/stage == 0 && i == 0);
      channels = unit.out;
    }
  }
  graph.outputs = {Head(graph, x, options.common)};
  return graph;
}

}  // namespace

LINNET_FAMILY(resnet_v2) {
  const auto arch = [](const char* name, const char* title, std::vector<Variant> variants) {
    return Arch{name, "", title, "1603.05027", std::move(variants), {}, {}};
  };
  return {
      MakeArch(arch("resnetv2_50", "ResNet v2 of 50 layers",
                    {{"", 25549352, 4089184256, 75.96, 93.034, "Keras ResNet50V2 at 299"}}),
               BuildImageNet<3, 4, 6, 3>),
      MakeArch(arch("resnetv2_101", "ResNet v2 of 101 layers",
                    {{"", 44541480, 7801405440, 77.234, 93.816, "Keras ResNet101V2 at 299"}}),
               BuildImageNet<3, 4, 23, 3>),
      MakeArch(arch("resnetv2_152", "ResNet v2 of 152 layers",
                    {{"", 60185128, 11513626624, 78.9, 94.5, "1603.05027 table 5, 320 crop"}}),
               BuildImageNet<3, 8, 36, 3>),
      MakeArch(arch("resnetv2_200", "ResNet v2 of 200 layers",
                    {{"", 64666280, 15007481856, 79.3, 94.7, "1603.05027 table 5, 320 crop"}}),
               BuildImageNet<3, 24, 36, 3>, {.stem_norm = true, .common = {}}),
      MakeArch(arch("resnetv2_cifar", "ResNet v2 for CIFAR, to 1001 layers",
                    {{"depth=110,bottleneck=false", 1730522, 253149824, 0, 0,
                      "CIFAR-10: 93.63, table 2"},
                     {"depth=164", 1703258, 244500992, 0, 0, "CIFAR-10: 94.54, table 2"},
                     {"depth=1001", 10327706, 1487849984, 0, 0, "CIFAR-10: 95.08, table 2"}}),
               BuildCifar),
  };
}

}  // namespace linnet
