#include "ops/op_def.h"

namespace linnet {
namespace {

struct SubsamplingOp {
  using Fields = Subsampling;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const Subsampling& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    if (op.kernel[0] < 1 || op.kernel[1] < 1 || op.kernel[0] > in[0].h() ||
        op.kernel[1] > in[0].w()) {
      Fail(ErrorKind::kUsage, "kernel={},{}: does not fit a map of {}", op.kernel[0], op.kernel[1],
           in[0].ToString());
    }
    return {in[0].n(), in[0].h() / op.kernel[0], in[0].w() / op.kernel[1], in[0].c()};
  }

  static std::vector<ParamSpec> Params(const Subsampling& op, Shapes in) {
    return {{.name = "weight",
             .shape = {in[0].c()},
             .init = Init::kKaimingNormal,
             .fan = 1.0 * op.kernel[0] * op.kernel[1]},
            {.name = "bias", .shape = {in[0].c()}}};
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<Subsampling>() {
  static const OpDef def = MakeOpDef<SubsamplingOp>();
  return def;
}

}  // namespace linnet
