#include "ops/op_def.h"

namespace linnet {
namespace {

struct RbfOp {
  using Fields = Rbf;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const Rbf& op, Shapes in) {
    ExpectInputs(in, 1, 2, "features [N,C]");
    if (op.out_features < 1) {
      Fail(ErrorKind::kUsage, "out_features={}: must be at least 1", op.out_features);
    }
    return {in[0][0], op.out_features};
  }

  static std::vector<ParamSpec> Params(const Rbf& op, Shapes in) {
    return {{.name = "weight", .shape = {op.out_features, in[0][1]}, .trainable = false}};
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<Rbf>() {
  static const OpDef def = MakeOpDef<RbfOp>();
  return def;
}

}  // namespace linnet
