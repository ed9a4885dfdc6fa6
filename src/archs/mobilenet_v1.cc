// MobileNet V1: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile
// Vision Applications", 1704.04861. Names as timm's mobilenetv1.
#include <algorithm>

#include "archs/arch.h"
#include "archs/attention.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct MobileNetV1Options {
  float width = 1;  // alpha, sec. 3.3
  Attention attention = Attention::kNone;
  bool small_input = false;
  int output_stride = 0;
  PaddingRule padding = PaddingRule::kSymmetric;
  Activation act = Activation::kRelu6;
  float dropout = 0.001f;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("width", self.width, "width multiplier alpha: share of the channels");
    v("attention", self.attention, "none, se, bam, cbam: squeeze-and-excite and its followers");
    v("small_input", self.small_input, "first two strides 1, for pictures of 32x32 or so");
    v("output_stride", self.output_stride, "8, 16: dilation from there on; 0: all strides");
    v("padding", self.padding, "symmetric (PyTorch) or same (TensorFlow)");
    v("act", self.act, "activation after each batch norm");
    v("dropout", self.dropout, "dropout before the classifier");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Table 1: (output channels, stride) of each separable block, grouped by channels. The paper prints
// stride 2 for the last block; its maps are 7x7 on both sides, so it is 1.
struct Block {
  int channels, stride;
};
using Stage = std::vector<Block>;
const std::vector<Stage> kBody = {
    {{64, 1}},
    {{128, 2}, {128, 1}},
    {{256, 2}, {256, 1}},
    {{512, 2}, {512, 1}, {512, 1}, {512, 1}, {512, 1}, {512, 1}},
    {{1024, 2}, {1024, 1}},
};
// Table 5: without the five blocks of 14x14x512.
const std::vector<Stage> kShallowBody = {
    {{64, 1}}, {{128, 2}, {128, 1}}, {{256, 2}, {256, 1}}, {{512, 2}}, {{1024, 2}, {1024, 1}},
};

enum class BlockKind { kSeparable, kFull };

struct Network {
  MobileNetV1Options options;
  Strides strides;
  Graph graph;

  // tf-slim's rule: no rounding, at least 8.
  int Channels(int channels) const {
    return std::max(static_cast<int>(static_cast<float>(channels) * options.width), 8);
  }

  Conv2d Conv3x3(int out, int stride, int groups) {
    const Strides::Step step = strides.Next(stride);
    return SquareConv(out, 3, step.stride, groups, step.dilation, options.padding);
  }

  // SE weighs each block's output (1709.01507, table 3: 4.7M parameters), CBAM both halves of the
  // block (1807.06521, table 4: 5.07M).
  Value Attend(Value x, const std::string& name, int channels, bool end) {
    if (options.attention == Attention::kSe && end) {
      return SqueezeExcite(graph, x, name + ".se", channels,
                           {.squeeze = AttentionSqueeze(channels)});
    }
    if (options.attention == Attention::kCbam) {
      return Cbam(graph, x, name + (end ? ".cbam2" : ".cbam1"), channels);
    }
    return x;
  }

  Value SeparableBlock(Value x, const std::string& name, int in, Block block) {
    x = ConvBnAct(graph, x, {name + ".conv_dw", name + ".bn1", name + ".act1"},
                  Conv3x3(in, block.stride, /*groups=*/in), options.act);
    x = Attend(x, name, in, /*end=*/false);
    const int out = Channels(block.channels);
    x = ConvBnAct(graph, x, {name + ".conv_pw", name + ".bn2", name + ".act2"}, SquareConv(out, 1),
                  options.act);
    return Attend(x, name, out, /*end=*/true);
  }

  // Table 4: what the separable blocks replace.
  Value FullBlock(Value x, const std::string& name, Block block) {
    const int out = Channels(block.channels);
    x = ConvBnAct(graph, x, {name + ".conv", name + ".bn1", name + ".act1"},
                  Conv3x3(out, block.stride, /*groups=*/1), options.act);
    return Attend(x, name, out, /*end=*/true);
  }

