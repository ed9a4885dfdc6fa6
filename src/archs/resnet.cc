// ResNet: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 1512.03385. Names as
// torchvision's resnet.
#include "archs/resnet.h"

#include "archs/blocks.h"

namespace linnet {
namespace {

struct Network {
  ResNetDesign design;
  ResNetOptions options;
  Graph graph;
  int channels = 0;  // of the map so far
  int dilation = 1;  // of the stage so far

  Value ConvBnRelu(Value x, const ConvNames& names, int out, int kernel, int stride) {
    channels = out;
    return ConvBnAct(graph, x, names, SquareConv(out, kernel, stride), Activation::kRelu);
  }

  Value Stem(Value x) {
    const int stride = options.small_input ? 1 : 2;
    if (design.deep_stem) {
      x = ConvBnRelu(x, {"conv1.0", "conv1.1", "conv1.2"}, 64, 3, stride);
      x = ConvBnRelu(x, {"conv1.3", "conv1.4", "conv1.5"}, 64, 3, 1);
      x = ConvBnRelu(x, {"conv1.6", "bn1", "relu"}, 128, 3, 1);
    } else {
      x = ConvBnRelu(x, {"conv1", "bn1", "relu"}, 64, options.small_input ? 3 : 7, stride);
    }
    if (options.small_input) return x;
    return graph.Emit("maxpool",
                      Pool{.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::All(1)}, {x});
  }

  // The stage's unit, but for its input and stride.
  ResidualUnit UnitOf(int stage) const {
    const int planes = 64 << stage;
    ResidualUnit unit{.out = planes,
                      .stride_in_1x1 = options.v1,
                      .groups = design.groups,
                      .shortcut = options.shortcut,
                      .attention = options.attention};
    if (design.bottleneck) {
      unit.out = 4 * planes;
      unit.width = planes * design.base_width / 64 * design.groups;
      if (design.halve_first_1x1) unit.reduced = unit.width / 2;
    }
    return unit;
  }

  // Where the stride would pass output_stride, it becomes dilation (DRN, 1705.09914, sec. 2): the
  // convolution that had the stride still sees the denser map of before, those after it see the
  // wider one.
  Value Stage(Value x, int stage) {
    const bool dilate = stage > 0 && (4 << stage) > options.output_stride;
    const std::string name = "layer" + std::to_string(stage + 1);
    for (int i = 0; i < design.blocks[stage]; ++i) {
      ResidualUnit unit = UnitOf(stage);
      unit.in = channels;
      unit.first_dilation = dilation;
      if (i == 0 && dilate) dilation *= 2;
      unit.dilation = dilation;
      if (i == 0 && stage > 0 && !dilate) {
        unit.stride = 2;
        unit.shortcut_kernel = design.shortcut_kernel;
      }
      x = PostActivationUnit(graph, x, name + "." + std::to_string(i), unit);
      channels = unit.out;
    }
    return x;
  }

