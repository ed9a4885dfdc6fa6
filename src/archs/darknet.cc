// Darknet-19: Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", 1612.08242, Table 6.
// Darknet-53: the same, "YOLOv3: An Incremental Improvement", 1804.02767, Table 1. Names of the
// latter as timm's darknet53.
#include "archs/darknet.h"

#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {

// Darknet keeps 0.99 of the old running statistics. It adds 1e-5 to the variance on GPUs and 1e-6
// to the deviation on CPUs; its networks were trained with the former.
Value DarknetConv(Graph& graph, Value x, const std::string& name, const Conv2d& conv) {
  x = graph.Emit(name + ".conv", conv, {x});
  x = graph.Emit(name + ".bn", BatchNorm{.eps = 1e-5f, .momentum = 0.01f}, {x});
  return graph.Emit(name + ".act", Act{Activation::kLeakyRelu, 0.1f}, {x});
}

std::array<Value, 3> Darknet53Body(Graph& graph, Value x, bool small_input) {
  const int repeats[] = {1, 2, 8, 8, 4};
  std::array<Value, 3> maps;
  x = DarknetConv(graph, x, "stem.conv1", SquareConv(32, 3));
  for (int s = 0; s < 5; ++s) {
    const int channels = 64 << s, stride = small_input && s < 2 ? 1 : 2;
    const std::string stage = fmt::format("stages.{}", s);
    x = DarknetConv(graph, x, stage + ".conv_down", SquareConv(channels, 3, stride));
    for (int b = 0; b < repeats[s]; ++b) {
      const std::string block = fmt::format("{}.blocks.{}", stage, b);
      Value y = DarknetConv(graph, x, block + ".conv1", SquareConv(channels / 2, 1));
      y = DarknetConv(graph, y, block + ".conv2", SquareConv(channels, 3));
      x = graph.Emit(block + ".add", Add{}, {y, x});
    }
    if (s >= 2) maps[s - 2] = x;
  }
  return maps;
}

namespace {

struct DarknetOptions {
  bool small_input = false;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("small_input", self.small_input,
      "a quarter of the reduction, the first two steps left out, for pictures of 32x32 or so");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Filters between the max poolings; 3x3 and 1x1 take turns, and each 1x1 halves the channels.
const std::vector<std::vector<int>> kDarknet19 = {
    {32},
    {64},
    {128, 64, 128},
    {256, 128, 256},
    {512, 256, 512, 256, 512},
    {1024, 512, 1024, 512, 1024},
};

Graph Build19(const DarknetOptions& options) {
  Graph graph;
  Value x = EmitInput(graph, options.common);
  int layer = 1;
  for (size_t s = 0; s < kDarknet19.size(); ++s) {
    if (s > (options.small_input ? 2 : 0)) x = graph.Emit(fmt::format("pool{}", s), Pool{}, {x});
    for (size_t i = 0; i < kDarknet19[s].size(); ++i) {
      const Conv2d conv = SquareConv(kDarknet19[s][i], i % 2 == 0 ? 3 : 1);
      x = DarknetConv(graph, x, fmt::format("conv{}", layer++), conv);
    }
  }
  // Classes are decided pixel by pixel, then averaged.
  x = graph.Emit("conv19", Conv2d{.out_channels = options.common.classes, .bias = true}, {x});
  x = graph.Emit("global_pool", GlobalPool{}, {x});
  graph.outputs = {graph.Emit("flatten", Flatten{}, {x})};
  return graph;
}

Graph Build53(const DarknetOptions& options) {
  Graph graph;
  Value x = EmitInput(graph, options.common);
  x = Darknet53Body(graph, x, options.small_input)[2];
  graph.outputs = {Classifier(graph, x, "head.fc", options.common.classes, /*dropout=*/0)};
  return graph;
}

}  // namespace

LINNET_FAMILY(darknet) {
  return {
      MakeArch<DarknetOptions>(
          {.name = "darknet19",
           .title = "3x3 convolutions, 1x1 between them, leaky ReLU",
           .paper = "1612.08242",
           .variants = {{"", 20842376, 2790989824, 72.9, 91.2, "1612.08242 sec. 3"}}},
          Build19),
      MakeArch<DarknetOptions>(
          {.name = "darknet53",
           .title = "Darknet with residual blocks, the body of YOLOv3",
           .paper = "1804.02767",
           .variants = {{"", 41609928, 9285115904, 77.2, 93.8, "1804.02767 table 2"}}},
          Build53, {.common = {.size = 256}}),
  };
}

}  // namespace linnet