  Graph Build(const std::vector<Stage>& body, BlockKind kind) {
    Value x = EmitInput(graph, options.common);
    int channels = Channels(32);
    x = ConvBnAct(graph, x, {"conv_stem", "bn1", "act1"}, Conv3x3(channels, 2, /*groups=*/1),
                  options.act);
    for (size_t s = 0; s < body.size(); ++s) {
      for (size_t b = 0; b < body[s].size(); ++b) {
        const std::string name = fmt::format("blocks.{}.{}", s, b);
        x = kind == BlockKind::kSeparable ? SeparableBlock(x, name, channels, body[s][b])
                                          : FullBlock(x, name, body[s][b]);
        channels = Channels(body[s][b].channels);
      }
      // BAM stands where the map is about to shrink (1807.06514, sec. 3).
      if (options.attention == Attention::kBam && s + 1 < body.size()) {
        x = Bam(graph, x, fmt::format("bam{}", s + 1), channels);
      }
    }
    graph.outputs = {Classifier(graph, x, "classifier", options.common.classes, options.dropout)};
    return std::move(graph);
  }
};

template <const std::vector<Stage>& body, BlockKind kind>
Graph Build(const MobileNetV1Options& options) {
  ExpectOption("mobilenet_v1", "width", options.width, 0.01, 8);
  ExpectOption("mobilenet_v1", "dropout", options.dropout, 0, 0.99);
  ExpectOutputStride("mobilenet_v1", options.output_stride);
  const Strides strides{.skip = options.small_input ? 2 : 0,
                        .output_stride = options.output_stride};
  return Network{options, strides, {}}.Build(body, kind);
}

// Accuracy: the paper's where it prints one, else tf-slim's release of 2018_02_22, whose networks
// these are (with a 1001st class for the background).
const char kTable6[] = "1704.04861 tables 6, 7";
const char kTable9[] = "1704.04861 table 9";
const char kSlim[] = "tf-slim 2018_02_22";
const std::vector<Variant> kVariants = {
    {"width=1,size=224", 4231976, 568740352, 70.6, 0, kTable6},
    {"width=1,size=192", 4231976, 418121728, 69.1, 0, kTable6},
    {"width=1,size=160", 4231976, 290675200, 67.2, 0, kTable6},
    {"width=1,size=128", 4231976, 186400768, 64.4, 0, kTable6},
    {"width=0.75,size=224", 2585560, 325400448, 68.4, 0, kTable6},
    {"width=0.75,size=192", 2585560, 239273472, 67.2, 87.3, kSlim},
    {"width=0.75,size=160", 2585560, 166396800, 65.3, 86.0, kSlim},
    {"width=0.75,size=128", 2585560, 106770432, 62.1, 83.9, kSlim},
    {"width=0.5,size=224", 1331592, 149497088, 63.7, 0, kTable6},
    {"width=0.5,size=192", 1331592, 109970432, 61.7, 83.6, kSlim},
    {"width=0.5,size=160", 1331592, 76524800, 60.2, 0, kTable9},
    {"width=0.5,size=128", 1331592, 49160192, 56.3, 79.4, kSlim},
    {"width=0.25,size=224", 470072, 41030272, 50.6, 0, kTable6},
    {"width=0.25,size=192", 470072, 30212608, 47.7, 72.3, kSlim},
    {"width=0.25,size=160", 470072, 21059200, 45.5, 70.3, kSlim},
    {"width=0.25,size=128", 470072, 13570048, 41.5, 66.3, kSlim},
    {"width=0.25,size=96,classes=2,act=relu", 213586, 7489664, 0, 0,
     "MLPerf Tiny, visual wake words: the reference network"},
    {"attention=se", 4718044, 569220096, 74.7, 92.3, "1709.01507 table 3"},
    {"attention=bam", 4323480, 596173696, 69.42, 89.10, "1807.06514, MobileNet on ImageNet"},
    {"attention=cbam", 5074714, 574642408, 70.99, 90.01, "1807.06521 table 4"},
};

}  // namespace

LINNET_FAMILY(mobilenet_v1) {
  const std::string paper = "1704.04861";
  return {
      MakeArch<MobileNetV1Options>(
          {.name = "mobilenet_v1",
           .title = "depthwise separable convolutions, width and resolution",
           .paper = paper,
           .variants = kVariants},
          Build<kBody, BlockKind::kSeparable>),
      MakeArch<MobileNetV1Options>(
          {.name = "mobilenet_v1_full",
           .title = "MobileNet V1 with full convolutions",
           .paper = paper,
           .variants = {{"", 29294088, 4867293184, 71.7, 0, "1704.04861 table 4"}}},
          Build<kBody, BlockKind::kFull>),
      MakeArch<MobileNetV1Options>(
          {.name = "mobilenet_v1_shallow",
           .title = "MobileNet V1 without the five blocks of 14x14x512",
           .paper = paper,
           .variants = {{"", 2887976, 307323392, 65.3, 0, "1704.04861 table 5"}}},
          Build<kShallowBody, BlockKind::kSeparable>),
  };
}

}  // namespace linnet
