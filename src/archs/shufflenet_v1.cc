// ShuffleNet: Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for
// Mobile Devices", 1707.01083. Neither torchvision nor timm has it; names are those of our
// ShuffleNet V2 where the parts are the same.
#include "archs/arch.h"
#include "archs/attention.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct ShuffleNetV1Options {
  double width = 1;  // the paper's scale factor s
  int groups = 3;
  int stem = 0;
  bool shuffle = true;
  bool se = false;
  bool bias = true;
  bool small_input = false;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("width", self.width, "scale factor s: share of the channels");
    v("groups", self.groups, "groups of the pointwise convolutions: 1, 2, 3, 4, 8");
    v("stem", self.stem, "channels of the first convolution; 0: 24 * width");
    v("shuffle", self.shuffle, "false: groups never mix (table 3)");
    v("se", self.se, "squeeze-and-excite at the end of each branch (table 5)");
    v("bias", self.bias, "the classifier adds a bias");
    v("small_input", self.small_input, "stem of stride 1 without pooling, for 32x32 or so");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Table 1: channels of stage 2, doubled from stage to stage.
struct Row {
  int groups, channels;
};
constexpr Row kChannels[] = {{1, 144}, {2, 200}, {3, 240}, {4, 272}, {8, 384}};
constexpr int kRepeats[] = {4, 8, 4};

int TableChannels(int groups) {
  for (const Row& row : kChannels) {
    if (row.groups == groups) return row.channels;
  }
  Fail(ErrorKind::kUsage, "architecture shufflenet_v1: groups={}: expected 1, 2, 3, 4 or 8",
       groups);
}

struct Network {
  ShuffleNetV1Options options;
  Graph graph;

  // 'in' channels are those of x; the groups divide them.
  Value GroupConv(Value x, const std::string& name, const char* number, int in, int out, int groups,
                  Activation act) {
    const ConvNames names = {name + ".conv" + number, name + ".bn" + number,
                             name + ".relu" + number};
    if (out % groups == 0) return ConvBnAct(graph, x, names, SquareConv(out, 1, 1, groups), act);
    x = UnevenGroups(x, names.conv, in, out, groups);
    x = graph.Emit(names.bn, BatchNorm{}, {x});
    return act == Activation::kIdentity ? x : graph.Emit(names.act, Act{act}, {x});
  }

  // Filters dealt out to groups that do not divide them: the first groups have one more. Those come
  // last in the result.
  Value UnevenGroups(Value x, const std::string& name, int in, int out, int groups) {
    const int more = out % groups;
    const Slice first = {.axis = Axis::kChannel, .end = in / groups * more};
    const Value even = graph.Emit(name + ".even", SquareConv(out - more, 1, 1, groups), {x});
    const Value seen = graph.Emit(name + ".slice", first, {x});
    const Value rest = graph.Emit(name + ".rest", SquareConv(more, 1, 1, more), {seen});
    return graph.Emit(name + ".concat", Concat{}, {even, rest});
  }

  // Figure 2 b and c. 'out' are the channels of the branch.
  Value Branch(Value x, const std::string& name, int in, int squeeze, int out, int stride,
               int first_groups) {
    x = GroupConv(x, name, "1", in, squeeze, first_groups, Activation::kRelu);
    if (options.shuffle && options.groups > 1) {
      x = graph.Emit(name + ".shuffle", ChannelShuffle{options.groups}, {x});
    }
    x = ConvBnAct(graph, x, {name + ".conv2", name + ".bn2", ""},
                  SquareConv(squeeze, 3, stride, squeeze), Activation::kIdentity);
    x = GroupConv(x, name, "3", squeeze, out, options.groups, Activation::kIdentity);
    if (!options.se) return x;
    return SqueezeExcite(graph, x, name + ".se", out, {.squeeze = AttentionSqueeze(out)});
  }

  // The first unit of a stage concatenates its pooled input and so has less to compute. Figure 2 c
  // draws the ReLU after the concatenation; what was pooled is positive already.
  Value Unit(Value x, const std::string& name, int in, int out, bool first, int first_groups) {
    const int squeeze = MakeDivisible(out / 4.0, options.groups);
    if (!first) {
      Value y = Branch(x, name, in, squeeze, out, 1, first_groups);
      y = graph.Emit(name + ".add", Add{}, {x, y});
      return graph.Emit(name + ".relu", Act{}, {y});
    }
    const Value pooled = graph.Emit(name + ".pool",
                                    Pool{.kind = PoolKind::kAverage,
                                         .kernel = {3, 3},
                                         .stride = {2, 2},
                                         .padding = Padding::All(1),
                                         .count_include_pad = true},
                                    {x});
    Value y = Branch(x, name, in, squeeze, out - in, 2, first_groups);
    y = graph.Emit(name + ".relu", Act{}, {y});
    return graph.Emit(name + ".concat", Concat{}, {pooled, y});
  }

