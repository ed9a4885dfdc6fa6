#include "ops/op_def.h"
#include "ops/window.h"

namespace linnet {
namespace {

struct DeformConv2dOp {
  using Fields = DeformConv2d;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const DeformConv2d& op, Shapes in) {
    ExpectInputs(in, op.masked ? 3 : 2, 4, "a map [N,H,W,C]");
    const Window window = FitWindow({op.kernel, op.stride, op.dilation, op.padding}, in[0]);
    return {in[0].n(), window.out_h, window.out_w, op.out_channels};
  }

  static std::vector<ParamSpec> Params(const DeformConv2d& op, Shapes in) {
    std::vector<ParamSpec> specs = {
        {.name = "weight",
         .shape = {op.out_channels, op.kernel[0], op.kernel[1], in[0].c() / op.groups},
         .init = Init::kKaimingNormal,
         .fan = 1.0 * op.kernel[0] * op.kernel[1] * op.out_channels / op.groups,
         .decay = true}};
    if (op.bias) specs.push_back({.name = "bias", .shape = {op.out_channels}});
    return specs;
  }

  static int64_t Macs(const DeformConv2d& op, Shapes in, const Shape& out) {
    return out.elements() * op.kernel[0] * op.kernel[1] * (in[0].c() / op.groups);
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<DeformConv2d>() {
  static const OpDef def = MakeOpDef<DeformConv2dOp>();
  return def;
}

}  // namespace linnet
