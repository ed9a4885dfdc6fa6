// Xception: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 1610.02357,
// fig. 5. Padding as the author's Keras network, names as timm's, whose pooling pads alike on all
// sides.
#include "archs/inception.h"

namespace linnet {
namespace {

struct Network {
  const InceptionOptions& options;
  Graph graph = {};

  int Channels(int channels) const { return ScaledChannels(channels, options.width); }

  Value Norm(Value x, const std::string& name) {
    return graph.Emit(name, BatchNorm{.eps = 1e-3f}, {x});
  }

  Value Conv(Value x, const std::string& n, int channels, int stride) {
    x = graph.Emit(
        "conv" + n,
        Conv2d{.out_channels = Channels(channels), .kernel = k3x3, .stride = {stride, stride}},
        {x});
    return graph.Emit("act" + n, Act{}, {Norm(x, "bn" + n)});
  }

  // Nothing between depthwise and pointwise: sec. 4.7 found that an activation there harms.
  Value Separable(Value x, const std::string& name, int in, int out) {
    const int maps = Channels(in);
    x = graph.Emit(name + ".conv1", SquareConv(maps, 3, 1, /*groups=*/maps), {x});
    return graph.Emit(name + ".pointwise", SquareConv(Channels(out), 1), {x});
  }

  // Sep-convs with as many outputs as 'channels' says, each after ReLU but for the first of all,
  // and pooling. Beside them a 1x1 convolution; where the block changes nothing, its input.
  Value Block(Value x, int number, int in, const std::vector<int>& channels, bool halve) {
    const std::string name = fmt::format("block{}", number);
    Value skip = x;
    if (halve) {
      skip = graph.Emit(name + ".skip", SquareConv(Channels(channels.back()), 1, 2), {x});
      skip = Norm(skip, name + ".skipbn");
    }
    int node = 0;
    const auto next = [&] { return fmt::format("{}.rep.{}", name, node++); };
    for (const int out : channels) {
      if (number > 1 || node > 0) x = graph.Emit(next(), Act{}, {x});
      x = Separable(x, next(), in, out);
      x = Norm(x, next());
      in = out;
    }
    if (halve) {
      x = graph.Emit(next(), Pool{.kernel = k3x3, .stride = {2, 2}, .padding = Padding::Same()},
                     {x});
    }
    return graph.Emit(name, Add{}, {x, skip});
  }

  Graph Build() {
    Value x = EmitInput(graph, options.common);
    x = Conv(x, "1", 32, options.small_input ? 1 : 2);
    x = Conv(x, "2", 64, 1);
    x = Block(x, 1, 64, {128, 128}, true);
    x = Block(x, 2, 128, {256, 256}, true);
    x = Block(x, 3, 256, {728, 728}, true);
    for (int number = 4; number <= 11; ++number) {
      x = Block(x, number, 728, {728, 728, 728}, false);
    }
    x = Block(x, 12, 728, {728, 1024}, true);
    x = Separable(x, "conv3", 1024, 1536);
    x = graph.Emit("act3", Act{}, {Norm(x, "bn3")});
    x = Separable(x, "conv4", 1536, 2048);
    x = graph.Emit("act4", Act{}, {Norm(x, "bn4")});
    graph.outputs = {Classifier(graph, x, "fc", options.common.classes, options.dropout)};
    return std::move(graph);
  }
};

Graph Build(const InceptionOptions& options) {
  CheckInceptionOptions("xception", options);
  return Network{options}.Build();
}

}  // namespace

LINNET_FAMILY(xception) {
  return {MakeArch<InceptionOptions>(
      {.name = "xception",
       .title = "Inception taken to its end: separable convolutions, residuals",
       .paper = "1610.02357",
       .variants = {{"", 22855952, 8357403496, 79.0, 94.5, "1610.02357 table 1"}}},
      Build, InceptionDefaults<InceptionOptions>(299, 0.5f))};
}

}  // namespace linnet
