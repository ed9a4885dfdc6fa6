// DenseNet: Huang et al., "Densely Connected Convolutional Networks", 1608.06993. Names as
// torchvision's.
#include <cmath>

#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct DenseNetOptions {
  bool small_input = false;
  float dropout = 0;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("small_input", self.small_input,
      "stem of 3x3 with stride 1 and without pooling, for pictures of 32x32 or so");
    v("dropout", self.dropout,
      "dropout after each convolution but the first (the paper: 0.2 without augmentation)");
    CommonOptions::VisitFields(self.common, v);
  }
};

struct CifarOptions {
  int depth = 40;
  int growth = 12;
  bool bc = false;
  float dropout = 0;
  CommonOptions common = {.size = 32, .classes = 10};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("depth", self.depth, "L: layers with weights, 3n + 4, or with bc 6n + 4");
    v("growth", self.growth, "k: channels that each layer adds");
    v("bc", self.bc, "bottlenecks (B), and transitions that halve the channels (C)");
    v("dropout", self.dropout,
      "dropout after each convolution but the first (the paper: 0.2 without augmentation)");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Table 1: layers of each dense block.
struct Table {
  int growth;
  std::vector<int> blocks;
};
const Table k121 = {32, {6, 12, 24, 16}};
const Table k169 = {32, {6, 12, 32, 32}};
const Table k201 = {32, {6, 12, 48, 32}};
const Table k264 = {32, {6, 12, 64, 48}};
const Table k161 = {48, {6, 12, 36, 24}};  // of the authors' release, not in the table

struct Network {
  int growth;
  bool bottleneck;
  double compression;  // theta, sec. 3
  float dropout;
  CommonOptions common;
  Graph graph;

  Value BnRelu(Value x, const std::string& bn, const std::string& relu) {
    x = graph.Emit(bn, BatchNorm{}, {x});
    return graph.Emit(relu, Act{}, {x});
  }

  Value ConvDropout(Value x, const std::string& name, const std::string& drop, const Conv2d& conv) {
    x = graph.Emit(name, conv, {x});
    return dropout > 0 ? graph.Emit(drop, Dropout{dropout}, {x}) : x;
  }

  // What the layer makes stands behind what it was given.
  Value DenseLayer(Value x, const std::string& name) {
    Value y = BnRelu(x, name + ".norm1", name + ".relu1");
    if (bottleneck) {
      y = ConvDropout(y, name + ".conv1", name + ".drop1", SquareConv(4 * growth, 1));
      y = BnRelu(y, name + ".norm2", name + ".relu2");
      y = ConvDropout(y, name + ".conv2", name + ".drop2", SquareConv(growth, 3));
    } else {
      y = ConvDropout(y, name + ".conv1", name + ".drop1", SquareConv(growth, 3));
    }
    return graph.Emit(name + ".concat", Concat{}, {x, y});
  }

  Value Transition(Value x, const std::string& name, int out) {
    x = BnRelu(x, name + ".norm", name + ".relu");
    x = ConvDropout(x, name + ".conv", name + ".drop", SquareConv(out, 1));
    return graph.Emit(name + ".pool", Pool{.kind = PoolKind::kAverage}, {x});
  }

