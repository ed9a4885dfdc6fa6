// ResNet for CIFAR-10: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition",
// 1512.03385, sec. 4.2: 6n+2 layers of 3x3 convolutions, shortcuts without parameters. Names as
// akamaster/pytorch_resnet_cifar10, whose weights load by name.
#include "archs/arch.h"
#include "archs/blocks.h"
#include "archs/residual.h"

namespace linnet {
namespace {

struct ResNetCifarOptions {
  int depth = 20;
  int width = 16;
  Shortcut shortcut = Shortcut::kZeros;
  CommonOptions common = {.size = 32, .classes = 10};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("depth", self.depth, "layers: 6 n + 2");
    v("width", self.width, "channels of the first stage");
    v("shortcut", self.shortcut,
      "a: zeros, b: projections, c: always projections; none: plain net");
    CommonOptions::VisitFields(self.common, v);
  }
};

Graph Build(const ResNetCifarOptions& options) {
  ExpectOption("resnet_cifar", "depth", options.depth, 8, 10000);
  ExpectOption("resnet_cifar", "width", options.width, 1, 4096);
  if (options.depth % 6 != 2) {
    Fail(ErrorKind::kUsage, "architecture resnet_cifar: depth={}: expected 6 n + 2", options.depth);
  }
  Graph graph;
  Value x = ConvBnAct(graph, EmitInput(graph, options.common), {"conv1", "bn1", "relu"},
                      SquareConv(options.width, 3), Activation::kRelu);
  int channels = options.width;
  for (int stage = 0; stage < 3; ++stage) {
    for (int i = 0; i < (options.depth - 2) / 6; ++i) {
      const ResidualUnit unit{.in = channels,
                              .out = options.width << stage,
                              .stride = stage > 0 && i == 0 ? 2 : 1,
                              .shortcut = options.shortcut};
      x = PostActivationUnit(graph, x, fmt::format("layer{}.{}", stage + 1, i), unit);
      channels = unit.out;
    }
  }
  graph.outputs = {Classifier(graph, x, "linear", options.common.classes, /*dropout=*/0)};
  return graph;
}

// The accuracies are CIFAR-10's, which have no column of their own. The plain nets of 20 and 56
// layers are figure 6's.
const std::vector<Variant> kVariants = {
    {"depth=20", 269722, 40551040, 0, 0, "CIFAR-10: 91.25, table 6"},
    {"depth=32", 464154, 68862592, 0, 0, "CIFAR-10: 92.49, table 6"},
    {"depth=44", 658586, 97174144, 0, 0, "CIFAR-10: 92.83, table 6"},
    {"depth=56", 853018, 125485696, 0, 0, "CIFAR-10: 93.03, table 6"},
    {"depth=110", 1727962, 252887680, 0, 0, "CIFAR-10: 93.57, table 6"},
    {"depth=1202", 19421274, 2829238912, 0, 0, "CIFAR-10: 92.07, table 6"},
    {"depth=20,shortcut=none", 269722, 40551040, 0, 0, ""},
    {"depth=56,shortcut=none", 853018, 125485696, 0, 0, ""},
};

}  // namespace

LINNET_FAMILY(resnet_cifar) {
  return {MakeArch(
      Arch{"resnet_cifar", "", "ResNet of 6n+2 layers for CIFAR", "1512.03385", kVariants, {}, {}},
      Build)};
}

}  // namespace linnet
