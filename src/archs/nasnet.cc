// NASNet-A: Zoph et al., "Learning Transferable Architectures for Scalable Image Recognition",
// 1707.07012; what the paper leaves open is the authors' tf-slim code's. Names as timm's
// nasnetalarge.
#include <array>

#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {
namespace {

// A network of the paper is called (N @ filters of the last cell).
struct NasNetOptions {
  int repeats = 6;
  int filters = 768;
  bool auxiliary = false;
  float drop_path = 0.4f;
  float dropout = 0;
  float bn_momentum = 0.1f;
  CommonOptions common = {.size = 32, .classes = 10};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("repeats", self.repeats, "N: normal cells before, between and after the reduction cells");
    v("filters", self.filters,
      "channels of the last cell, 24 times those of the first convolutions");
    v("auxiliary", self.auxiliary, "a second classifier before the second reduction, for training");
    v("drop_path", self.drop_path, "drop-path rate of the last cell; it grows linearly to there");
    v("dropout", self.dropout, "dropout before the classifier");
    v("bn_momentum", self.bn_momentum, "share of the batch in batch norm's running statistics");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Separable convolutions by their kernel.
enum class CellOp { kSep3 = 3, kSep5 = 5, kSep7 = 7, kAverage3, kMax3, kIdentity };

// Figure 4. States: 0 is what the cell before made, 1 what the one before that made, 2 ... the sums
// of this cell in order. The result is the concatenation of the states in 'outputs'.
struct Branch {
  int state;
  CellOp op;
  bool operator==(const Branch&) const = default;
};
struct Sum {
  Branch left, right;
};
struct Cell {
  std::array<Sum, 5> sums;
  std::vector<int> outputs;
};
const Cell kNormal = {{{{{0, CellOp::kSep5}, {1, CellOp::kSep3}},
                        {{1, CellOp::kSep5}, {1, CellOp::kSep3}},
                        {{0, CellOp::kAverage3}, {1, CellOp::kIdentity}},
                        {{1, CellOp::kAverage3}, {1, CellOp::kAverage3}},
                        {{0, CellOp::kSep3}, {0, CellOp::kIdentity}}}},
                      {1, 2, 3, 4, 5, 6}};
const Cell kReduction = {{{{{0, CellOp::kSep5}, {1, CellOp::kSep7}},
                           {{0, CellOp::kMax3}, {1, CellOp::kSep7}},
                           {{0, CellOp::kAverage3}, {1, CellOp::kSep5}},
                           {{3, CellOp::kIdentity}, {2, CellOp::kAverage3}},
                           {{2, CellOp::kSep3}, {0, CellOp::kMax3}}}},
                         {3, 4, 5, 6}};

// What differs between the paper's three settings.
struct Setting {
  int stem_filters;  // 0: three times the first cell's
  bool imagenet;     // the stem ends with two reduction cells
  // The normal cell after a reduction cell takes as its state 1 not the cell before the reduction,
  // but the one before that.
  bool skip_reduction_input;
  float bn_eps;
};
const Setting kCifar = {0, false, false, 1e-5f};
const Setting kMobile = {32, true, false, 1e-3f};
const Setting kLarge = {96, true, true, 1e-3f};
const NasNetOptions kMobileDefaults = {.repeats = 4,
                                       .filters = 1056,
                                       .drop_path = 0,
                                       .dropout = 0.5f,
                                       .bn_momentum = 0.0003f,
                                       .common = {}};
const NasNetOptions kLargeDefaults = {.repeats = 6,
                                      .filters = 4032,
                                      .drop_path = 0.3f,
                                      .dropout = 0.5f,
                                      .bn_momentum = 0.0003f,
                                      .common = {.size = 331}};

// A value of the graph; what the cells need to know of its shape.
struct Map {
  Value value = -1;  // -1: there is none
  int channels = 0;
  int size = 0;  // rows and columns
};

struct Network {
  NasNetOptions options;
  Setting setting;
  Graph graph;
  int cells_made = 0;
  int cells_total = 0;
  std::vector<Map> made;  // by the stem and each cell, in order

