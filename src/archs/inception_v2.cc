// Inception v2, also called BN-Inception: Ioffe and Szegedy, "Batch Normalization: Accelerating
// Deep Network Training by Reducing Internal Covariate Shift", 1502.03167, fig. 5. That table
// contradicts itself: modules 4c and 4d have 576 outputs, but 608 if each branch has as many as it
// lists. The two networks that were released resolve it either way: Caffe's (names as its PyTorch
// port by Cadene) keeps the branches, tf-slim's the sum, with 96 channels after pooling, and it has
// a separable first layer. SE-BN-Inception (1709.01507, sec. 3) follows Caffe's, without biases.
#include <algorithm>
#include <string_view>

#include "archs/attention.h"
#include "archs/inception.h"

namespace linnet {
namespace {

// Fig. 5. Without a 1x1 branch the module has stride 2 and passes its maximum on.
struct Module {
  const char* name;
  int c1x1, c3x3_reduce, c3x3, double_reduce, double_3x3;
  PoolKind pool;
  int pool_proj;

  bool reduces() const { return c1x1 == 0; }
};
constexpr PoolKind kMax = PoolKind::kMax, kAverage = PoolKind::kAverage;
const Module kModules[] = {
    {"3a", 64, 64, 64, 64, 96, kAverage, 32},       {"3b", 64, 64, 96, 64, 96, kAverage, 64},
    {"3c", 0, 128, 160, 64, 96, kMax, 0},           {"4a", 224, 64, 96, 96, 128, kAverage, 128},
    {"4b", 192, 96, 128, 96, 128, kAverage, 128},   {"4c", 160, 128, 160, 128, 160, kAverage, 128},
    {"4d", 96, 128, 192, 160, 192, kAverage, 128},  {"4e", 0, 128, 192, 192, 256, kMax, 0},
    {"5a", 352, 192, 320, 160, 224, kAverage, 128}, {"5b", 352, 192, 320, 192, 224, kMax, 128},
};

enum class Style { kCaffe, kSlim, kSe };

struct Network {
  Style style;
  const InceptionOptions& options;
  InceptionGraph net;

  // Caffe rounds the size up instead of padding.
  Value Halve(Value x, const std::string& name) {
    if (style == Style::kSlim) return net.MaxPool(x, name, 2, Border::kSame);
    return net.graph.Emit(name, Pool{.kernel = k3x3, .stride = {2, 2}, .ceil = true}, {x});
  }

  int PoolProj(const Module& m) const {
    const bool halves = m.name == std::string_view("4c") || m.name == std::string_view("4d");
    return style == Style::kSlim && halves ? 96 : m.pool_proj;
  }

  Value PoolBranch(Value x, const std::string& prefix, const Module& m) {
    const Value pool = m.pool == kMax ? net.MaxPool(x, prefix + "pool", 1, Border::kSame)
                                      : net.AveragePool(x, prefix + "pool");
    return net.Box(pool, prefix, {"pool_proj", PoolProj(m)});
  }

  // 'channels' becomes the number of the outputs.
  Value Inception(Value x, int& channels, const Module& m) {
    const std::string prefix = std::string("inception_") + m.name + "_";
    const int stride = m.reduces() ? 2 : 1;
    std::vector<Value> branches;
    if (!m.reduces()) branches.push_back(net.Box(x, prefix, {"1x1", m.c1x1}));
    branches.push_back(
        net.Branch(x, prefix, {{"3x3_reduce", m.c3x3_reduce}, {"3x3", m.c3x3, k3x3, stride}}));
    branches.push_back(net.Branch(x, prefix,
                                  {{"double_3x3_reduce", m.double_reduce},
                                   {"double_3x3_1", m.double_3x3, k3x3},
                                   {"double_3x3_2", m.double_3x3, k3x3, stride}}));
    branches.push_back(m.reduces() ? Halve(x, prefix + "pool") : PoolBranch(x, prefix, m));
    channels = (m.reduces() ? channels : net.Channels(m.c1x1) + net.Channels(PoolProj(m))) +
               net.Channels(m.c3x3) + net.Channels(m.double_3x3);
    x = net.Concatenate(prefix + "output", std::move(branches));
    if (style != Style::kSe) return x;
    return SqueezeExcite(net.graph, x, prefix + "se", channels,
                         {.squeeze = std::max(1, channels / kAttentionReduction)});
  }

  // tf-slim's first layer: eight 7x7 filters on each colour, then 1x1.
  Value FirstLayer(Value x) {
    const ConvBox box = {"conv1_7x7_s2", 64, k7x7, options.small_input ? 1 : 2};
    if (style != Style::kSlim) return net.Box(x, "", box);
    Conv2d depthwise = net.Convolution(box);
    depthwise.groups = options.common.channels;
    depthwise.out_channels = 8 * options.common.channels;
    x = net.graph.Emit("conv1_7x7_s2_depthwise", depthwise, {x});
    return net.Box(x, "", {box.name, box.channels});
  }

  Graph Build() {
    Value x = FirstLayer(EmitInput(net.graph, options.common));
    if (!options.small_input) x = Halve(x, "pool1_3x3_s2");
    x = net.Branch(x, "", {{"conv2_3x3_reduce", 64}, {"conv2_3x3", 192, k3x3}});
    x = Halve(x, "pool2_3x3_s2");
    int channels = net.Channels(192);
    for (const Module& m : kModules) x = Inception(x, channels, m);
    net.graph.outputs = {
        Classifier(net.graph, x, "last_linear", options.common.classes, options.dropout)};
    return std::move(net.graph);
  }
};

template <Style style>
Graph Build(const InceptionOptions& options) {
  CheckInceptionOptions("inception_v2", options);
  const bool slim = style == Style::kSlim;
  return Network{style,
                 options,
                 {.width = options.width,
                  .bias = style == Style::kCaffe,
                  .eps = slim ? 1e-3f : 1e-5f,
                  .suffixes = {"", "_bn", "_relu"},
                  .padding = slim ? PaddingRule::kSame : PaddingRule::kSymmetric,
                  .count_include_pad = !slim}}
      .Build();
}

}  // namespace

LINNET_FAMILY(inception_v2) {
  return {
      MakeArch<InceptionOptions>(
          {.name = "inception_v2",
           .title = "BN-Inception: 5x5 as two 3x3, batch norm; Caffe's",
           .paper = "1502.03167",
           .variants = {{"", 11295240, 2032600064, 74.8, 92.18, "1502.03167 sec. 4.2.3"}}},
          Build<Style::kCaffe>, InceptionDefaults<InceptionOptions>(224, 0)),
      MakeArch<InceptionOptions>(
          {.name = "inception_v2_slim",
           .title = "BN-Inception, tf-slim's: separable first layer",
           .paper = "1502.03167",
           .variants = {{"", 11188288, 1934857216, 73.9, 91.8, "tf-slim inception_v2"}}},
          Build<Style::kSlim>, InceptionDefaults<InceptionOptions>(224, 0.2f)),
      MakeArch<InceptionOptions>(
          {.name = "se_inception_v2",
           .title = "BN-Inception with squeeze-and-excite after each module",
           .paper = "1709.01507",
           .variants = {{"", 11931622, 2033239424, 75.77, 92.86, "1709.01507 table 2"}}},
          Build<Style::kSe>, InceptionDefaults<InceptionOptions>(224, 0)),
  };
}

}  // namespace linnet
