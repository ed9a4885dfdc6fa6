#include "ops/op_def.h"

namespace linnet {
namespace {

struct ResizeOp {
  using Fields = Resize;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const Resize& op, Shapes in) {
    ExpectInputs(in, in.size() == 2 ? 2 : 1, 4, "a map [N,H,W,C]");
    if (in.size() == 2) return {in[0].n(), in[1].h(), in[1].w(), in[0].c()};
    if (op.height < 0 || op.width < 0 || op.scale < 1) {
      Fail(ErrorKind::kUsage, "height={}, width={}, scale={}: sizes from 0 on, a scale from 1 on",
           op.height, op.width, op.scale);
    }
    return {in[0].n(), op.height > 0 ? op.height : in[0].h() * op.scale,
            op.width > 0 ? op.width : in[0].w() * op.scale, in[0].c()};
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<Resize>() {
  static const OpDef def = MakeOpDef<ResizeOp>();
  return def;
}

}  // namespace linnet