  Value Bn(Value x, const std::string& name) {
    return graph.Emit(name, BatchNorm{.eps = setting.bn_eps, .momentum = options.bn_momentum}, {x});
  }

  // 1x1, after a ReLU.
  Map ReluConvBn(Map x, const std::string& name, int filters) {
    Value y = graph.Emit(name + ".act", Act{}, {x.value});
    y = graph.Emit(name + ".conv", SquareConv(filters, 1), {y});
    return {Bn(y, name + ".bn"), filters, x.size};
  }

  // 1x1, without one.
  Map ConvBn(Map x, const std::string& name, int filters) {
    const Value y = graph.Emit(name + ".conv", SquareConv(filters, 1), {x.value});
    return {Bn(y, name + ".bn"), filters, x.size};
  }

  // Halves the map by two strided 1x1, the second of which sees the pixels that the first skips: it
  // is shifted by one row and column, with zeros behind the last.
  Map FactorizedReduction(Map x, const std::string& name, int filters) {
    const Pool every_second = {.kind = PoolKind::kAverage, .kernel = {1, 1}, .stride = {2, 2}};
    const Conv2d conv = SquareConv(filters / 2, 1);
    const Value relu = graph.Emit(name + ".act", Act{}, {x.value});
    Value one = graph.Emit(name + ".path_1.avgpool", every_second, {relu});
    one = graph.Emit(name + ".path_1.conv", conv, {one});
    Value two = graph.Emit(name + ".path_2.rows", Slice{Axis::kHeight, 1, 0}, {relu});
    two = graph.Emit(name + ".path_2.columns", Slice{Axis::kWidth, 1, 0}, {two});
    two = graph.Emit(name + ".path_2.pad", Pad{.padding = {false, 0, 0, 1, 1}}, {two});
    two = graph.Emit(name + ".path_2.avgpool", every_second, {two});
    two = graph.Emit(name + ".path_2.conv", conv, {two});
    const Value both = graph.Emit(name + ".paths", Concat{}, {one, two});
    return {Bn(both, name + ".final_path_bn"), filters, (x.size + 1) / 2};
  }

  // Sec. 3: each separable convolution twice; the stride is in the first.
  Map Separable(Map x, const std::string& name, int kernel, int filters, int stride) {
    for (int i = 1; i <= 2; ++i) {
      const Conv2d depthwise = SquareConv(x.channels, kernel, stride, /*groups=*/x.channels,
                                          /*dilation=*/1, PaddingRule::kSame);
      const std::string conv = fmt::format("{}.separable_{}", name, i);
      Value y = graph.Emit(fmt::format("{}.act_{}", name, i), Act{}, {x.value});
      y = graph.Emit(conv + ".depthwise_conv2d", depthwise, {y});
      y = graph.Emit(conv + ".pointwise_conv2d", SquareConv(filters, 1), {y});
      y = Bn(y, fmt::format("{}.bn_sep_{}", name, i));
      x = {y, filters, (x.size + stride - 1) / stride};
      stride = 1;
    }
    return x;
  }

  Map Pooled(Map x, const std::string& name, PoolKind kind, int filters, int stride) {
    const Pool pool = {
        .kind = kind, .kernel = {3, 3}, .stride = {stride, stride}, .padding = Padding::Same()};
    x = {graph.Emit(name + ".pool", pool, {x.value}), x.channels, (x.size + stride - 1) / stride};
    return x.channels == filters ? x : ConvBn(x, name, filters);
  }

  Map Apply(const Branch& branch, const std::vector<Map>& states, const std::string& name,
            int filters, int stride) {
    const Map x = states[branch.state];
    // Only what comes from outside of the cell is not yet reduced.
    if (branch.state >= 2) stride = 1;
    switch (branch.op) {
      case CellOp::kIdentity:
        return x.channels == filters ? x : ReluConvBn(x, name, filters);
      case CellOp::kAverage3:
        return Pooled(x, name, PoolKind::kAverage, filters, stride);
      case CellOp::kMax3:
        return Pooled(x, name, PoolKind::kMax, filters, stride);
      default:
        return Separable(x, name, static_cast<int>(branch.op), filters, stride);
    }
  }

