// Inception v3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
// 1512.00567, table 1, in the details as released, with torchvision's names. The first modules keep
// a 5x5 there. torchvision's transform_input is preprocessing, so not here.
#include "archs/inception.h"

namespace linnet {
namespace {

struct Network {
  const InceptionAuxOptions& options;
  InceptionGraph net;

  Value PoolBranch(Value x, const std::string& prefix, int channels) {
    return net.Box(net.AveragePool(x, prefix + "pool"), prefix, {"branch_pool", channels});
  }

  // Fig. 5.
  Value A(Value x, const std::string& name, int pool_channels) {
    const std::string prefix = name + ".";
    const Value b1 = net.Box(x, prefix, {"branch1x1", 64});
    const Value b5 = net.Branch(x, prefix, {{"branch5x5_1", 48}, {"branch5x5_2", 64, k5x5}});
    const Value b3 = net.Branch(
        x, prefix,
        {{"branch3x3dbl_1", 64}, {"branch3x3dbl_2", 96, k3x3}, {"branch3x3dbl_3", 96, k3x3}});
    return net.Concatenate(name, {b1, b5, b3, PoolBranch(x, prefix, pool_channels)});
  }

  // Fig. 10: to 17x17.
  Value B(Value x, const std::string& name) {
    const std::string prefix = name + ".";
    const Value b3 = net.Box(x, prefix, {"branch3x3", 384, k3x3, 2, Border::kValid});
    const Value dbl = net.Branch(x, prefix,
                                 {{"branch3x3dbl_1", 64},
                                  {"branch3x3dbl_2", 96, k3x3},
                                  {"branch3x3dbl_3", 96, k3x3, 2, Border::kValid}});
    const Value pool = net.MaxPool(x, prefix + "branch_pool", 2, Border::kValid);
    return net.Concatenate(name, {b3, dbl, pool});
  }

  // Fig. 6 with n = 7.
  Value C(Value x, const std::string& name, int c7) {
    const std::string prefix = name + ".";
    const Value b1 = net.Box(x, prefix, {"branch1x1", 192});
    const Value b7 = net.Branch(
        x, prefix, {{"branch7x7_1", c7}, {"branch7x7_2", c7, k1x7}, {"branch7x7_3", 192, k7x1}});
    const Value dbl = net.Branch(x, prefix,
                                 {{"branch7x7dbl_1", c7},
                                  {"branch7x7dbl_2", c7, k7x1},
                                  {"branch7x7dbl_3", c7, k1x7},
                                  {"branch7x7dbl_4", c7, k7x1},
                                  {"branch7x7dbl_5", 192, k1x7}});
    return net.Concatenate(name, {b1, b7, dbl, PoolBranch(x, prefix, 192)});
  }

  // To 8x8.
  Value D(Value x, const std::string& name) {
    const std::string prefix = name + ".";
    const Value b3 = net.Branch(
        x, prefix, {{"branch3x3_1", 192}, {"branch3x3_2", 320, k3x3, 2, Border::kValid}});
    const Value b7 = net.Branch(x, prefix,
                                {{"branch7x7x3_1", 192},
                                 {"branch7x7x3_2", 192, k1x7},
                                 {"branch7x7x3_3", 192, k7x1},
                                 {"branch7x7x3_4", 192, k3x3, 2, Border::kValid}});
    const Value pool = net.MaxPool(x, prefix + "branch_pool", 2, Border::kValid);
    return net.Concatenate(name, {b3, b7, pool});
  }

