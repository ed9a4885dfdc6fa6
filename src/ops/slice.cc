#include "ops/op_def.h"

namespace linnet {
namespace {

struct SliceOp {
  using Fields = Slice;
  static constexpr const char* kUnsupported = "TODO";

  // Along the axis, counted from its begin. Error (kUsage) if nothing is left.
  static std::pair<int64_t, int64_t> Range(const Slice& op, const Shape& in) {
    const int64_t size = in[1 + static_cast<int>(op.axis)];
    const int64_t begin = op.begin < 0 ? size + op.begin : op.begin;
    const int64_t end = op.end <= 0 ? size + op.end : op.end;
    if (begin < 0 || begin >= end || end > size) {
      Fail(ErrorKind::kUsage, "begin={}, end={}: no part of an axis of {}", op.begin, op.end, size);
    }
    return {begin, end};
  }

  static Shape Infer(const Slice& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    const auto [begin, end] = Range(op, in[0]);
    Shape out = in[0];
    out[1 + static_cast<int>(op.axis)] = end - begin;
    return out;
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<Slice>() {
  static const OpDef def = MakeOpDef<SliceOp>();
  return def;
}

}  // namespace linnet
