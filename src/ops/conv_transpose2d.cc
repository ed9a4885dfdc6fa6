#include "ops/op_def.h"

namespace linnet {
namespace {

struct ConvTranspose2dOp {
  using Fields = ConvTranspose2d;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const ConvTranspose2d& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    if (op.out_channels < 1 || op.groups < 1 || in[0].c() % op.groups != 0 ||
        op.out_channels % op.groups != 0) {
      Fail(ErrorKind::kUsage,
           "out_channels={}, groups={}: groups must divide the {} input channels and the output's",
           op.out_channels, op.groups, in[0].c());
    }
    const Padding& p = op.padding;
    if (p.same) Fail(ErrorKind::kUsage, "padding=same: give the numbers of the four sides");
    const auto size = [&](int64_t in_size, int d, int border) {
      return (in_size - 1) * op.stride[d] - border + op.dilation[d] * (op.kernel[d] - 1) +
             op.output_padding[d] + 1;
    };
    return {in[0].n(), size(in[0].h(), 0, p.top + p.bottom), size(in[0].w(), 1, p.left + p.right),
            op.out_channels};
  }

  static std::vector<ParamSpec> Params(const ConvTranspose2d& op, Shapes in) {
    std::vector<ParamSpec> specs = {
        {.name = "weight",
         .shape = {in[0].c(), op.kernel[0], op.kernel[1], op.out_channels / op.groups},
         .init = Init::kKaimingNormal,
         .fan = 1.0 * op.kernel[0] * op.kernel[1] * in[0].c() / op.groups,
         .decay = true}};
    if (op.bias) specs.push_back({.name = "bias", .shape = {op.out_channels}});
    return specs;
  }

  // Every product of an input with a weight, also those that fall on the border.
  static int64_t Macs(const ConvTranspose2d& op, Shapes in, const Shape&) {
    return in[0].elements() * op.kernel[0] * op.kernel[1] * (op.out_channels / op.groups);
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<ConvTranspose2d>() {
  static const OpDef def = MakeOpDef<ConvTranspose2dOp>();
  return def;
}

}  // namespace linnet