  // On everything but the identity; deeper cells drop more. (The paper's ScheduledDropPath also
  // grows over training; here the rate is that of its end.)
  Value Dropped(CellOp op, Value x, const std::string& name) {
    const float rate = options.drop_path * (cells_made + 1) / cells_total;
    if (op == CellOp::kIdentity || rate <= 0) return x;
    return graph.Emit(name + ".drop_path", DropPath{rate}, {x});
  }

  // The average that the normal cell adds to itself is made once. (tf-slim makes it twice, which
  // shows in the first cell of a CIFAR network alone: there each has a 1x1 convolution behind it.)
  Map AddSum(const Sum& sum, const std::vector<Map>& states, const std::string& name, int filters,
             int stride) {
    const std::string l = name + "_left", r = name + "_right";
    const Map left = Apply(sum.left, states, l, filters, stride);
    const Map right = sum.left == sum.right ? left : Apply(sum.right, states, r, filters, stride);
    const Value value = graph.Emit(
        name, Add{}, {Dropped(sum.left.op, left.value, l), Dropped(sum.right.op, right.value, r)});
    return {value, filters, left.size};
  }

  // State 1 in the size and channels of state 0. The first cell of the network has no cell before
  // the one before it: it takes its input a second time, as it is.
  Map Previous(Map previous, Map current, const std::string& name, int filters) {
    if (previous.value < 0) return current;
    if (previous.size != current.size) return FactorizedReduction(previous, name, filters);
    return ReluConvBn(previous, name + ".conv_prev_1x1", filters);
  }

  void AddCell(const Cell& cell, const std::string& name, Map previous, int filters) {
    const Map current = made.back();
    const int stride = &cell == &kReduction ? 2 : 1;
    std::vector<Map> states = {ReluConvBn(current, name + ".conv_1x1", filters),
                               Previous(previous, current, name, filters)};
    for (size_t i = 0; i < cell.sums.size(); ++i) {
      states.push_back(
          AddSum(cell.sums[i], states, fmt::format("{}.comb_iter_{}", name, i), filters, stride));
    }
    std::vector<Value> outputs;
    for (const int state : cell.outputs) {
      // Only the first cell's input has other channels.
      if (states[state].channels != filters) {
        states[state] = ConvBn(states[state], name + ".path", filters);
      }
      outputs.push_back(states[state].value);
    }
    const int channels = filters * static_cast<int>(outputs.size());
    made.push_back({graph.Emit(name + ".concat", Concat{}, outputs), channels, states.back().size});
    ++cells_made;
  }

  Map BeforeLast() const { return made.size() < 2 ? Map{} : made[made.size() - 2]; }

  void AddStem(int filters) {
    Value x = EmitInput(graph, options.common);
    const int size = options.common.size;
    const int channels = setting.stem_filters > 0 ? setting.stem_filters : 3 * filters;
    Conv2d conv = SquareConv(channels, 3, setting.imagenet ? 2 : 1);
    if (setting.imagenet) conv.padding = {};
    x = Bn(graph.Emit("conv0.conv", conv, {x}), "conv0.bn");
    made.push_back({x, channels, setting.imagenet ? (size - 1) / 2 : size});
    if (!setting.imagenet) return;
    AddCell(kReduction, "cell_stem_0", BeforeLast(), filters / 4);
    AddCell(kReduction, "cell_stem_1", BeforeLast(), filters / 2);
  }

