#include "ops/op_def.h"
#include "ops/window.h"

namespace linnet {
namespace {

struct MaxUnpoolOp {
  using Fields = MaxUnpool;
  static constexpr const char* kUnsupported = "TODO";

  static Shape Infer(const MaxUnpool& op, Shapes in) {
    ExpectInputs(in, 2, 4, "a map [N,H,W,C]");
    const Window window = FitWindow(
        {.kernel = op.kernel, .stride = op.stride, .padding = op.padding, .ceil = op.ceil}, in[1]);
    const Shape pooled = {in[1].n(), window.out_h, window.out_w, in[1].c()};
    if (!(in[0] == pooled)) {
      Fail(ErrorKind::kUsage, "the values have shape {}, but pooling {} gives {}", in[0].ToString(),
           in[1].ToString(), pooled.ToString());
    }
    return in[1];
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<MaxUnpool>() {
  static const OpDef def = MakeOpDef<MaxUnpoolOp>();
  return def;
}

}  // namespace linnet
