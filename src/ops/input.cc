// Input: the picture that whoever runs the graph provides.
#include "ops/op_def.h"

namespace linnet {
namespace {

struct InputOp {
  using Fields = Input;
  static constexpr const char* kUnsupported = "whoever runs the graph provides the input's value";

  // One picture of the default size; InferShapes puts the caller's batch and size in its place.
  static Shape Infer(const Input& op, Shapes in) {
    ExpectInputs(in, 0, 0, "");
    if (op.height < 1 || op.width < 1 || op.channels < 1) {
      Fail(ErrorKind::kUsage, "height={}, width={}, channels={}: all must be at least 1", op.height,
           op.width, op.channels);
    }
    return {1, op.height, op.width, op.channels};
  }

  static std::vector<Sample> Samples() {
    return {{Input{}, {}}, {Input{.height = 28, .width = 31, .channels = 1}, {}}};
  }
};

}  // namespace

template <>
const OpDef& DefOf<Input>() {
  static const OpDef def = MakeOpDef<InputOp>();
  return def;
}

}  // namespace linnet
