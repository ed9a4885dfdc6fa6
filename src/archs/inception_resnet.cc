// Inception-ResNet: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual
// Connections on Learning", 1602.07261: v1 (fig. 14 to 17), v2 as drawn (fig. 16 to 19) and v2 as
// released, which is deeper (10, 20, 10 blocks instead of 5, 10, 5) behind another stem, and whose
// counts and accuracy everyone quotes. The drawing's widths of 1154 and 2048 in v2's linear
// convolutions cannot be added to the maps they meet, which have 1152 and 2144; those are here.
// Names as timm's. Scales of the residuals as released; the paper says 0.1 to 0.3 (sec. 3.3).
#include "archs/inception.h"

namespace linnet {
namespace {

using Branches = std::vector<std::vector<ConvBox>>;

constexpr Border kV = Border::kValid;

enum class Stem { kV1, kV4, kReleased };

struct Design {
  Stem stem;
  Branches a, reduction_a, b, reduction_b, c;
  int repeat[3];          // blocks of a, b, c
  bool released = false;  // ends in a linear block and a convolution of 1536
};

// Fig. 7, with table 1's k, l, m, n.
Branches ReductionA(int k, int l, int m, int n) {
  return {{{"branch0", n, k3x3, 2, kV}},
          {{"branch1.0", k}, {"branch1.1", l, k3x3}, {"branch1.2", m, k3x3, 2, kV}}};
}

const Branches kA2 = {{{"branch0", 32}},
                      {{"branch1.0", 32}, {"branch1.1", 32, k3x3}},
                      {{"branch2.0", 32}, {"branch2.1", 48, k3x3}, {"branch2.2", 64, k3x3}}};
const Branches kB2 = {{{"branch0", 192}},
                      {{"branch1.0", 128}, {"branch1.1", 160, k1x7}, {"branch1.2", 192, k7x1}}};
const Branches kReductionB2 = {
    {{"branch0.0", 256}, {"branch0.1", 384, k3x3, 2, kV}},
    {{"branch1.0", 256}, {"branch1.1", 288, k3x3, 2, kV}},
    {{"branch2.0", 256}, {"branch2.1", 288, k3x3}, {"branch2.2", 320, k3x3, 2, kV}}};
const Branches kC2 = {{{"branch0", 192}},
                      {{"branch1.0", 192}, {"branch1.1", 224, k1x3}, {"branch1.2", 256, k3x1}}};

const Design kV1 = {
    .stem = Stem::kV1,
    .a = {{{"branch0", 32}},
          {{"branch1.0", 32}, {"branch1.1", 32, k3x3}},
          {{"branch2.0", 32}, {"branch2.1", 32, k3x3}, {"branch2.2", 32, k3x3}}},
    .reduction_a = ReductionA(192, 192, 256, 384),
    .b = {{{"branch0", 128}},
          {{"branch1.0", 128}, {"branch1.1", 128, k1x7}, {"branch1.2", 128, k7x1}}},
    .reduction_b = {{{"branch0.0", 256}, {"branch0.1", 384, k3x3, 2, kV}},
                    {{"branch1.0", 256}, {"branch1.1", 256, k3x3, 2, kV}},
                    {{"branch2.0", 256},
                     {"branch2.1", 256, k3x3},
                     {"branch2.2", 256, k3x3, 2, kV}}},
    .c = {{{"branch0", 192}},
          {{"branch1.0", 192}, {"branch1.1", 192, k1x3}, {"branch1.2", 192, k3x1}}},
    .repeat = {5, 10, 5},
};
const Design kV2Drawn = {.stem = Stem::kV4,
                         .a = kA2,
                         .reduction_a = ReductionA(256, 256, 384, 384),
                         .b = kB2,
                         .reduction_b = kReductionB2,
                         .c = kC2,
                         .repeat = {5, 10, 5}};
const Design kV2 = {.stem = Stem::kReleased,
                    .a = kA2,
                    .reduction_a = ReductionA(256, 256, 384, 384),
                    .b = kB2,
                    .reduction_b = kReductionB2,
                    .c = kC2,
                    .repeat = {10, 20, 10},
                    .released = true};

struct Network {
  const Design& design;
  const InceptionOptions& options;
  InceptionGraph net;
  int trunk = 0;  // channels of what the blocks add to

  int Sum(const Branches& branches) const {
    int channels = 0;
    for (const auto& branch : branches) channels += net.Channels(branch.back().channels);
    return channels;
  }

  std::vector<Value> Emit(Value x, const std::string& name, const Branches& branches) {
    std::vector<Value> ends;
    for (const auto& branch : branches) ends.push_back(net.Branch(x, name + ".", branch));
    return ends;
  }

