// AlexNet: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural
// Networks", NIPS 2012, in three forms: the paper's, whose second, fourth and fifth layers see half
// of the maps each, because they lay on two GPUs; CaffeNet, the same with pooling before
// normalisation; and the narrower single column of "One weird trick for parallelizing convolutional
// neural networks" (1404.5997), with torchvision's names. The paper writes 224, but its maps of
// 55x55 need 227.
#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

struct AlexNetOptions {
  int hidden = 4096;
  float dropout = 0.5f;
  bool small_input = false;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("hidden", self.hidden, "units of each of the two hidden fully connected layers");
    v("dropout", self.dropout, "dropout of the fully connected layers");
    v("small_input", self.small_input, "first layer with stride 1, for pictures of 32x32 or so");
    CommonOptions::VisitFields(self.common, v);
  }
};

struct Layer {
  int maps, kernel, padding, groups;
};
// Sec. 3.5. The stride of the first layer is 4, all others have 1.
const Layer kTwoGroups[] = {
    {96, 11, 0, 1}, {256, 5, 2, 2}, {384, 3, 1, 1}, {384, 3, 1, 2}, {256, 3, 1, 2}};
const Layer kOneColumn[] = {
    {64, 11, 2, 1}, {192, 5, 2, 1}, {384, 3, 1, 1}, {256, 3, 1, 1}, {256, 3, 1, 1}};

Conv2d Convolution(const Layer& layer, int stride) {
  return {.out_channels = layer.maps,
          .kernel = {layer.kernel, layer.kernel},
          .stride = {stride, stride},
          .padding = Padding::All(layer.padding),
          .groups = layer.groups,
          .bias = true};
}

const Pool kOverlapping = {.kernel = {3, 3}, .stride = {2, 2}};  // sec. 3.4

// Sec. 3.3. Caffe's sum is divided by its size, and its k is 1.
const Lrn kPaperNorm = {.size = 5, .alpha = 1e-4f, .beta = 0.75f, .k = 2};
const Lrn kCaffeNorm = {.size = 5, .alpha = 2e-5f, .beta = 0.75f, .k = 1};

enum class Order { kNormThenPool, kPoolThenNorm };

Value NormAndPool(Graph& graph, Value x, const std::string& n, Order order) {
  if (order == Order::kPoolThenNorm) {
    x = graph.Emit("pool" + n, kOverlapping, {x});
    return graph.Emit("norm" + n, kCaffeNorm, {x});
  }
  x = graph.Emit("norm" + n, kPaperNorm, {x});
  return graph.Emit("pool" + n, kOverlapping, {x});
}

void Check(const char* arch, const AlexNetOptions& options) {
  ExpectOption(arch, "size", options.common.size, options.small_input ? 25 : 67, 4096);
  ExpectOption(arch, "hidden", options.hidden, 1, 65536);
  ExpectOption(arch, "dropout", options.dropout, 0, 0.99);
}

template <Order order>
Graph BuildTwoGroups(const AlexNetOptions& options) {
  Check(order == Order::kNormThenPool ? "alexnet" : "caffenet", options);
  Graph graph;
  Value x = EmitInput(graph, options.common);
  for (int i = 1; i <= 5; ++i) {
    const std::string n = std::to_string(i);
    const int stride = i == 1 && !options.small_input ? 4 : 1;
    x = graph.Emit("conv" + n, Convolution(kTwoGroups[i - 1], stride), {x});
    x = graph.Emit("relu" + n, Act{}, {x});
    if (i <= 2) x = NormAndPool(graph, x, n, order);
  }
  x = graph.Emit("pool5", kOverlapping, {x});
  graph.outputs = {
      FullyConnectedHead(graph, x, {options.hidden, options.dropout}, options.common.classes)};
  return graph;
}

// Numbers of the nodes as in torchvision's Sequentials. Its adaptive pooling to 6x6 before the
// classifier does nothing at 224 and is left out: at other sizes the first fully connected layer is
// as wide as the map asks.
Graph BuildOneColumn(const AlexNetOptions& options) {
  Check("alexnet_torchvision", options);
  Graph graph;
  Value x = EmitInput(graph, options.common);
  int node = 0;
  const auto feature = [&](Op op) {
    x = graph.Emit(fmt::format("features.{}", node++), std::move(op), {x});
  };
  for (int i = 1; i <= 5; ++i) {
    feature(Convolution(kOneColumn[i - 1], i == 1 && !options.small_input ? 4 : 1));
    feature(Act{});
    if (i != 3 && i != 4) feature(kOverlapping);
  }
  x = graph.Emit("flatten", Flatten{}, {x});
  node = 0;
  const auto classifier = [&](Op op) {
    x = graph.Emit(fmt::format("classifier.{}", node++), std::move(op), {x});
  };
  for (int i = 0; i < 2; ++i) {
    classifier(Dropout{options.dropout});
    classifier(Dense{.out_features = options.hidden});
    classifier(Act{});
  }
  classifier(Dense{.out_features = options.common.classes});
  graph.outputs = {x};
  return graph;
}

}  // namespace

LINNET_FAMILY(alexnet) {
  const AlexNetOptions at227 = {.common = {.size = 227}};
  return {
      MakeArch<AlexNetOptions>(
          {.name = "alexnet",
           .title = "the paper's network: two groups, response normalisation",
           .paper = "Krizhevsky et al. 2012",
           .variants = {{"", 60965224, 724406816, 59.3, 81.8, "the paper, table 2, 1 CNN"}}},
          BuildTwoGroups<Order::kNormThenPool>, at227),
      MakeArch<AlexNetOptions>(
          {.name = "caffenet",
           .title = "AlexNet with pooling before normalisation",
           .paper = "BVLC/caffe models/bvlc_reference_caffenet",
           .variants = {{"", 60965224, 724406816, 57.4, 80.4, "bvlc_reference_caffenet"}}},
          BuildTwoGroups<Order::kPoolThenNorm>, at227),
      MakeArch<AlexNetOptions>(
          {.name = "alexnet_torchvision",
           .title = "AlexNet in one column, without normalisation",
           .paper = "1404.5997",
           .variants = {{"", 61100840, 714188480, 56.522, 79.066, "torchvision 0.14 weights V1"}}},
          BuildOneColumn),
  };
}

}  // namespace linnet
