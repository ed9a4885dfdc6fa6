#include "ops/op_def.h"

namespace linnet {
namespace {

struct L2NormOp {
  using Fields = L2Norm;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const L2Norm&, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    return in[0];
  }

  static std::vector<ParamSpec> Params(const L2Norm&, Shapes in) {
    return {{.name = "weight", .shape = {in[0].c()}, .init = Init::kOnes}};
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<L2Norm>() {
  static const OpDef def = MakeOpDef<L2NormOp>();
  return def;
}

}  // namespace linnet
