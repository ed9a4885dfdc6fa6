// Four small MNIST networks that ask what a depthwise separable convolution costs in accuracy, and
// what batch norm gives back (experiments/mnist_depthwise). Convolutions 1 -> 6 and 6 -> 16 of 5x5,
// ReLU, [batch norm after ReLU,] max pooling 2. The experiment that is repeated names no head; this
// is LeNet-5's (LeCun et al. 1998), 120 - 84 - 10, because the convolutions are LeNet-5's too.
#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

// What stands for a convolution.
enum class ConvKind {
  kPlain,
  kDepthwiseFull,  // 5x5 among all channels without changing their number, then 1x1: the
                   // experiment's code, which calls this depthwise but sets no groups
  kDepthwise,      // 5x5 of each channel by itself, then 1x1: what the word means
};
constexpr const char* kConvNames[] = {"plain", "depthwise_full", "depthwise"};
std::span<const char* const> EnumNames(ConvKind) { return kConvNames; }

struct MnistOptions {
  ConvKind conv = ConvKind::kPlain;
  bool bn = false;
  bool head = true;
  CommonOptions common = {.size = 28, .classes = 10, .channels = 1};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("conv", self.conv,
      "plain, depthwise_full (5x5 over all channels + 1x1), depthwise (5x5 each + 1x1)");
    v("bn", self.bn, "batch norm after each ReLU");
    v("head", self.head, "the fully connected layers; without: the maps");
    CommonOptions::VisitFields(self.common, v);
  }
};

Value Convolution(Graph& graph, Value x, const std::string& name, ConvKind kind, int in, int out) {
  Conv2d conv{.out_channels = out, .kernel = {5, 5}, .bias = true};
  if (kind == ConvKind::kPlain) return graph.Emit(name, conv, {x});
  conv.out_channels = in;
  conv.groups = kind == ConvKind::kDepthwise ? in : 1;
  x = graph.Emit(name + "_dw", conv, {x});
  return graph.Emit(name + "_pw", Conv2d{.out_channels = out, .bias = true}, {x});
}

Graph Build(const MnistOptions& options) {
  const int widths[] = {options.common.channels, 6, 16};
  Graph graph;
  Value x = EmitInput(graph, options.common);
  for (int i = 1; i <= 2; ++i) {
    const std::string n = std::to_string(i);
    x = Convolution(graph, x, "conv" + n, options.conv, widths[i - 1], widths[i]);
    x = graph.Emit("relu" + n, Act{}, {x});
    if (options.bn) x = graph.Emit("bn" + n, BatchNorm{}, {x});
    x = graph.Emit("pool" + n, Pool{}, {x});
  }
  graph.outputs = {x};
  if (!options.head) return graph;
  x = graph.Emit("flatten", Flatten{}, {x});
  x = graph.Emit("fc1", Dense{.out_features = 120}, {x});
  x = graph.Emit("relu3", Act{}, {x});
  x = graph.Emit("fc2", Dense{.out_features = 84}, {x});
  x = graph.Emit("relu4", Act{}, {x});
  graph.outputs = {graph.Emit("fc3", Dense{.out_features = options.common.classes}, {x})};
  return graph;
}

}  // namespace

LINNET_FAMILY(mnist_cnn) {
  return {MakeArch<MnistOptions>(
      {.name = "mnist_cnn",
       .title = "LeNet-sized: plain or separable, with or without batch norm",
       .paper = "LeCun et al. 1998 (layer sizes)",
       .variants = {{"conv=plain", 44426, 281640, 0, 0, ""},
                    {"conv=depthwise_full", 42910, 123240, 0, 0, ""},
                    {"conv=depthwise", 42160, 75240, 0, 0, ""},
                    {"conv=plain,bn=true,head=false", 2616, 240000, 0, 0, ""},
                    {"conv=depthwise_full,bn=true,head=false", 1100, 81600, 0, 0, ""},
                    {"conv=depthwise,bn=true,head=false", 350, 33600, 0, 0, ""}}},
      Build)};
}

}  // namespace linnet
