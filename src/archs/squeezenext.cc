// SqueezeNext: Gholami et al., "SqueezeNext: Hardware-Aware Neural Network Design", 1803.10615,
// Figures 2 and 3 and the authors' Caffe files.
#include <cmath>

#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct SqueezeNextOptions {
  float width = 1;
  int groups = 1;
  bool small_input = false;
  CommonOptions common = {.size = 227};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("width", self.width, "factor of the channels of the blocks; stem and head stay");
    v("groups", self.groups, "groups in the first 1x1, the 3x1 and the 1x3 of a block (2: '-G')");
    v("small_input", self.small_input,
      "stem with stride 1 and without pooling, for pictures of 32x32 or so");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Where a stage's first block takes its input. In the files of version 5, which were drawn for the
// accelerator, the projection is not beside the block but before it; the counts tell them apart.
enum class Projection { kBeside, kBefore };

struct Version {
  int stem_kernel;
  std::vector<int> depths;  // blocks of the four stages; their widths are 32, 64, 128, 256
  Projection projection;
};
const Version k23 = {7, {6, 6, 8, 1}, Projection::kBeside};
// Sec. 4.2: a smaller stem, and blocks moved from the early stages, whose few channels leave the
// accelerator idle, to the third.
const Version k23v5 = {5, {2, 4, 14, 1}, Projection::kBefore};

struct Network {
  SqueezeNextOptions options;
  Graph graph;

  Value ConvBnRelu(Value x, const std::string& name, const Conv2d& conv) {
    return ConvBnAct(graph, x, {name + ".conv", name + ".bn", name + ".act"}, conv,
                     Activation::kRelu);
  }

  // 3x1 (height 3) or 1x3, 'same' size.
  static Conv2d Separated(int channels, bool vertical, int groups) {
    Conv2d conv;
    conv.out_channels = channels;
    conv.kernel = vertical ? Pair{3, 1} : Pair{1, 3};
    conv.padding = vertical ? Padding{false, 1, 0, 1, 0} : Padding{false, 0, 1, 0, 1};
    conv.groups = groups;
    return conv;
  }

  // Figure 2: two 1x1 that halve the channels, 3x1 and 1x3, whose order alternates from block to
  // block, and a 1x1 that brings the channels back.
  Value Branch(Value x, const std::string& name, int channels, int stride, bool vertical_first) {
    const int half = channels / 2, quarter = channels / 4, groups = options.groups;
    x = ConvBnRelu(x, name + ".conv1", SquareConv(half, 1, stride, groups));
    x = ConvBnRelu(x, name + ".conv2", SquareConv(quarter, 1));
    x = ConvBnRelu(x, name + ".conv3", Separated(half, vertical_first, groups));
    x = ConvBnRelu(x, name + ".conv4", Separated(half, !vertical_first, groups));
    return ConvBnRelu(x, name + ".conv5", SquareConv(channels, 1));
  }

  Value Stage(Value x, int stage, int depth, int channels, Projection projection) {
    for (int b = 0; b < depth; ++b) {
      const std::string name = fmt::format("stages.{}.{}", stage, b);
      Value shortcut = x;
      int stride = 1;
      if (b == 0) {
        stride = stage == 0 ? 1 : 2;
        shortcut = ConvBnRelu(x, name + ".shortcut", SquareConv(channels, 1, stride));
        if (projection == Projection::kBefore) {
          x = shortcut;
          stride = 1;
        }
      }
      x = Branch(x, name, channels, stride, /*vertical_first=*/b % 2 == 0);
      x = graph.Emit(name + ".add", Add{}, {shortcut, x});
      x = graph.Emit(name + ".act", Act{}, {x});
    }
    return x;
  }

  Graph Build(const Version& version) {
    Value x = EmitInput(graph, options.common);
    Conv2d stem = SquareConv(64, version.stem_kernel, options.small_input ? 1 : 2);
    stem.padding = {};
    x = ConvBnRelu(x, "stem", stem);
    if (!options.small_input) {
      x = graph.Emit("pool", Pool{.kernel = {3, 3}, .stride = {2, 2}, .ceil = true}, {x});
    }
    for (int s = 0; s < 4; ++s) {
      const int channels = std::lround((32 << s) * options.width);
      x = Stage(x, s, version.depths[s], channels, version.projection);
    }
    x = ConvBnRelu(x, "head", SquareConv(128, 1));
    x = graph.Emit("global_pool", GlobalPool{}, {x});
    x = graph.Emit("flatten", Flatten{}, {x});
    graph.outputs = {
        graph.Emit("fc", Dense{.out_features = options.common.classes, .bias = false}, {x})};
    return graph;
  }
};

template <const Version& version>
Graph Build(const SqueezeNextOptions& options) {
  ExpectOption("squeezenext", "width", options.width, 0.125, 8);
  ExpectOption("squeezenext", "groups", options.groups, 1, 64);
  return Network{options, {}}.Build(version);
}

// Counts are of the authors' Caffe files.
const char kPaper[] = "1803.10615 tables 2, 3";

}  // namespace

LINNET_FAMILY(squeezenext) {
  return {
      MakeArch<SqueezeNextOptions>(
          {.name = "squeezenext23",
           .title = "two-stage bottlenecks with 3x1 and 1x3 convolutions",
           .paper = "1803.10615",
           .variants = {{"", 717280, 277999808, 59.05, 82.60, kPaper},
                        {"groups=2", 543072, 224191552, 57.16, 80.23, kPaper},
                        {"width=2", 2361728, 742070464, 67.18, 88.17, kPaper}}},
          Build<k23>),
      MakeArch<SqueezeNextOptions>(
          {.name = "squeezenext23v5",
           .title = "SqueezeNext with blocks moved to the third stage",
           .paper = "1803.10615",
           .variants = {{"", 930016, 224916480, 59.24, 82.41, kPaper},
                        {"width=2", 3222912, 702592000, 67.44, 88.20, kPaper}}},
          Build<k23v5>),
  };
}

}  // namespace linnet
