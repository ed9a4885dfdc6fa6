#include "ops/op_def.h"

namespace linnet {
namespace {

struct PadOp {
  using Fields = Pad;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const Pad& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    const Padding& p = op.padding;
    if (p.same || p.top < 0 || p.left < 0 || p.bottom < 0 || p.right < 0 ||
        op.channels_before < 0 || op.channels_after < 0) {
      Fail(ErrorKind::kUsage, "padding={}, channels {} and {}: numbers from 0 on", FieldToText(p),
           op.channels_before, op.channels_after);
    }
    return {in[0].n(), in[0].h() + p.top + p.bottom, in[0].w() + p.left + p.right,
            in[0].c() + op.channels_before + op.channels_after};
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<Pad>() {
  static const OpDef def = MakeOpDef<PadOp>();
  return def;
}

}  // namespace linnet