  // x + scale * linear(branches).
  Value Residual(Value x, const std::string& name, const Branches& branches, float scale) {
    Value y = net.Concatenate(name + ".concat", Emit(x, name, branches));
    y = net.graph.Emit(name + ".conv2d", Conv2d{.out_channels = trunk, .bias = true}, {y});
    return net.graph.Emit(name + ".add", Add{.scale = scale}, {x, y});
  }

  Value Blocks(Value x, const std::string& name, const Branches& branches, int count, float scale) {
    for (int i = 0; i < count; ++i) {
      const std::string block = fmt::format("{}.{}", name, i);
      x = net.graph.Emit(block + ".relu", Act{}, {Residual(x, block, branches, scale)});
    }
    return x;
  }

  Value Reduction(Value x, const std::string& name, const Branches& branches) {
    std::vector<Value> ends = Emit(x, name, branches);
    ends.push_back(net.MaxPool(x, fmt::format("{}.branch{}", name, branches.size()), 2, kV));
    trunk += Sum(branches);
    return net.Concatenate(name, std::move(ends));
  }

  // Fig. 14; the released v2 ends it by pooling and a module of Inception v3.
  Value StemV1(Value x) {
    const int stride = options.small_input ? 1 : 2;
    x = net.Branch(x, "",
                   {{"conv2d_1a", 32, k3x3, stride, kV},
                    {"conv2d_2a", 32, k3x3, 1, kV},
                    {"conv2d_2b", 64, k3x3}});
    if (!options.small_input) x = net.MaxPool(x, "maxpool_3a", 2, kV);
    x = net.Branch(x, "", {{"conv2d_3b", 80}, {"conv2d_4a", 192, k3x3, 1, kV}});
    if (design.stem == Stem::kReleased) return Mixed5b(net.MaxPool(x, "maxpool_5a", 2, kV));
    trunk = net.Channels(256);
    return net.Box(x, "", {"conv2d_4b", 256, k3x3, 2, kV});
  }

  Value Mixed5b(Value x) {
    const Branches branches = {
        {{"branch0", 96}},
        {{"branch1.0", 48}, {"branch1.1", 64, k5x5}},
        {{"branch2.0", 64}, {"branch2.1", 96, k3x3}, {"branch2.2", 96, k3x3}}};
    std::vector<Value> ends = Emit(x, "mixed_5b", branches);
    const Value pool = net.AveragePool(x, "mixed_5b.branch3.0");
    ends.push_back(net.Box(pool, "mixed_5b.", {"branch3.1", 64}));
    trunk = Sum(branches) + net.Channels(64);
    return net.Concatenate("mixed_5b", std::move(ends));
  }

  Value EmitStem(Value x) {
    if (design.stem != Stem::kV4) return StemV1(x);
    trunk = net.Channels(192) + 2 * net.Channels(96);
    return InceptionV4Stem(net, x, "stem.", options.small_input);
  }

  Graph Build() {
    Value x = EmitStem(EmitInput(net.graph, options.common));
    x = Blocks(x, "repeat", design.a, design.repeat[0], 0.17f);
    x = Reduction(x, "mixed_6a", design.reduction_a);
    x = Blocks(x, "repeat_1", design.b, design.repeat[1], 0.1f);
    x = Reduction(x, "mixed_7a", design.reduction_b);
    x = Blocks(x, "repeat_2", design.c, design.repeat[2] - (design.released ? 1 : 0), 0.2f);
    if (design.released) {
      x = Residual(x, "block8", design.c, 1);
      x = net.Box(x, "", {"conv2d_7b", 1536});
    }
    net.graph.outputs = {
        Classifier(net.graph, x, "classif", options.common.classes, options.dropout)};
    return std::move(net.graph);
  }
};

template <const Design& design>
Graph Build(const InceptionOptions& options) {
  CheckInceptionOptions("inception_resnet", options);
  return Network{design, options, {.width = options.width}}.Build();
}

template <const Design& design>
Arch Member(const char* name, const char* title, const Variant& variant) {
  return MakeArch<InceptionOptions>(
      {.name = name, .title = title, .paper = "1602.07261", .variants = {variant}}, Build<design>,
      InceptionDefaults<InceptionOptions>(299, 0.2f));
}

}  // namespace

LINNET_FAMILY(inception_resnet) {
  const char paper[] = "1602.07261 table 2, single crop";
  return {
      Member<kV1>("inception_resnet_v1", "Inception modules as residuals, at v3's cost",
                  {"", 22756328, 6206361696, 78.7, 94.5, paper}),
      Member<kV2>("inception_resnet_v2", "Inception modules as residuals, as released",
                  {"", 55843464, 13155794016, 80.1, 95.1, paper}),
      Member<kV2Drawn>("inception_resnet_v2_drawn",
                       "Inception-ResNet-v2 as the paper draws it: half as many blocks",
                       {"", 32433928, 9257953632, 0, 0, ""}),
  };
}

}  // namespace linnet
