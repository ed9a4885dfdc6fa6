#include "ops/op_def.h"

namespace linnet {
namespace {

struct ChannelPoolOp {
  using Fields = ChannelPool;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const ChannelPool&, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    return {in[0].n(), in[0].h(), in[0].w(), 1};
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<ChannelPool>() {
  static const OpDef def = MakeOpDef<ChannelPoolOp>();
  return def;
}

}  // namespace linnet
