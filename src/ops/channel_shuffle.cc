#include "ops/op_def.h"

namespace linnet {
namespace {

struct ChannelShuffleOp {
  using Fields = ChannelShuffle;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const ChannelShuffle& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    if (op.groups < 1 || in[0].c() % op.groups != 0) {
      Fail(ErrorKind::kUsage, "groups={}: must divide the {} channels", op.groups, in[0].c());
    }
    return in[0];
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<ChannelShuffle>() {
  static const OpDef def = MakeOpDef<ChannelShuffleOp>();
  return def;
}

}  // namespace linnet
