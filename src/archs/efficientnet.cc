// EfficientNet: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
// Networks", 1905.11946. Names as torchvision's efficientnet_b0 to b7.
#include <algorithm>
#include <cmath>

#include "archs/arch.h"
#include "archs/inverted_residual.h"

namespace linnet {
namespace {

struct EfficientNetOptions {
  double width = 1, depth = 1;
  double phi = 0;
  float drop_path = 0.2f;  // TensorFlow: survival probability 0.8
  float dropout = 0.2f;
  float bn_eps = 1e-5f, bn_momentum = 0.1f;
  PaddingRule padding = PaddingRule::kSymmetric;
  bool small_input = false;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("width", self.width, "width coefficient: share of the channels, to the nearest 8");
    v("depth", self.depth, "depth coefficient: share of the blocks, rounded up");
    v("phi", self.phi, "scales on: width by 1.1^phi, depth by 1.2^phi, size by 1.15^phi (eq. 3)");
    v("drop_path", self.drop_path, "rate of stochastic depth at the end, from 0 at the beginning");
    v("dropout", self.dropout, "dropout before the classifier");
    v("bn_eps", self.bn_eps, "batch norm: added to the variance (TensorFlow: 0.001)");
    v("bn_momentum", self.bn_momentum, "batch norm: share of the batch (TensorFlow: 0.01)");
    v("padding", self.padding, "symmetric (PyTorch) or same (TensorFlow)");
    v("small_input", self.small_input, "first two strides 1, for pictures of 32x32 or so");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Table 1, stages 2 to 8: expansion, kernel, channels, layers, stride of the first.
struct Stage {
  int expansion, kernel, channels, layers, stride;
};
constexpr Stage kBody[] = {
    {1, 3, 16, 1, 1},   //
    {6, 3, 24, 2, 2},   //
    {6, 5, 40, 2, 2},   //
    {6, 3, 80, 3, 2},   //
    {6, 5, 112, 3, 1},  //
    {6, 5, 192, 4, 2},  //
    {6, 3, 320, 1, 1},
};

// Equation 3, with the paper's alpha, beta and gamma: each phi doubles the multiply-adds.
EfficientNetOptions Scaled(EfficientNetOptions options) {
  options.depth *= std::pow(1.2, options.phi);
  options.width *= std::pow(1.1, options.phi);
  options.common.size =
      static_cast<int>(std::lround(options.common.size * std::pow(1.15, options.phi)));
  options.phi = 0;
  CheckCommonOptions("efficientnet", options.common);
  return options;
}

struct Network {
  EfficientNetOptions options;
  Strides strides;
  Graph graph;

  int Channels(int channels) const { return MakeDivisible(channels * options.width); }
  int Layers(int layers) const { return static_cast<int>(std::ceil(layers * options.depth)); }
  BatchNorm Norm() const { return {.eps = options.bn_eps, .momentum = options.bn_momentum}; }

  // MBConv. What is squeezed is the expanded map, to a quarter of the block's input.
  InvertedResidual Block(const Stage& stage, int in, int stride, float drop_path) {
    InvertedResidual block;
    block.in = in;
    block.expanded = stage.expansion * in;
    block.out = Channels(stage.channels);
    block.kernel = stage.kernel;
    block.step = strides.Next(stride);
    block.act = Activation::kSwish;
    block.squeeze = std::max(1, in / 4);
    block.squeeze_act = Activation::kSwish;
    block.drop_path = drop_path;
    block.norm = Norm();
    block.padding = options.padding;
    return block;
  }

  Value Body(Value x, int& channels) {
    int total = 0, count = 0;
    for (const Stage& stage : kBody) total += Layers(stage.layers);
    for (size_t s = 0; s < std::size(kBody); ++s) {
      for (int i = 0; i < Layers(kBody[s].layers); ++i) {
        const float drop_path = options.drop_path * static_cast<float>(count++) / total;
        const InvertedResidual block =
            Block(kBody[s], channels, i == 0 ? kBody[s].stride : 1, drop_path);
        const std::string name = fmt::format("features.{}.{}", s + 1, i);
        x = EmitInvertedResidual(graph, x, TorchvisionNames(name, block), block);
        channels = block.out;
      }
    }
    return x;
  }

