// MnasNet: Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", 1807.11626.
// B1 has torchvision's names and batch norm, A1 and Small timm's names (semnasnet, mnasnet_small)
// and the batch norm of the authors' code (tensorflow/tpu, models/official/mnasnet).
#include <algorithm>
#include <span>

#include "archs/arch.h"
#include "archs/inverted_residual.h"

namespace linnet {
namespace {

struct MnasNetOptions {
  double width = 1;
  float dropout = 0.2f;
  PaddingRule padding = PaddingRule::kSymmetric;
  bool small_input = false;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("width", self.width, "width multiplier: share of the channels, to the nearest 8");
    v("dropout", self.dropout, "dropout before the classifier");
    v("padding", self.padding, "symmetric (PyTorch) or same (TensorFlow)");
    v("small_input", self.small_input, "first two strides 1, for pictures of 32x32 or so");
    CommonOptions::VisitFields(self.common, v);
  }
};

// As the authors' code writes it: repeats, kernel, stride of the first, expansion, channels,
// squeeze-and-excite. The first stage is the separable convolution, which never adds its input.
struct Stage {
  int repeats, kernel, stride, expansion, channels;
  bool squeeze;
};
constexpr bool SE = true, NO = false;
// Figure 7 a.
constexpr Stage kA1[] = {
    {1, 3, 1, 1, 16, NO},   //
    {2, 3, 2, 6, 24, NO},   //
    {3, 5, 2, 3, 40, SE},   //
    {4, 3, 2, 6, 80, NO},   //
    {2, 3, 1, 6, 112, SE},  //
    {3, 5, 2, 6, 160, SE},  //
    {1, 3, 1, 6, 320, NO},
};
constexpr Stage kB1[] = {
    {1, 3, 1, 1, 16, NO},   //
    {3, 3, 2, 3, 24, NO},   //
    {3, 5, 2, 3, 40, NO},   //
    {3, 5, 2, 6, 80, NO},   //
    {2, 3, 1, 6, 96, NO},   //
    {4, 5, 2, 6, 192, NO},  //
    {1, 3, 1, 6, 320, NO},
};
constexpr Stage kSmall[] = {
    {1, 3, 1, 1, 8, NO},   //
    {1, 3, 2, 3, 16, NO},  //
    {2, 3, 2, 6, 16, NO},  //
    {4, 5, 2, 6, 32, SE},  //
    {3, 3, 1, 6, 32, SE},  //
    {3, 5, 2, 6, 88, SE},  //
    {1, 3, 1, 6, 144, NO},
};

struct NameRule {
  ConvNames stem, head;
  std::string classifier;
  InvertedResidualNames (*block)(size_t stage, int index, const InvertedResidual& parts);
};

InvertedResidualNames TimmBlock(size_t stage, int index, const InvertedResidual& parts) {
  return TimmNames(fmt::format("blocks.{}.{}", stage, index), parts);
}

// One sequence 'layers', into which stem, separable convolution and head are not grouped.
InvertedResidualNames TorchvisionBlock(size_t stage, int index, const InvertedResidual&) {
  InvertedResidualNames names;
  names.block = stage == 0 ? "separable" : fmt::format("layers.{}.{}", 7 + stage, index);
  const std::string layers = stage == 0 ? "layers" : names.block + ".layers";
  names.expand = NumberedNames(layers, 0);
  names.depthwise = NumberedNames(layers, 3);
  names.project = NumberedNames(layers, 6);
  return names;
}

struct Member {
  std::span<const Stage> body;
  int stem;
  BatchNorm norm;
  NameRule names;
};

InvertedResidual Block(const Member& member, const Stage& stage, int in, Strides::Step step,
                       const MnasNetOptions& options) {
  InvertedResidual block;
  block.in = in;
  block.expanded = stage.expansion * in;
  block.out = MakeDivisible(stage.channels * options.width);
  block.kernel = stage.kernel;
  block.step = step;
  block.act = Activation::kRelu;
  block.squeeze = stage.squeeze ? std::max(1, in / 4) : 0;
  block.skip = &stage != &member.body.front();
  block.norm = member.norm;
  block.padding = options.padding;
  return block;
}

Graph BuildMember(const Member& member, const MnasNetOptions& options) {
  ExpectOption("mnasnet", "width", options.width, 0.01, 8);
  ExpectOption("mnasnet", "dropout", options.dropout, 0, 0.99);
  Strides strides{.skip = options.small_input ? 2 : 0};
  int channels = MakeDivisible(member.stem * options.width);
  Graph graph;
  Value x = EmitInput(graph, options.common);
  x = ConvBnAct(graph, x, member.names.stem,
                SquareConv(channels, 3, strides.Next(2).stride, 1, 1, options.padding),
                Activation::kRelu, member.norm);
  for (size_t s = 0; s < member.body.size(); ++s) {
    const Stage& stage = member.body[s];
    for (int i = 0; i < stage.repeats; ++i) {
      const InvertedResidual block =
          Block(member, stage, channels, strides.Next(i == 0 ? stage.stride : 1), options);
      x = EmitInvertedResidual(graph, x, member.names.block(s, i, block), block);
      channels = block.out;
    }
  }
  x = ConvBnAct(graph, x, member.names.head, SquareConv(1280, 1), Activation::kRelu, member.norm);
  graph.outputs = {
      Classifier(graph, x, member.names.classifier, options.common.classes, options.dropout)};
  return graph;
}

// The authors' code: decay 0.99.
constexpr BatchNorm kTensorFlowNorm{.eps = 1e-3f, .momentum = 0.01f};
// torchvision: the decay 0.9997 of the paper, and PyTorch's eps.
constexpr BatchNorm kTorchvisionNorm{.eps = 1e-5f, .momentum = 3e-4f};

NameRule Timm() {
  return {{"conv_stem", "bn1", "act1"}, {"conv_head", "bn2", "act2"}, "classifier", TimmBlock};
}
NameRule Torchvision() {
  return {NumberedNames("layers", 0), NumberedNames("layers", 14), "classifier.1",
          TorchvisionBlock};
}

Graph BuildA1(const MnasNetOptions& options) {
  return BuildMember({kA1, 32, kTensorFlowNorm, Timm()}, options);
}
Graph BuildB1(const MnasNetOptions& options) {
  return BuildMember({kB1, 32, kTorchvisionNorm, Torchvision()}, options);
}
// timm's first block adds its input; in the authors' code it does not, as the block is declared for
// 16 channels and the stem has 8.
Graph BuildSmall(const MnasNetOptions& options) {
  return BuildMember({kSmall, 8, kTensorFlowNorm, Timm()}, options);
}

const char kPaper[] = "1807.11626 table 1";
const char kReadme[] = "tensorflow/tpu, models/official/mnasnet/README.md";
const char kTorchvision[] = "torchvision 0.14 weights V1";

}  // namespace

