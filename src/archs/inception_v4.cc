// Inception v4: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual
// Connections on Learning", 1602.07261, fig. 9. Names as timm's.
#include "archs/inception.h"

namespace linnet {
namespace {

struct Network {
  const InceptionOptions& options;
  InceptionGraph net;

  Value PoolBranch(Value x, const std::string& prefix, int channels) {
    return net.Box(net.AveragePool(x, prefix + "branch3.0"), prefix, {"branch3.1", channels});
  }

  // Fig. 4: 35x35.
  Value A(Value x, const std::string& name) {
    const std::string prefix = name + ".";
    const Value b0 = net.Box(x, prefix, {"branch0", 96});
    const Value b1 = net.Branch(x, prefix, {{"branch1.0", 64}, {"branch1.1", 96, k3x3}});
    const Value b2 = net.Branch(
        x, prefix, {{"branch2.0", 64}, {"branch2.1", 96, k3x3}, {"branch2.2", 96, k3x3}});
    return net.Concatenate(name, {b0, b1, b2, PoolBranch(x, prefix, 96)});
  }

  // Fig. 7, with table 1's k, l, m, n = 192, 224, 256, 384.
  Value ReductionA(Value x, const std::string& name) {
    const std::string prefix = name + ".";
    const Value b0 = net.Box(x, prefix, {"branch0", 384, k3x3, 2, Border::kValid});
    const Value b1 = net.Branch(x, prefix,
                                {{"branch1.0", 192},
                                 {"branch1.1", 224, k3x3},
                                 {"branch1.2", 256, k3x3, 2, Border::kValid}});
    return net.Concatenate(name, {b0, b1, net.MaxPool(x, prefix + "branch2", 2, Border::kValid)});
  }

  // Fig. 5: 17x17.
  Value B(Value x, const std::string& name) {
    const std::string prefix = name + ".";
    const Value b0 = net.Box(x, prefix, {"branch0", 384});
    const Value b1 = net.Branch(
        x, prefix, {{"branch1.0", 192}, {"branch1.1", 224, k1x7}, {"branch1.2", 256, k7x1}});
    const Value b2 = net.Branch(x, prefix,
                                {{"branch2.0", 192},
                                 {"branch2.1", 192, k7x1},
                                 {"branch2.2", 224, k1x7},
                                 {"branch2.3", 224, k7x1},
                                 {"branch2.4", 256, k1x7}});
    return net.Concatenate(name, {b0, b1, b2, PoolBranch(x, prefix, 128)});
  }

  // Fig. 8.
  Value ReductionB(Value x, const std::string& name) {
    const std::string prefix = name + ".";
    const Value b0 =
        net.Branch(x, prefix, {{"branch0.0", 192}, {"branch0.1", 192, k3x3, 2, Border::kValid}});
    const Value b1 = net.Branch(x, prefix,
                                {{"branch1.0", 256},
                                 {"branch1.1", 256, k1x7},
                                 {"branch1.2", 320, k7x1},
                                 {"branch1.3", 320, k3x3, 2, Border::kValid}});
    return net.Concatenate(name, {b0, b1, net.MaxPool(x, prefix + "branch2", 2, Border::kValid)});
  }

  // Fig. 6: 8x8.
  Value C(Value x, const std::string& name) {
    const std::string prefix = name + ".";
    const Value b0 = net.Box(x, prefix, {"branch0", 256});
    const Value b1 = net.Box(x, prefix, {"branch1_0", 384});
    const Value b1a = net.Box(b1, prefix, {"branch1_1a", 256, k1x3});
    const Value b1b = net.Box(b1, prefix, {"branch1_1b", 256, k3x1});
    const Value b2 = net.Branch(
        x, prefix, {{"branch2_0", 384}, {"branch2_1", 448, k3x1}, {"branch2_2", 512, k1x3}});
    const Value b2a = net.Box(b2, prefix, {"branch2_3a", 256, k1x3});
    const Value b2b = net.Box(b2, prefix, {"branch2_3b", 256, k3x1});
    return net.Concatenate(name, {b0, b1a, b1b, b2a, b2b, PoolBranch(x, prefix, 256)});
  }

  Graph Build() {
    Value x = EmitInput(net.graph, options.common);
    x = InceptionV4Stem(net, x, "features.", options.small_input);
    int module = 6;
    const auto name = [&] { return fmt::format("features.{}", module++); };
    for (int i = 0; i < 4; ++i) x = A(x, name());
    x = ReductionA(x, name());
    for (int i = 0; i < 7; ++i) x = B(x, name());
    x = ReductionB(x, name());
    for (int i = 0; i < 3; ++i) x = C(x, name());
    net.graph.outputs = {
        Classifier(net.graph, x, "last_linear", options.common.classes, options.dropout)};
    return std::move(net.graph);
  }
};

Graph Build(const InceptionOptions& options) {
  CheckInceptionOptions("inception_v4", options);
  return Network{options, {.width = options.width}}.Build();
}

}  // namespace

LINNET_FAMILY(inception_v4) {
  return {MakeArch<InceptionOptions>(
      {.name = "inception_v4",
       .title = "Inception without compromise: deeper, uniform modules",
       .paper = "1602.07261",
       .variants = {{"", 42679816, 12253974624, 80.0, 95.0, "1602.07261 table 2, single crop"}}},
      Build, InceptionDefaults<InceptionOptions>(299, 0.2f))};
}

}  // namespace linnet
