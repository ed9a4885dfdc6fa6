#include "archs/inverted_residual.h"

#include "archs/attention.h"

namespace linnet {

InvertedResidualNames TorchvisionNames(const std::string& block, const InvertedResidual& parts) {
  InvertedResidualNames names{.block = block};
  int count = 0;
  const auto next = [&] { return fmt::format("{}.block.{}", block, count++); };
  if (parts.expands()) names.expand = NumberedNames(next());
  names.depthwise = NumberedNames(next());
  if (parts.squeeze > 0) names.squeeze = next();
  names.project = NumberedNames(next());
  return names;
}

InvertedResidualNames TimmNames(const std::string& block, const InvertedResidual& parts) {
  InvertedResidualNames names{.block = block};
  int norms = 0;
  const auto conv = [&](const char* name) {
    ++norms;
    return ConvNames{fmt::format("{}.{}", block, name), fmt::format("{}.bn{}", block, norms),
                     fmt::format("{}.act{}", block, norms)};
  };
  if (parts.expands()) names.expand = conv("conv_pw");
  names.depthwise = conv("conv_dw");
  // Without expansion the block is a separable convolution with another name for its second half.
  names.project = conv(parts.expands() ? "conv_pwl" : "conv_pw");
  names.squeeze = block + ".se";
  names.reduce = "conv_reduce";
  names.excite = "conv_expand";
  return names;
}

Value EmitInvertedResidual(Graph& graph, Value x, const InvertedResidualNames& names,
                           const InvertedResidual& block) {
  Value y = x;
  if (block.expands()) {
    y = ConvBnAct(graph, y, names.expand, SquareConv(block.expanded, 1), block.act, block.norm);
  }
  y = ConvBnAct(graph, y, names.depthwise,
                SquareConv(block.expanded, block.kernel, block.step.stride, block.expanded,
                           block.step.dilation, block.padding),
                block.act, block.norm);
  if (block.squeeze > 0) {
    y = SqueezeExcite(graph, y, names.squeeze, block.expanded,
                      {.squeeze = block.squeeze,
                       .act = block.squeeze_act,
                       .gate = block.squeeze_gate,
                       .reduce = names.reduce,
                       .expand = names.excite});
  }
  y = ConvBnAct(graph, y, names.project, SquareConv(block.out, 1), Activation::kIdentity,
                block.norm);
  if (!block.skip || block.step.stride != 1 || block.in != block.out) return y;
  if (block.drop_path > 0) {
    y = graph.Emit(names.block + ".drop_path", DropPath{block.drop_path}, {y});
  }
  return graph.Emit(names.block + ".add", Add{}, {x, y});
}

}  // namespace linnet