  Value AuxiliaryHead() {
    const Map x = made.back();
    Value y = graph.Emit("aux.act", Act{}, {x.value});
    y = graph.Emit("aux.pool", Pool{.kind = PoolKind::kAverage, .kernel = {5, 5}, .stride = {3, 3}},
                   {y});
    const int size = (x.size - 5) / 3 + 1;
    y = Bn(graph.Emit("aux.proj.conv", SquareConv(128, 1), {y}), "aux.proj.bn");
    y = graph.Emit("aux.proj.act", Act{}, {y});
    y = Bn(graph.Emit("aux.full.conv", Conv2d{.out_channels = 768, .kernel = {size, size}}, {y}),
           "aux.full.bn");
    y = graph.Emit("aux.full.act", Act{}, {y});
    y = graph.Emit("aux.flatten", Flatten{}, {y});
    return graph.Emit("aux.fc", Dense{.out_features = options.common.classes}, {y});
  }

  Graph Build() {
    const int n = options.repeats;
    cells_total = 3 * n + 2 + (setting.imagenet ? 2 : 0);
    int filters = options.filters / 24;
    AddStem(filters);
    for (int c = 0; c < 3 * n; ++c) {
      Map previous = BeforeLast();
      if (c == n || c == 2 * n) {
        if (c == 2 * n && options.auxiliary) graph.outputs.push_back({AuxiliaryHead(), 0.4f});
        filters *= 2;
        AddCell(kReduction, fmt::format("reduction_cell_{}", c / n - 1), previous, filters);
        if (!setting.skip_reduction_input) previous = BeforeLast();
      }
      AddCell(kNormal, fmt::format("cell_{}", c), previous, filters);
    }
    const Value x = graph.Emit("act", Act{}, {made.back().value});
    graph.outputs.insert(
        graph.outputs.begin(),
        Classifier(graph, x, "last_linear", options.common.classes, options.dropout));
    return graph;
  }
};

template <const Setting& setting>
Graph Build(const NasNetOptions& options) {
  ExpectOption("nasnet_a", "repeats", options.repeats, 1, 64);
  ExpectOption("nasnet_a", "filters", options.filters, 96, 1e5);
  if (options.filters % 96 != 0) {
    Fail(ErrorKind::kUsage,
         "nasnet_a: filters={}: expected a multiple of 96 (24, and the stem has "
         "a quarter of the first cell's)",
         options.filters);
  }
  ExpectOption("nasnet_a", "drop_path", options.drop_path, 0, 0.99);
  ExpectOption("nasnet_a", "dropout", options.dropout, 0, 0.99);
  ExpectOption("nasnet_a", "bn_momentum", options.bn_momentum, 0, 1);
  return Network{options, setting, {}, 0, 0, {}}.Build();
}

// CIFAR-10's accuracies are with cutout. The paper prints 27.6M parameters for
// (7 @ 2304); the definition by which (6 @ 768) has its 3.3M makes it 32.6M, and (6 @ 2304) 28.2M.
const char kTable1[] = "1707.07012 table 1, CIFAR-10 with cutout";
const std::vector<Variant> kCifarVariants = {
    {"", 3343402, 541187584, 97.35, 0, kTable1},
    {"repeats=7,filters=2304", 32563114, 5122939392, 97.60, 0, kTable1},
};

}  // namespace

LINNET_FAMILY(nasnet) {
  return {
      MakeArch<NasNetOptions>({.name = "nasnet_a_cifar",
                               .title = "cells found by search, for 32x32 pictures",
                               .paper = "1707.07012",
                               .variants = kCifarVariants},
                              Build<kCifar>),
      MakeArch<NasNetOptions>(
          {.name = "nasnet_a_mobile",
           .title = "NASNet-A (4 @ 1056)",
           .paper = "1707.07012",
           .variants = {{"", 5289978, 563638816, 74.0, 91.6, "1707.07012 table 3"}}},
          Build<kMobile>, kMobileDefaults),
      MakeArch<NasNetOptions>(
          {.name = "nasnet_a_large",
           .title = "NASNet-A (6 @ 4032)",
           .paper = "1707.07012",
           .variants = {{"", 88753150, 23783414658, 82.7, 96.2, "1707.07012 table 2"}}},
          Build<kLarge>, kLargeDefaults),
  };
}

}  // namespace linnet