  Graph Build() {
    int channels = Channels(32);
    Value x = EmitInput(graph, options.common);
    x = ConvBnAct(graph, x, NumberedNames("features.0"),
                  SquareConv(channels, 3, strides.Next(2).stride, 1, 1, options.padding),
                  Activation::kSwish, Norm());
    x = Body(x, channels);
    x = ConvBnAct(graph, x, NumberedNames(fmt::format("features.{}", std::size(kBody) + 1)),
                  SquareConv(Channels(1280), 1), Activation::kSwish, Norm());
    graph.outputs = {Classifier(graph, x, "classifier.1", options.common.classes, options.dropout)};
    return std::move(graph);
  }
};

Graph Build(const EfficientNetOptions& options) {
  ExpectOption("efficientnet", "width", options.width, 0.01, 8);
  ExpectOption("efficientnet", "depth", options.depth, 0.01, 16);
  ExpectOption("efficientnet", "phi", options.phi, -5, 10);
  ExpectOption("efficientnet", "drop_path", options.drop_path, 0, 0.99);
  ExpectOption("efficientnet", "dropout", options.dropout, 0, 0.99);
  return Network{Scaled(options), {.skip = options.small_input ? 2 : 0}, {}}.Build();
}

// The released table. It follows equation 3 up to B3 (phi = 0, 0.5, 1, 2, rounded, with B1's width
// left at 1) and then grows more by resolution. Table 2 prints 4.2B and 9.9B multiply-adds for B4
// and B5, where 4.39G and 10.27G are counted. Accuracy: table 2 of version 5, trained with
// AutoAugment.
struct Member {
  const char* name;
  double width, depth;
  int size;
  float dropout;
  int64_t params, macs;
  double top1, top5;
};
constexpr Member kMembers[] = {
    {"efficientnet_b0", 1, 1, 224, 0.2f, 5288548, 385814752, 77.1, 93.3},
    {"efficientnet_b1", 1, 1.1, 240, 0.2f, 7794184, 686802832, 79.1, 94.4},
    {"efficientnet_b2", 1.1, 1.2, 260, 0.3f, 9109994, 993561872, 80.1, 94.9},
    {"efficientnet_b3", 1.2, 1.4, 300, 0.3f, 12233232, 1827141392, 81.6, 95.7},
    {"efficientnet_b4", 1.4, 1.8, 380, 0.4f, 19341616, 4393771024, 82.9, 96.4},
    {"efficientnet_b5", 1.6, 2.2, 456, 0.4f, 30389784, 10266384752, 83.6, 96.7},
    {"efficientnet_b6", 1.8, 2.6, 528, 0.5f, 43040704, 19067593536, 84.0, 96.8},
    {"efficientnet_b7", 2, 3.1, 600, 0.5f, 66347960, 37745884192, 84.3, 97.0},
};

// torchvision's batch norms: TensorFlow's numbers from B5 on, where its weights come from there.
EfficientNetOptions Defaults(const Member& member) {
  EfficientNetOptions options;
  options.width = member.width;
  options.depth = member.depth;
  options.dropout = member.dropout;
  options.common.size = member.size;
  if (member.depth >= 2.2) {
    options.bn_eps = 1e-3f;
    options.bn_momentum = 0.01f;
  }
  return options;
}

// B0 scaled along one dimension, or along all.
const char kTable7[] = "1905.11946 table 7";
const std::vector<Variant> kScaledB0 = {
    {"depth=4", 20091856, 1575132640, 79.0, 0, kTable7},
    {"width=2", 18122720, 1449958848, 78.9, 0, kTable7},
    {"size=448", 5288548, 1537537408, 79.1, 0, kTable7},
    {"depth=1.4,width=1.2,size=291", 12233232, 1800091280, 81.1, 0, kTable7},
};

}  // namespace

LINNET_FAMILY(efficientnet) {
  std::vector<Arch> archs;
  for (const Member& member : kMembers) {
    Arch arch{.name = member.name,
              .title = fmt::format("compound scaling: width {}, depth {}, size {}", member.width,
                                   member.depth, member.size),
              .paper = "1905.11946",
              .variants = {{"", member.params, member.macs, member.top1, member.top5,
                            "1905.11946 table 2"}}};
    if (&member == kMembers) {
      arch.variants.insert(arch.variants.end(), kScaledB0.begin(), kScaledB0.end());
    }
    archs.push_back(MakeArch<EfficientNetOptions>(std::move(arch), Build, Defaults(member)));
  }
  return archs;
}

}  // namespace linnet