  Graph Build() {
    Value x = Stem(EmitInput(graph, options.common));
    for (int stage = 0; stage < 4; ++stage) {
      x = Stage(x, stage);
      if (options.attention == Attention::kBam && stage < 3) {
        x = Bam(graph, x, "bam" + std::to_string(stage + 1), channels);
      }
    }
    graph.outputs = {Classifier(graph, x, "fc", options.common.classes, design.dropout)};
    return graph;
  }
};

// Table 1.
constexpr ResNetDesign k18{.blocks = {2, 2, 2, 2}, .bottleneck = false};
constexpr ResNetDesign k34{.blocks = {3, 4, 6, 3}, .bottleneck = false};
constexpr ResNetDesign k50{.blocks = {3, 4, 6, 3}};
constexpr ResNetDesign k101{.blocks = {3, 4, 23, 3}};
constexpr ResNetDesign k152{.blocks = {3, 8, 36, 3}};

template <const ResNetDesign& design>
Graph Build(const ResNetOptions& options) {
  return BuildResNet(design, options);
}

// Single centre crops of 224, but where 10 crops are named.
const char kTorchvision[] = "torchvision 0.14.1 IMAGENET1K_V1";
const char kReleased[] = "KaimingHe/deep-residual-networks";
const char kTable2[] = "1512.03385 table 2, 10 crops";
const char kTable3[] = "1512.03385 table 3, 10 crops";
const char kSeTable2[] = "1709.01507 table 2";
const char kBamTable[] = "1807.06514, ImageNet";
const char kCbamTable[] = "1807.06521, ImageNet";

const std::vector<Variant> kVariants18 = {
    {"", 11689512, 1814073344, 69.758, 89.078, kTorchvision},
    {"shortcut=a", 11515688, 1794805760, 72.12, 0, kTable2},
    {"shortcut=none", 11515688, 1794805760, 72.06, 0, kTable2},
    {"attention=cbam", 11779392, 1815063764, 70.73, 89.91, kCbamTable},
};
const std::vector<Variant> kVariants34 = {
    {"", 21797672, 3663761408, 73.314, 91.42, kTorchvision},
    {"shortcut=a", 21623848, 3644493824, 74.97, 92.24, kTable3},
    {"shortcut=none", 21623848, 3644493824, 71.46, 89.98, kTable3},
};
const std::vector<Variant> kVariants50 = {
    {"", 25557032, 4089184256, 76.13, 92.862, kTorchvision},
    {"v1=true", 25557032, 3857973248, 75.3, 92.2, kReleased},
    {"attention=se", 28088024, 4091699200, 76.71, 93.38, kSeTable2},
    {"attention=bam", 25915099, 4171331328, 75.98, 92.82, kBamTable},
    {"attention=cbam", 28089624, 4095573110, 77.34, 93.69, kCbamTable},
};
const std::vector<Variant> kVariants101 = {
    {"", 44549160, 7801405440, 77.374, 93.546, kTorchvision},
    {"v1=true", 44549160, 7570194432, 76.4, 92.9, kReleased},
    {"attention=se,v1=true", 49326872, 7574937600, 77.62, 93.93, kSeTable2},
    {"attention=bam", 44907227, 7883552512, 77.56, 93.71, kBamTable},
    {"attention=cbam", 49330172, 7812577278, 78.49, 94.31, kCbamTable},
};
const std::vector<Variant> kVariants152 = {
    {"", 60192808, 11513626624, 78.312, 94.046, kTorchvision},
    {"v1=true", 60192808, 11282415616, 77.0, 93.3, kReleased},
    {"attention=se,v1=true", 66821848, 11288993792, 78.43, 94.27, kSeTable2},
};

}  // namespace

Graph BuildResNet(const ResNetDesign& design, const ResNetOptions& options) {
  if (options.output_stride != 8 && options.output_stride != 16 && options.output_stride != 32) {
    Fail(ErrorKind::kUsage, "output_stride={}: expected 8, 16 or 32", options.output_stride);
  }
  return Network{.design = design, .options = options, .graph = {}}.Build();
}

LINNET_FAMILY(resnet) {
  const auto arch = [](const char* name, const char* title, const std::vector<Variant>& variants) {
    return Arch{name, "", title, "1512.03385", variants, {}, {}};
  };
  return {
      MakeArch(arch("resnet18", "ResNet of 18 layers, basic units", kVariants18), Build<k18>),
      MakeArch(arch("resnet34", "ResNet of 34 layers, basic units", kVariants34), Build<k34>),
      MakeArch(arch("resnet50", "ResNet of 50 layers, bottlenecks", kVariants50), Build<k50>),
      MakeArch(arch("resnet101", "ResNet of 101 layers, bottlenecks", kVariants101), Build<k101>),
      MakeArch(arch("resnet152", "ResNet of 152 layers, bottlenecks", kVariants152), Build<k152>),
  };
}

}  // namespace linnet
