// GoogLeNet: Szegedy et al., "Going Deeper with Convolutions", 1409.4842, in two forms: the
// paper's, in the details as Caffe's bvlc_googlenet, and torchvision's, which has batch norm
// instead of biases and response normalisation, and 3x3 where the paper has 5x5 (tf-slim's slip,
// kept because the weights come from there). Names as torchvision's. Its transform_input is
// preprocessing, so not here.
#include "archs/inception.h"

namespace linnet {
namespace {

// Table 1.
struct Module {
  const char* name;
  int c1x1, c3x3_reduce, c3x3, c5x5_reduce, c5x5, pool_proj;
};
const Module kStage3[] = {{"3a", 64, 96, 128, 16, 32, 32}, {"3b", 128, 128, 192, 32, 96, 64}};
const Module kStage4[] = {{"4a", 192, 96, 208, 16, 48, 64},
                          {"4b", 160, 112, 224, 24, 64, 64},
                          {"4c", 128, 128, 256, 24, 64, 64},
                          {"4d", 112, 144, 288, 32, 64, 64},
                          {"4e", 256, 160, 320, 32, 128, 128}};
const Module kStage5[] = {{"5a", 256, 160, 320, 32, 128, 128}, {"5b", 384, 192, 384, 48, 128, 128}};

enum class Style { kPaper, kTorchvision };
// Caffe's: the sum is divided by its size of 5, k is 1.
const Lrn kNorm = {.size = 5, .alpha = 2e-5f, .beta = 0.75f, .k = 1};

struct Network {
  Style style;
  const InceptionAuxOptions& options;
  InceptionGraph net;
  std::vector<Output> outputs = {};

  bool paper() const { return style == Style::kPaper; }

  // Overlapping windows, but for torchvision's last pooling.
  Value Pool(Value x, const std::string& name, int kernel = 3) {
    return net.graph.Emit(
        name, linnet::Pool{.kernel = {kernel, kernel}, .stride = {2, 2}, .ceil = true}, {x});
  }

  Value Norm(Value x, const std::string& name) {
    return paper() ? net.graph.Emit(name, kNorm, {x}) : x;
  }

  Value Inception(Value x, const Module& m) {
    const std::string name = std::string("inception") + m.name;
    const std::string prefix = name + ".";
    const Pair k = paper() ? k5x5 : k3x3;
    const Value b1 = net.Branch(x, prefix, {{"branch1", m.c1x1}});
    const Value b2 =
        net.Branch(x, prefix, {{"branch2.0", m.c3x3_reduce}, {"branch2.1", m.c3x3, k3x3}});
    const Value b3 =
        net.Branch(x, prefix, {{"branch3.0", m.c5x5_reduce}, {"branch3.1", m.c5x5, k}});
    const Value pool = net.MaxPool(x, prefix + "branch4.0", 1, Border::kSame);
    const Value b4 = net.Branch(pool, prefix, {{"branch4.1", m.pool_proj}});
    return net.Concatenate(name, {b1, b2, b3, b4});
  }

  // Sec. 5. torchvision pools adaptively to 4x4, with windows of other sizes.
  void AuxiliaryHead(Value x, const std::string& name) {
    Graph& graph = net.graph;
    x = graph.Emit(name + ".pool",
                   linnet::Pool{.kind = PoolKind::kAverage, .kernel = {5, 5}, .stride = {3, 3}},
                   {x});
    x = net.Box(x, name, {".conv", 128});
    x = graph.Emit(name + ".flatten", Flatten{}, {x});
    x = graph.Emit(name + ".fc1", Dense{.out_features = 1024}, {x});
    x = graph.Emit(name + ".relu", Act{}, {x});
    x = graph.Emit(name + ".dropout", Dropout{0.7f}, {x});
    x = graph.Emit(name + ".fc2", Dense{.out_features = options.common.classes}, {x});
    outputs.push_back(Output(x, 0.3f));
  }

  Value Stem(Value x) {
    x = net.Box(x, "", {"conv1", 64, k7x7, options.small_input ? 1 : 2});
    if (!options.small_input) x = Pool(x, "maxpool1");
    x = Norm(x, "norm1");
    x = net.Branch(x, "", {{"conv2", 64}, {"conv3", 192, k3x3}});
    return Pool(Norm(x, "norm2"), "maxpool2");
  }

  Graph Build() {
    Value x = Stem(EmitInput(net.graph, options.common));
    for (const Module& m : kStage3) x = Inception(x, m);
    x = Pool(x, "maxpool3");
    Value aux[2] = {};
    for (const Module& m : kStage4) {
      x = Inception(x, m);
      if (std::string_view(m.name) == "4a") aux[0] = x;
      if (std::string_view(m.name) == "4d") aux[1] = x;
    }
    x = Pool(x, "maxpool4", paper() ? 3 : 2);
    for (const Module& m : kStage5) x = Inception(x, m);
    outputs = {Classifier(net.graph, x, "fc", options.common.classes, options.dropout)};
    if (options.aux) {
      AuxiliaryHead(aux[0], "aux1");
      AuxiliaryHead(aux[1], "aux2");
    }
    net.graph.outputs = outputs;
    return std::move(net.graph);
  }
};

template <Style style>
Graph Build(const InceptionAuxOptions& options) {
  CheckInceptionOptions("googlenet", options);
  const bool paper = style == Style::kPaper;
  return Network{style, options, {.width = options.width, .bias = paper, .batch_norm = !paper}}
      .Build();
}

}  // namespace

LINNET_FAMILY(googlenet) {
  const char torchvision[] = "torchvision 0.14 weights V1";
  return {
      MakeArch<InceptionAuxOptions>(
          {.name = "googlenet",
           .title = "Inception v1: branches of 1x1, 3x3, 5x5 and pooling",
           .paper = "1409.4842",
           .variants = {{"", 6998552, 1582671872, 68.7, 89.93,
                         "top-1: bvlc_googlenet; top-5: 1409.4842 table 3"},
                        {"aux=true", 13378280, 1582671872, 68.7, 89.93,
                         "top-1: bvlc_googlenet; top-5: 1409.4842 table 3", 1591044096}}},
          Build<Style::kPaper>, InceptionDefaults<InceptionAuxOptions>(224, 0.4f)),
      MakeArch<InceptionAuxOptions>(
          {.name = "googlenet_torchvision",
           .title = "Inception v1 with batch norm, and 3x3 for 5x5",
           .paper = "1409.4842",
           .variants = {{"", 6624904, 1498376192, 69.778, 89.53, torchvision},
                        {"aux=true", 13004888, 1498376192, 69.778, 89.53, torchvision}}},
          Build<Style::kTorchvision>, InceptionDefaults<InceptionAuxOptions>(224, 0.2f)),
  };
}

}  // namespace linnet
