#include "ops/op_def.h"

namespace linnet {
namespace {

struct DropPathOp {
  using Fields = DropPath;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const DropPath& op, Shapes in) {
    ExpectInputs(in, 1, 0, "");
    if (!(op.rate >= 0 && op.rate < 1)) {
      Fail(ErrorKind::kUsage, "rate={}: must be at least 0 and below 1", op.rate);
    }
    return in[0];
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<DropPath>() {
  static const OpDef def = MakeOpDef<DropPathOp>();
  return def;
}

}  // namespace linnet
