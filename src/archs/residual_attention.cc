// Residual Attention Network: Wang et al., "Residual Attention Network for Image Classification",
// 1704.06904. Wiring from the authors' fwang91/residual-attention-network (Attention-56, -92
// prototxt); names are ours, because the authors' are no module's.
#include <array>

#include "archs/arch.h"
#include "archs/blocks.h"
#include "archs/residual.h"

namespace linnet {
namespace {

struct AttentionOptions {
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    CommonOptions::VisitFields(self.common, v);
  }
};

struct Network {
  Graph graph;
  int channels = 64;

  // Sec. 4.2: every unit is a pre-activation bottleneck.
  Value Unit(Value x, const std::string& name, int out, int stride = 1) {
    const ResidualUnit unit{.in = channels, .out = out, .width = out / 4, .stride = stride};
    channels = out;
    return PreActivationUnit(graph, x, name, unit);
  }
  Value Unit(Value x, const std::string& name) { return Unit(x, name, channels); }

  Value MaxPool(Value x, const std::string& name) {
    return graph.Emit(name, Pool{.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::All(1)},
                      {x});
  }

  // Up to the size of 'like'.
  Value Interpolate(Value x, const std::string& name, Value like) {
    return graph.Emit(name, Resize{.mode = ResizeMode::kBilinear, .align_corners = true},
                      {x, like});
  }

  // Figure 2: down 'depth' times and up again, each size joined to its own by a skip unit. 'like'
  // has the size of the result.
  Value DownUp(Value x, const std::string& name, int depth, Value like) {
    x = Unit(MaxPool(x, name + ".pool"), name + ".down");
    if (depth > 1) {
      const Value skip = Unit(x, name + ".skip");
      x = DownUp(x, name + ".inner", depth - 1, x);
      x = graph.Emit(name + ".add", Add{}, {skip, x});
    }
    return Interpolate(Unit(x, name + ".up"), name + ".interpolate", like);
  }

  // Batch norm, ReLU, 1x1 convolution.
  Value Linear(Value x, const std::string& name) {
    x = graph.Emit(name + ".norm", BatchNorm{}, {x});
    x = graph.Emit(name + ".relu", Act{}, {x});
    return graph.Emit(name + ".conv", SquareConv(channels, 1), {x});
  }

  // Sec. 3: (1 + M) * T, with p = 1 unit before, t = 2 in the trunk, r = 1 between two sizes of the
  // mask branch, and one unit after.
  Value AttentionModule(Value x, const std::string& name, int depth) {
    x = Unit(x, name + ".before");
    const Value trunk = Unit(Unit(x, name + ".trunk.0"), name + ".trunk.1");
    Value mask = DownUp(x, name + ".mask", depth, trunk);
    mask = Linear(Linear(mask, name + ".mask.linear1"), name + ".mask.linear2");
    mask = graph.Emit(name + ".mask.sigmoid", Act{Activation::kSigmoid}, {mask});
    const Value attended = graph.Emit(name + ".mul", Mul{}, {trunk, mask});
    x = graph.Emit(name + ".add", Add{}, {trunk, attended});
    return Unit(x, name + ".after");
  }
};

// Table 2: modules at 56x56, 28x28, 14x14, whose masks go down to 7x7.
template <int m1, int m2, int m3>
Graph Build(const AttentionOptions& options) {
  const std::array<int, 3> modules = {m1, m2, m3};
  Network network;
  Graph& graph = network.graph;
  Value x = ConvBnAct(graph, EmitInput(graph, options.common), {"conv1", "bn1", "relu1"},
                      SquareConv(64, 7, 2), Activation::kRelu);
  x = network.MaxPool(x, "maxpool");
  for (int stage = 0; stage < 3; ++stage) {
    const std::string name = "stage" + std::to_string(stage + 1);
    x = network.Unit(x, name + ".unit", 256 << stage, stage == 0 ? 1 : 2);
    for (int i = 0; i < modules[stage]; ++i) {
      x = network.AttentionModule(x, fmt::format("{}.attention{}", name, i + 1), 3 - stage);
    }
  }
  for (int i = 0; i < 3; ++i) {
    x = network.Unit(x, "stage4.unit" + std::to_string(i + 1), 2048, i == 0 ? 2 : 1);
  }
  x = graph.Emit("norm", BatchNorm{}, {x});
  x = graph.Emit("relu", Act{}, {x});
  graph.outputs = {Classifier(graph, x, "fc", options.common.classes, /*dropout=*/0)};
  return std::move(graph);
}

}  // namespace

LINNET_FAMILY(residual_attention) {
  const auto arch = [](const char* name, const Variant& variant) {
    return Arch{
        name, "", "ResNet v2 with soft masks that see the whole map", "1704.06904", {variant},
        {},   {}};
  };
  return {
      MakeArch(arch("attention56", {"", 31810728, 6270836736, 78.24, 94.1, "1704.06904 table 6"}),
               Build<1, 1, 1>),
      MakeArch(arch("attention92",
                    {"", 52466344, 10533789696, 80.5, 95.2, "1704.06904 table 6, 320 crop"}),
               Build<1, 2, 3>),
  };
}

}  // namespace linnet
