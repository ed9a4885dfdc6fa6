#include "archs/residual.h"

#include <vector>

#include "archs/blocks.h"

namespace linnet {
namespace {

// The convolutions of a unit's branch, in order.
std::vector<Conv2d> Branch(const ResidualUnit& unit) {
  if (unit.width == 0) {
    return {SquareConv(unit.out, 3, unit.stride, 1, unit.first_dilation),
            SquareConv(unit.out, 3, 1, 1, unit.dilation)};
  }
  const int stride_1x1 = unit.stride_in_1x1 ? unit.stride : 1;
  const int stride_3x3 = unit.stride_in_1x1 ? 1 : unit.stride;
  return {SquareConv(unit.reduced > 0 ? unit.reduced : unit.width, 1, stride_1x1),
          SquareConv(unit.width, 3, stride_3x3, unit.groups, unit.first_dilation),
          SquareConv(unit.out, 1)};
}

Value Attend(Graph& graph, Value x, const std::string& name, const ResidualUnit& unit) {
  if (unit.attention == Attention::kSe) {
    return SqueezeExcite(graph, x, name + ".se", unit.out, {.squeeze = AttentionSqueeze(unit.out)});
  }
  if (unit.attention == Attention::kCbam) return Cbam(graph, x, name + ".cbam", unit.out);
  return x;
}

// Option a. The zeros stand on both sides, as in akamaster's pytorch_resnet_cifar10, whose weights
// need them there.
Value ZeroShortcut(Graph& graph, Value x, const std::string& name, const ResidualUnit& unit) {
  if (unit.stride != 1) {
    x = graph.Emit(name + ".subsample",
                   Pool{.kernel = {1, 1}, .stride = {unit.stride, unit.stride}}, {x});
  }
  const int zeros = unit.out - unit.in;
  if (zeros == 0) return x;
  return graph.Emit(name + ".pad",
                    Pad{.channels_before = zeros / 2, .channels_after = zeros - zeros / 2}, {x});
}

Value PostActivationShortcut(Graph& graph, Value x, const std::string& name,
                             const ResidualUnit& unit) {
  if (unit.shortcut != Shortcut::kAlways && !unit.changes_shape()) return x;
  if (unit.shortcut == Shortcut::kZeros) return ZeroShortcut(graph, x, name + ".shortcut", unit);
  return ConvBnAct(graph, x, {name + ".downsample.0", name + ".downsample.1", ""},
                   SquareConv(unit.out, unit.shortcut_kernel, unit.stride), Activation::kIdentity);
}

}  // namespace

Value PostActivationUnit(Graph& graph, Value x, const std::string& name, const ResidualUnit& unit) {
  const std::vector<Conv2d> convs = Branch(unit);
  Value y = x;
  for (size_t i = 0; i < convs.size(); ++i) {
    const std::string n = std::to_string(i + 1);
    const bool last = i + 1 == convs.size();
    y = ConvBnAct(graph, y, {name + ".conv" + n, name + ".bn" + n, name + ".relu" + n}, convs[i],
                  last ? Activation::kIdentity : Activation::kRelu);
  }
  y = Attend(graph, y, name, unit);
  if (unit.shortcut != Shortcut::kNone) {
    y = graph.Emit(name + ".add", Add{}, {PostActivationShortcut(graph, x, name, unit), y});
  }
  return graph.Emit(name + ".relu", Act{}, {y});
}

Value PreActivationUnit(Graph& graph, Value x, const std::string& name, const ResidualUnit& unit,
                        bool share, const PreActivationNames& names) {
  const std::vector<Conv2d> convs = Branch(unit);
  Value y = x, shortcut = x;
  for (size_t i = 0; i < convs.size(); ++i) {
    const std::string n = std::to_string(i + 1);
    const std::string prefix = name + ".";
    y = graph.Emit(prefix + names.norm + n, BatchNorm{}, {y});
    y = graph.Emit(prefix + "relu" + n, Act{}, {y});
    if (i == 0 && (share || unit.changes_shape())) shortcut = y;
    if (i == 1 && unit.dropout > 0) y = graph.Emit(prefix + "dropout", Dropout{unit.dropout}, {y});
    y = graph.Emit(prefix + "conv" + n, convs[i], {y});
  }
  if (unit.changes_shape()) {
    shortcut =
        graph.Emit(name + "." + names.projection, SquareConv(unit.out, 1, unit.stride), {shortcut});
  }
  return graph.Emit(name + ".add", Add{}, {shortcut, y});
}

}  // namespace linnet
