// LeNet-1: LeCun et al., "Handwritten Digit Recognition with a Back-Propagation Network", NIPS 1989
// (proceedings 1990). LeNet-5: LeCun et al., "Gradient-Based Learning Applied to Document
// Recognition", Proc. IEEE 1998, sec. II-B. Both squash with A tanh(S a) after every layer, average
// with trained coefficients, and give each map of their second convolution a choice of the maps
// below, to break the symmetry. Caffe's LeNet is what later papers prune and compress.
#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

// 1990, table of the connections from H2 to H3: twice the same six maps over two of the four.
const Links kH3 = {
    {{0}, {0, 1}, {0, 1}, {1}, {0, 1}, {0, 1}, {2}, {2, 3}, {2, 3}, {3}, {2, 3}, {2, 3}}};

// 1998, table I: three neighbours, four neighbours, two pairs, all.
const Links kC3 = {{{0, 1, 2},
                    {1, 2, 3},
                    {2, 3, 4},
                    {3, 4, 5},
                    {0, 4, 5},
                    {0, 1, 5},
                    {0, 1, 2, 3},
                    {1, 2, 3, 4},
                    {2, 3, 4, 5},
                    {0, 3, 4, 5},
                    {0, 1, 4, 5},
                    {0, 1, 2, 5},
                    {0, 1, 3, 4},
                    {1, 2, 4, 5},
                    {0, 2, 3, 5},
                    {0, 1, 2, 3, 4, 5}}};

struct LeNet1Options {
  CommonOptions common = {.size = 28, .classes = 10, .channels = 1};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    CommonOptions::VisitFields(self.common, v);
  }
};

struct LeNet5Options {
  bool rbf = true;
  int pad = 0;
  CommonOptions common = {.size = 32, .classes = 10, .channels = 1};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("rbf", self.rbf, "distances to fixed codes as outputs; without: a fully connected layer");
    v("pad", self.pad, "zeros around the picture: with 2, MNIST's 28 rows are the paper's 32");
    CommonOptions::VisitFields(self.common, v);
  }
};

struct CaffeOptions {
  CommonOptions common = {.size = 28, .classes = 10, .channels = 1};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    CommonOptions::VisitFields(self.common, v);
  }
};

Value Squash(Graph& graph, Value x, const std::string& name, Op op) {
  x = graph.Emit(name, std::move(op), {x});
  return graph.Emit(name + ".squash", Act{Activation::kScaledTanh}, {x});
}

Conv2d Conv5x5(int maps, int pad = 0) {
  return {.out_channels = maps, .kernel = {5, 5}, .padding = Padding::All(pad), .bias = true};
}

Graph BuildLeNet1(const LeNet1Options& options) {
  ExpectOption("lenet1", "size", options.common.size, 16, 4096);
  Graph graph;
  Value x = EmitInput(graph, options.common);
  x = Squash(graph, x, "h1", Conv5x5(4));
  x = Squash(graph, x, "h2", Subsampling{});
  x = Squash(graph, x, "h3", PartialConv2d{.links = kH3});
  x = Squash(graph, x, "h4", Subsampling{});
  x = graph.Emit("flatten", Flatten{}, {x});
  graph.outputs = {Squash(graph, x, "output", Dense{.out_features = options.common.classes})};
  return graph;
}

Graph BuildLeNet5(const LeNet5Options& options) {
  ExpectOption("lenet5", "pad", options.pad, 0, 16);
  ExpectOption("lenet5", "size + 2 pad", options.common.size + 2 * options.pad, 32, 4096);
  Graph graph;
  Value x = EmitInput(graph, options.common);
  x = Squash(graph, x, "c1", Conv5x5(6, options.pad));
  x = Squash(graph, x, "s2", Subsampling{});
  x = Squash(graph, x, "c3", PartialConv2d{.links = kC3});
  x = Squash(graph, x, "s4", Subsampling{});
  x = Squash(graph, x, "c5", Conv5x5(120));
  x = graph.Emit("flatten", Flatten{}, {x});
  x = Squash(graph, x, "f6", Dense{.out_features = 84});
  const int classes = options.common.classes;
  graph.outputs = {options.rbf ? graph.Emit("output", Rbf{.out_features = classes}, {x})
                               : graph.Emit("output", Dense{.out_features = classes}, {x})};
  return graph;
}

// examples/mnist/lenet.prototxt: no activation after the convolutions, maximum pooling.
Graph BuildCaffe(const CaffeOptions& options) {
  ExpectOption("lenet_caffe", "size", options.common.size, 16, 4096);
  Graph graph;
  Value x = EmitInput(graph, options.common);
  x = graph.Emit("conv1", Conv5x5(20), {x});
  x = graph.Emit("pool1", Pool{}, {x});
  x = graph.Emit("conv2", Conv5x5(50), {x});
  x = graph.Emit("pool2", Pool{}, {x});
  x = graph.Emit("flatten", Flatten{}, {x});
  x = graph.Emit("ip1", Dense{.out_features = 500}, {x});
  x = graph.Emit("relu1", Act{}, {x});
  graph.outputs = {graph.Emit("ip2", Dense{.out_features = options.common.classes}, {x})};
  return graph;
}

}  // namespace

// Accuracy on MNIST. LeNet-5 with distorted digits added to the training set: 99.2.
LINNET_FAMILY(lenet) {
  const char fig9[] = "MNIST: LeCun et al. 1998 fig. 9";
  return {
      MakeArch<LeNet1Options>({.name = "lenet1",
                               .title = "four and twelve maps, trained averaging",
                               .paper = "LeCun et al. 1990",
                               .variants = {{"", 2578, 91520, 98.3, 0, fig9}}},
                              BuildLeNet1),
      MakeArch<LeNet5Options>({.name = "lenet5",
                               .title = "partial connections, trained averaging, RBF output",
                               .paper = "LeCun et al. 1998",
                               .variants = {{"", 60000, 325680, 99.05, 0, fig9},
                                            {"rbf=false", 60850, 326520, 0, 0, ""}}},
                              BuildLeNet5),
      MakeArch<CaffeOptions>(
          {.name = "lenet_caffe",
           .title = "20 and 50 maps, 500 units, maximum pooling",
           .paper = "BVLC/caffe examples/mnist",
           .variants = {{"", 431080, 2293000, 99.1, 0, "MNIST: Caffe's example, about"}}},
          BuildCaffe),
  };
}

}  // namespace linnet