  // Fig. 7: the last convolutions stand side by side.
  Value E(Value x, const std::string& name) {
    const std::string prefix = name + ".";
    const Value b1 = net.Box(x, prefix, {"branch1x1", 320});
    const Value b3 = net.Box(x, prefix, {"branch3x3_1", 384});
    const Value b3a = net.Box(b3, prefix, {"branch3x3_2a", 384, k1x3});
    const Value b3b = net.Box(b3, prefix, {"branch3x3_2b", 384, k3x1});
    const Value dbl =
        net.Branch(x, prefix, {{"branch3x3dbl_1", 448}, {"branch3x3dbl_2", 384, k3x3}});
    const Value dbla = net.Box(dbl, prefix, {"branch3x3dbl_3a", 384, k1x3});
    const Value dblb = net.Box(dbl, prefix, {"branch3x3dbl_3b", 384, k3x1});
    return net.Concatenate(name, {b1, b3a, b3b, dbla, dblb, PoolBranch(x, prefix, 192)});
  }

  Value Stem(Value x) {
    x = net.Branch(x, "",
                   {{"Conv2d_1a_3x3", 32, k3x3, options.small_input ? 1 : 2, Border::kValid},
                    {"Conv2d_2a_3x3", 32, k3x3, 1, Border::kValid},
                    {"Conv2d_2b_3x3", 64, k3x3}});
    if (!options.small_input) x = net.MaxPool(x, "maxpool1", 2, Border::kValid);
    x = net.Branch(x, "", {{"Conv2d_3b_1x1", 80}, {"Conv2d_4a_3x3", 192, k3x3, 1, Border::kValid}});
    return net.MaxPool(x, "maxpool2", 2, Border::kValid);
  }

  // Sec. 4 (fig. 8), on the last map of 17x17.
  Value AuxiliaryHead(Value x) {
    Graph& graph = net.graph;
    x = graph.Emit("AuxLogits.pool",
                   Pool{.kind = PoolKind::kAverage, .kernel = k5x5, .stride = {3, 3}}, {x});
    x = net.Branch(x, "AuxLogits.", {{"conv0", 128}, {"conv1", 768, k5x5, 1, Border::kValid}});
    x = graph.Emit("AuxLogits.global_pool", GlobalPool{}, {x});
    x = graph.Emit("AuxLogits.flatten", Flatten{}, {x});
    return graph.Emit("AuxLogits.fc", Dense{.out_features = options.common.classes}, {x});
  }

  Graph Build() {
    Value x = Stem(EmitInput(net.graph, options.common));
    x = A(x, "Mixed_5b", 32);
    x = A(x, "Mixed_5c", 64);
    x = A(x, "Mixed_5d", 64);
    x = B(x, "Mixed_6a");
    x = C(x, "Mixed_6b", 128);
    x = C(x, "Mixed_6c", 160);
    x = C(x, "Mixed_6d", 160);
    const Value last17 = C(x, "Mixed_6e", 192);
    x = D(last17, "Mixed_7a");
    x = E(x, "Mixed_7b");
    x = E(x, "Mixed_7c");
    net.graph.outputs = {Classifier(net.graph, x, "fc", options.common.classes, options.dropout)};
    // The weight of the loss is tf-slim's; the paper names none.
    if (options.aux) net.graph.outputs.push_back(Output(AuxiliaryHead(last17), 0.4f));
    return std::move(net.graph);
  }
};

Graph Build(const InceptionAuxOptions& options) {
  CheckInceptionOptions("inception_v3", options);
  if (options.aux && options.small_input) {
    Fail(ErrorKind::kUsage,
         "architecture inception_v3: aux=true needs a map of 17x17, which small_input=true does "
         "not have; leave one of them out");
  }
  return Network{options, {.width = options.width, .count_include_pad = true}}.Build();
}

}  // namespace

LINNET_FAMILY(inception_v3) {
  const char paper[] = "1512.00567 table 3, single crop";
  return {MakeArch<InceptionAuxOptions>(
      {.name = "inception_v3",
       .title = "factorised convolutions: 1x7, 7x1, 1x3, 3x1",
       .paper = "1512.00567",
       .variants = {{"", 23834568, 5713216096, 78.8, 94.4, paper},
                    {"aux=true", 27161264, 5713216096, 78.8, 94.4, paper}}},
      Build, InceptionDefaults<InceptionAuxOptions>(299, 0.5f))};
}

}  // namespace linnet
