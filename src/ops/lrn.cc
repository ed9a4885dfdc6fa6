#include "ops/op_def.h"

namespace linnet {
namespace {

struct LrnOp {
  using Fields = Lrn;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const Lrn& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    if (op.size < 1 || op.size % 2 == 0) {
      Fail(ErrorKind::kUsage, "size={}: must be odd and at least 1", op.size);
    }
    return in[0];
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<Lrn>() {
  static const OpDef def = MakeOpDef<LrnOp>();
  return def;
}

}  // namespace linnet
