// SqueezeNet: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
// <0.5MB model size", 1602.07360. Names as torchvision's; 'bypass' is ours.
#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

// Sec. 6, Figure 2: what is added to the output of a fire module.
enum class Bypass {
  kNone,
  kSimple,   // its input, where the channels agree
  kComplex,  // its input, through a 1x1 convolution where they do not
};
constexpr const char* kBypassNames[] = {"none", "simple", "complex"};
std::span<const char* const> EnumNames(Bypass) { return kBypassNames; }

struct SqueezeNetOptions {
  Bypass bypass = Bypass::kNone;
  bool small_input = false;
  float dropout = 0.5f;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("bypass", self.bypass, "what goes around the fire modules: none, simple, complex");
    v("small_input", self.small_input, "stem with stride 1, for pictures of 32x32 or so");
    v("dropout", self.dropout, "dropout before the last convolution");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Filters of the squeeze layer, and of each half of the expand layer (1x1 and 3x3).
struct Fire {
  int squeeze, expand;
};
struct Version {
  int stem_channels, stem_kernel;
  std::vector<std::vector<Fire>> stages;  // a max pooling before each
};
// Table 1.
const Version kVersion10 = {
    96,
    7,
    {{{16, 64}, {16, 64}, {32, 128}}, {{32, 128}, {48, 192}, {48, 192}, {64, 256}}, {{64, 256}}}};
// The authors' second release: a smaller stem, and the pooling earlier.
const Version kVersion11 = {
    64,
    3,
    {{{16, 64}, {16, 64}}, {{32, 128}, {32, 128}}, {{48, 192}, {48, 192}, {64, 256}, {64, 256}}}};

struct Network {
  SqueezeNetOptions options;
  Graph graph;

  Value ConvRelu(Value x, const std::string& name, const std::string& relu, Conv2d conv) {
    conv.bias = true;
    x = graph.Emit(name, conv, {x});
    return graph.Emit(relu, Act{}, {x});
  }

  Value FireModule(Value x, const std::string& name, int in, Fire fire) {
    const Value squeezed =
        ConvRelu(x, name + ".squeeze", name + ".squeeze_activation", SquareConv(fire.squeeze, 1));
    const Value one = ConvRelu(squeezed, name + ".expand1x1", name + ".expand1x1_activation",
                               SquareConv(fire.expand, 1));
    const Value three = ConvRelu(squeezed, name + ".expand3x3", name + ".expand3x3_activation",
                                 SquareConv(fire.expand, 3));
    const Value y = graph.Emit(name + ".concat", Concat{}, {one, three});
    const int out = 2 * fire.expand;
    if (options.bypass == Bypass::kNone) return y;
    if (in != out) {
      if (options.bypass == Bypass::kSimple) return y;
      x = graph.Emit(name + ".bypass", Conv2d{.out_channels = out, .bias = true}, {x});
    }
    return graph.Emit(name + ".add", Add{}, {y, x});
  }

  // The order is the authors': dropout, convolution, ReLU, and then the average.
  Value Classifier(Value x) {
    if (options.dropout > 0) x = graph.Emit("classifier.0", Dropout{options.dropout}, {x});
    x = ConvRelu(x, "classifier.1", "classifier.2", SquareConv(options.common.classes, 1));
    x = graph.Emit("classifier.3", GlobalPool{}, {x});
    return graph.Emit("flatten", Flatten{}, {x});
  }

  Graph Build(const Version& version) {
    Value x = EmitInput(graph, options.common);
    Conv2d stem =
        SquareConv(version.stem_channels, version.stem_kernel, options.small_input ? 1 : 2);
    stem.padding = {};
    x = ConvRelu(x, "features.0", "features.1", stem);
    int channels = version.stem_channels;
    int index = 2;
    for (const std::vector<Fire>& stage : version.stages) {
      // Caffe's pooling rounds up.
      x = graph.Emit(fmt::format("features.{}", index++),
                     Pool{.kernel = {3, 3}, .stride = {2, 2}, .ceil = true}, {x});
      for (const Fire& fire : stage) {
        x = FireModule(x, fmt::format("features.{}", index++), channels, fire);
        channels = 2 * fire.expand;
      }
    }
    graph.outputs = {Classifier(x)};
    return graph;
  }
};

template <const Version& version>
Graph Build(const SqueezeNetOptions& options) {
  ExpectOption("squeezenet", "dropout", options.dropout, 0, 0.99);
  return Network{options, {}}.Build(version);
}

// Counts and padding are torchvision's, with pictures of 224x224. The authors' Caffe files take
// 227x227, and that of 1.0 has a border of one pixel around the input of the last convolution.
// The paper gives the net with complex bypass 7.7 MB; 1x1 convolutions around fire 2, 4, 6 and 8,
// as its Figure 2 has them, add 341248 parameters, which makes 6.4 MB. The count here is the
// figure's.
const char kTable3[] = "1602.07360 table 3";
const std::vector<Variant> kVariants10 = {
    {"", 1248424, 818924576, 57.5, 80.3, kTable3},
    {"bypass=simple", 1248424, 818924576, 60.4, 82.5, kTable3},
    {"bypass=complex", 1589672, 1165298720, 58.8, 82.0, kTable3},
};
const std::vector<Variant> kVariants11 = {
    {"", 1235496, 349151936, 58.178, 80.624, "torchvision 0.14.1 weights V1"},
};

}  // namespace

LINNET_FAMILY(squeezenet) {
  return {
      MakeArch<SqueezeNetOptions>({.name = "squeezenet1_0",
                                   .title = "fire modules: squeeze to few channels, expand by 1x1 "
                                            "and 3x3",
                                   .paper = "1602.07360",
                                   .variants = kVariants10},
                                  Build<kVersion10>),
      MakeArch<SqueezeNetOptions>({.name = "squeezenet1_1",
                                   .title = "SqueezeNet with 2.4 times less arithmetic",
                                   .paper = "1602.07360, the authors' release 1.1",
                                   .variants = kVariants11},
                                  Build<kVersion11>),
  };
}

}  // namespace linnet