  Graph Build(Value x, int channels, const std::vector<int>& blocks) {
    for (size_t b = 0; b < blocks.size(); ++b) {
      const std::string block = fmt::format("features.denseblock{}", b + 1);
      for (int i = 1; i <= blocks[b]; ++i) {
        x = DenseLayer(x, fmt::format("{}.denselayer{}", block, i));
      }
      channels += blocks[b] * growth;
      if (b + 1 == blocks.size()) break;
      channels = static_cast<int>(channels * compression);
      x = Transition(x, fmt::format("features.transition{}", b + 1), channels);
    }
    x = BnRelu(x, "features.norm5", "features.relu5");
    graph.outputs = {Classifier(graph, x, "classifier", common.classes, /*dropout=*/0)};
    return graph;
  }
};

template <const Table& table>
Graph Build(const DenseNetOptions& options) {
  ExpectOption("densenet", "dropout", options.dropout, 0, 0.99);
  Network net = {table.growth, true, 0.5, options.dropout, options.common, {}};
  const int channels = 2 * table.growth;
  Value x = EmitInput(net.graph, options.common);
  x = net.graph.Emit(
      "features.conv0",
      options.small_input ? SquareConv(channels, 3) : SquareConv(channels, 7, /*stride=*/2), {x});
  x = net.BnRelu(x, "features.norm0", "features.relu0");
  if (!options.small_input) {
    x = net.graph.Emit("features.pool0",
                       Pool{.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::All(1)}, {x});
  }
  return net.Build(x, channels, table.blocks);
}

// Sec. 3, "Implementation details": three blocks of equally many layers; the convolution before
// them has no batch norm of its own, because the first layer begins with one.
Graph BuildCifar(const CifarOptions& options) {
  ExpectOption("densenet_cifar", "dropout", options.dropout, 0, 0.99);
  ExpectOption("densenet_cifar", "growth", options.growth, 1, 512);
  const int convolutions = options.bc ? 2 : 1;  // of a layer
  const int layers = (options.depth - 4) / (3 * convolutions);
  if (layers < 1 || layers > 512 || options.depth != 3 * convolutions * layers + 4) {
    Fail(ErrorKind::kUsage, "densenet_cifar: depth={}: expected {}n + 4, such as {}", options.depth,
         3 * convolutions, options.bc ? 100 : 40);
  }
  Network net = {options.growth,  options.bc,     options.bc ? 0.5 : 1.0,
                 options.dropout, options.common, {}};
  const int channels = options.bc ? 2 * options.growth : 16;
  const Value x = net.graph.Emit("features.conv0", SquareConv(channels, 3),
                                 {EmitInput(net.graph, options.common)});
  return net.Build(x, channels, {layers, layers, layers});
}

const char kTable3[] = "1608.06993 table 3, one crop";
const char kC10[] = "1608.06993 table 2, CIFAR-10 with augmentation";
const std::vector<Variant> kCifarVariants = {
    {"", 1019722, 264812928, 94.76, 0, kC10},
    {"depth=100", 6979642, 1769516448, 95.90, 0, kC10},
    {"depth=100,growth=24", 27249082, 6889347744, 96.26, 0, kC10},
    {"depth=100,bc=true", 769162, 287929692, 95.49, 0, kC10},
    {"depth=250,growth=24,bc=true", 15324406, 5418785724, 96.38, 0, kC10},
    {"depth=190,growth=40,bc=true", 25624430, 9301945740, 96.54, 0, kC10},
    {"depth=40,bc=true", 176122, 72365352, 0, 0, ""},  // not in the paper; AugMix's DenseNet
};

template <const Table& table>
Arch ImageNetArch(const char* name, const char* title, Variant variant) {
  return MakeArch<DenseNetOptions>(
      {.name = name, .title = title, .paper = "1608.06993", .variants = {std::move(variant)}},
      Build<table>);
}

}  // namespace

LINNET_FAMILY(densenet) {
  return {
      ImageNetArch<k121>("densenet121", "every layer sees all before it; DenseNet-BC, k = 32",
                         {"", 7978856, 2834161664, 74.98, 92.29, kTable3}),
      ImageNetArch<k169>("densenet169", "DenseNet-BC, k = 32, 169 layers",
                         {"", 14149480, 3359843328, 76.20, 93.15, kTable3}),
      ImageNetArch<k201>("densenet201", "DenseNet-BC, k = 32, 201 layers",
                         {"", 20013928, 4291365888, 77.42, 93.66, kTable3}),
      ImageNetArch<k264>("densenet264", "DenseNet-BC, k = 32, 264 layers",
                         {"", 33337704, 5751653376, 77.85, 93.88, kTable3}),
      ImageNetArch<k161>(
          "densenet161", "DenseNet-BC, k = 48, 161 layers",
          {"", 28681000, 7727907072, 77.138, 93.56, "torchvision 0.14.1 weights V1"}),
      MakeArch<CifarOptions>({.name = "densenet_cifar",
                              .title = "DenseNet and DenseNet-BC for 32x32 pictures",
                              .paper = "1608.06993",
                              .variants = kCifarVariants},
                             BuildCifar),
  };
}

}  // namespace linnet
