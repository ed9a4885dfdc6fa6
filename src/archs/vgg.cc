// VGG: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
// Recognition", 1409.1556. Names as torchvision's, whose 'bn' networks keep the biases of the
// convolutions. A picture of 32x32 needs no other strides: its five poolings leave one pixel.
#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct VggOptions {
  bool bn = false;
  float width = 1;
  int hidden = 4096;
  float dropout = 0.5f;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("bn", self.bn, "batch norm after each convolution");
    v("width", self.width, "share of the channels of the convolutions");
    v("hidden", self.hidden, "units of each of the two hidden fully connected layers");
    v("dropout", self.dropout, "dropout after each of them");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Table 1: 3x3 convolutions between the five poolings.
const int kA[5] = {1, 1, 2, 2, 2};
const int kB[5] = {2, 2, 2, 2, 2};
const int kD[5] = {2, 2, 3, 3, 3};
const int kE[5] = {2, 2, 4, 4, 4};
const int kChannels[5] = {64, 128, 256, 512, 512};

struct Network {
  const VggOptions& options;
  Graph graph;

  Value Features(Value x, const int (&convolutions)[5]) {
    int node = 0;
    const auto emit = [&](Op op) {
      x = graph.Emit(fmt::format("features.{}", node++), std::move(op), {x});
    };
    for (int stage = 0; stage < 5; ++stage) {
      Conv2d conv = SquareConv(ScaledChannels(kChannels[stage], options.width), 3);
      conv.bias = true;
      for (int i = 0; i < convolutions[stage]; ++i) {
        emit(conv);
        if (options.bn) emit(BatchNorm{});
        emit(Act{});
      }
      emit(Pool{});
    }
    return x;
  }

  // torchvision's adaptive pooling to 7x7, which does nothing at 224, is left out: at other sizes
  // the first layer is as wide as the map asks.
  Value Head(Value x) {
    x = graph.Emit("flatten", Flatten{}, {x});
    int node = 0;
    const auto emit = [&](Op op) {
      x = graph.Emit(fmt::format("classifier.{}", node++), std::move(op), {x});
    };
    for (int i = 0; i < 2; ++i) {
      emit(Dense{.out_features = options.hidden});
      emit(Act{});
      emit(Dropout{options.dropout});
    }
    emit(Dense{.out_features = options.common.classes});
    return x;
  }
};

template <const int (&convolutions)[5]>
Graph Build(const VggOptions& options) {
  ExpectOption("vgg", "size", options.common.size, 32, 4096);
  ExpectOption("vgg", "width", options.width, 0.01, 8);
  ExpectOption("vgg", "hidden", options.hidden, 1, 65536);
  ExpectOption("vgg", "dropout", options.dropout, 0, 0.99);
  Network net{options, {}};
  net.graph.outputs = {net.Head(net.Features(EmitInput(net.graph, options.common), convolutions))};
  return std::move(net.graph);
}

template <const int (&convolutions)[5]>
Arch Member(const char* name, const char* title, std::vector<Variant> variants) {
  return MakeArch<VggOptions>(
      {.name = name, .title = title, .paper = "1409.1556", .variants = std::move(variants)},
      Build<convolutions>);
}

}  // namespace

// Accuracy: the paper's with one test scale (table 3), dense evaluation; torchvision's, one crop.
LINNET_FAMILY(vgg) {
  const char paper[] = "1409.1556 table 3, dense";
  const char torchvision[] = "torchvision 0.14 weights V1";
  return {
      Member<kA>("vgg11", "8 layers of 3x3, 3 fully connected: configuration A",
                 {{"", 132863336, 7609090048, 70.4, 89.6, paper}}),
      Member<kB>("vgg13", "10 layers of 3x3, 3 fully connected: configuration B",
                 {{"", 133047848, 11308466176, 71.3, 90.1, paper}}),
      Member<kD>("vgg16", "13 layers of 3x3, 3 fully connected: configuration D",
                 {{"", 138357544, 15470264320, 74.4, 91.9, paper},
                  {"bn=true", 138365992, 15470264320, 73.36, 91.516, torchvision}}),
      Member<kE>("vgg19", "16 layers of 3x3, 3 fully connected: configuration E",
                 {{"", 143667240, 19632062464, 74.5, 92.0, paper},
                  {"bn=true", 143678248, 19632062464, 74.218, 91.842, torchvision}}),
  };
}

}  // namespace linnet