LINNET_FAMILY(mnasnet) {
  const std::string paper = "1807.11626";
  MnasNetOptions no_dropout;
  no_dropout.dropout = 0;
  return {
      MakeArch<MnasNetOptions>(
          {.name = "mnasnet_a1",
           .title = "searched for a phone's latency, with squeeze-and-excite",
           .paper = paper,
           .variants = {{"", 3887038, 311579072, 75.2, 92.5, kPaper},
                        {"width=1.4", 6105992, 586317952, 77.2, 93.5, kReadme},
                        {"width=0.75", 2912278, 223448480, 73.3, 91.3, kReadme},
                        {"width=0.5", 2082006, 103162992, 68.9, 88.4, kReadme}}},
          BuildA1),
      MakeArch<MnasNetOptions>(
          {.name = "mnasnet_b1",
           .title = "MnasNet without squeeze-and-excite",
           .paper = paper,
           .variants = {{"", 4383312, 314415872, 73.456, 91.510, kTorchvision},
                        {"width=0.5", 2218512, 104455968, 67.734, 87.490, kTorchvision},
                        {"width=0.75", 3170208, 215493104, 71.180, 90.496, kTorchvision},
                        {"width=1.3", 6282256, 526362432, 76.506, 93.522, kTorchvision}}},
          BuildB1),
      MakeArch<MnasNetOptions>(
          {.name = "mnasnet_small",
           .title = "MnasNet for the smallest budgets",
           .paper = paper,
           .variants = {{"", 2030264, 68339184, 64.9, 0, "1905.02244 table 3"}}},
          BuildSmall, no_dropout),
  };
}

}  // namespace linnet