  Value Stem(Value x, int channels) {
    x = ConvBnAct(graph, x, NumberedNames("conv1"),
                  SquareConv(channels, 3, options.small_input ? 1 : 2), Activation::kRelu);
    if (options.small_input) return x;
    return graph.Emit("maxpool",
                      Pool{.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::All(1)}, {x});
  }

  Graph Build() {
    int out = MakeDivisible(TableChannels(options.groups) * options.width, options.groups);
    int in = options.stem > 0 ? options.stem : MakeDivisible(24 * options.width, options.groups);
    Value x = Stem(EmitInput(graph, options.common), in);
    for (int stage = 0; stage < 3; ++stage, out *= 2) {
      for (int i = 0; i < kRepeats[stage]; ++i) {
        // "we do not apply group convolution on the first pointwise layer" of stage 2 (table 1).
        const int first_groups = stage == 0 && i == 0 ? 1 : options.groups;
        x = Unit(x, fmt::format("stage{}.{}", stage + 2, i), in, out, i == 0, first_groups);
        in = out;
      }
    }
    x = graph.Emit("global_pool", GlobalPool{}, {x});
    x = graph.Emit("flatten", Flatten{}, {x});
    graph.outputs = {
        graph.Emit("fc", Dense{.out_features = options.common.classes, .bias = options.bias}, {x})};
    return std::move(graph);
  }
};

Graph Build(const ShuffleNetV1Options& options) {
  ExpectOption("shufflenet_v1", "width", options.width, 0.1, 8);
  ExpectOption("shufflenet_v1", "stem", options.stem, 0, 256);
  return Network{options, {}}.Build();
}

// Accuracy: the paper's, and for what it leaves out that of its authors' release, whose 1.5 and 2
// begin with 24 and 48 channels and whose classifier has no bias.
//
// Half and quarter widths leave numbers of channels that 2, 4 or 8 groups do not divide (25 at
// width 0.5 with 2 groups); the paper does not say how it rounds. Here such bottlenecks and stems
// go to the nearest multiple of the groups: 16 channels in the stem of 0.5 with 8 groups, as in
// the authors' release. With the stem of 24 * width the first branch has 180 or 90 filters for 8
// groups: dealt out unevenly (stem=12, stem=6). Table 2's 13M at 0.25 suggest a stem of 12
// (stem=12), not of 6.
const char kTable2[] = "1707.01083 table 2";
const char kTable5[] = "1707.01083 table 5";
const char kMegvii[] = "megvii-model/ShuffleNet-Series";
const std::vector<Variant> kVariants = {
    {"width=1,groups=1", 1531936, 143078976, 66.4, 0, kTable2},
    {"width=1,groups=2", 1733848, 140836512, 67.3, 0, kTable2},
    {"width=1,groups=3", 1865728, 137460672, 67.4, 0, kTable2},
    {"width=1,groups=4", 1968344, 134339776, 67.2, 0, kTable2},
    {"width=1,groups=8", 2434768, 138365952, 67.6, 0, kTable2},
    {"width=0.5,groups=1", 534484, 38517408, 54.9, 0, kTable2},
    {"width=0.5,groups=2", 643932, 38570608, 55.6, 0, kTable2},
    {"width=0.5,groups=3", 718324, 37589856, 56.8, 0, kTable2},
    {"width=0.5,groups=4", 778040, 37468832, 58.4, 0, kTable2},
    {"width=0.5,groups=8", 1011448, 40469760, 57.7, 0, kTable2},
    {"width=0.5,groups=8,stem=12", 1011172, 38531712, 57.7, 0, kTable2},
    {"width=0.25,groups=1", 209746, 11003184, 42.9, 0, kTable2},
    {"width=0.25,groups=2", 267026, 11156596, 43.2, 0, kTable2},
    {"width=0.25,groups=3", 305902, 11009808, 45.0, 0, kTable2},
    {"width=0.25,groups=4", 338544, 11814440, 45.8, 0, kTable2},
    {"width=0.25,groups=8", 454504, 12426240, 47.3, 0, kTable2},
    {"width=0.25,groups=8,stem=6", 454408, 11603040, 47.3, 0, kTable2},
    {"width=1.5,groups=3,stem=24,bias=false", 3441168, 292443552, 71.5, 0, kTable5},
    {"width=2,groups=3,bias=false", 5449776, 524045184, 73.7, 0, kTable5},
    {"width=1.5,groups=8,stem=24,bias=false", 4268952, 290188800, 71.0, 0, kMegvii},
    {"width=2,groups=8,bias=false", 6521232, 521942016, 72.9, 0, kMegvii},
};

}  // namespace

LINNET_FAMILY(shufflenet_v1) {
  return {MakeArch<ShuffleNetV1Options>({.name = "shufflenet_v1",
                                         .title = "grouped pointwise convolutions and a shuffle",
                                         .paper = "1707.01083",
                                         .variants = kVariants},
                                        Build)};
}

}  // namespace linnet
