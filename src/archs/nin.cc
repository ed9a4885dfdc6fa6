// Network in Network: Lin, Chen, Yan, 1312.4400. Each convolution is followed by two of 1x1 (an
// "mlpconv" layer: a small perceptron at every pixel); the last one has a map a class, whose mean
// is the answer. Sizes and names as the authors' Caffe files, for CIFAR-10 and ImageNet. There the
// second pooling of CIFAR's network is an average; the paper says maximum.
#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct NinOptions {
  float dropout = 0.5f;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("dropout", self.dropout, "dropout before the last mlpconv layers");
    CommonOptions::VisitFields(self.common, v);
  }
};

// An mlpconv layer; 0 maps: as many as there are classes.
struct MlpConv {
  int maps, kernel, stride, padding;
  int hidden, out;
  enum After { kMaxPool, kAveragePool, kNothing } after;
  bool dropout;
};
const std::vector<MlpConv> kCifar = {
    {192, 5, 1, 2, 160, 96, MlpConv::kMaxPool, true},
    {192, 5, 1, 2, 192, 192, MlpConv::kAveragePool, true},
    {192, 3, 1, 1, 192, 0, MlpConv::kNothing, false},
};
const std::vector<MlpConv> kImageNet = {
    {96, 11, 4, 0, 96, 96, MlpConv::kMaxPool, false},
    {256, 5, 1, 2, 256, 256, MlpConv::kMaxPool, false},
    {384, 3, 1, 1, 384, 384, MlpConv::kMaxPool, true},
    {1024, 3, 1, 1, 1024, 0, MlpConv::kNothing, false},
};

Value ConvRelu(Graph& graph, Value x, const std::string& name, Conv2d conv) {
  conv.bias = true;
  x = graph.Emit(name, conv, {x});
  return graph.Emit(name + ".relu", Act{}, {x});
}

// 'n' counts from 1.
Value EmitMlpConv(Graph& graph, Value x, int n, const MlpConv& layer, const NinOptions& options) {
  Conv2d conv = SquareConv(layer.maps, layer.kernel, layer.stride);
  conv.padding = Padding::All(layer.padding);
  x = ConvRelu(graph, x, fmt::format("conv{}", n), conv);
  x = ConvRelu(graph, x, fmt::format("cccp{}", 2 * n - 1), SquareConv(layer.hidden, 1));
  const int out = layer.out > 0 ? layer.out : options.common.classes;
  x = ConvRelu(graph, x, fmt::format("cccp{}", 2 * n), SquareConv(out, 1));
  if (layer.after != MlpConv::kNothing) {
    const bool max = layer.after == MlpConv::kMaxPool;
    x = graph.Emit(fmt::format("pool{}", n),
                   Pool{.kind = max ? PoolKind::kMax : PoolKind::kAverage,
                        .kernel = {3, 3},
                        .stride = {2, 2},
                        .ceil = true},
                   {x});
  }
  if (layer.dropout) x = graph.Emit(fmt::format("drop{}", n), Dropout{options.dropout}, {x});
  return x;
}

Graph Build(const char* arch, const std::vector<MlpConv>& layers, int smallest,
            const NinOptions& options) {
  ExpectOption(arch, "dropout", options.dropout, 0, 0.99);
  ExpectOption(arch, "size", options.common.size, smallest, 4096);
  Graph graph;
  Value x = EmitInput(graph, options.common);
  for (size_t i = 0; i < layers.size(); ++i) {
    x = EmitMlpConv(graph, x, static_cast<int>(i) + 1, layers[i], options);
  }
  x = graph.Emit("global_pool", GlobalPool{}, {x});
  graph.outputs = {graph.Emit("flatten", Flatten{}, {x})};
  return graph;
}

Graph BuildCifar(const NinOptions& options) { return Build("nin", kCifar, 6, options); }
Graph BuildImageNet(const NinOptions& options) {
  return Build("nin_imagenet", kImageNet, 55, options);
}

}  // namespace

LINNET_FAMILY(nin) {
  return {
      MakeArch<NinOptions>({.name = "nin",
                            .title = "mlpconv layers and global average pooling, for 32x32",
                            .paper = "1312.4400",
                            .variants = {{"", 966986, 222486528, 91.19, 0,
                                          "CIFAR-10, augmented: 1312.4400 table 1"}}},
                           BuildCifar, {.common = {.size = 32, .classes = 10}}),
      MakeArch<NinOptions>(
          {.name = "nin_imagenet",
           .title = "Network in Network, for ImageNet (32x32: see nin)",
           .paper = "1312.4400",
           .variants = {{"", 7595176, 1100188800, 59.4, 81, "Caffe model zoo, about"}}},
          BuildImageNet),
  };
}

}  // namespace linnet
