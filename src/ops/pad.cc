// Padding with a constant, of the borders and of the channels: what an explicit border before a
// convolution and ResNet's shortcut without parameters need (1512.03385, sec. 3.3, option A). The
// gradient is that of the inside.
#include "kernels/box.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct PadOp {
  using Fields = Pad;

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

  template <class T>
  static RefTensor<T> Reference(const Pad& op, const RefArgs<T>& args) {
    const RefTensor<T>& x = args.in[0];
    RefTensor<T> y(args.out_shape);
    std::fill(y.data.begin(), y.data.end(), T(op.value));
    for (int64_t n = 0; n < x.shape.n(); ++n) {
      for (int64_t h = 0; h < x.shape.h(); ++h) {
        for (int64_t w = 0; w < x.shape.w(); ++w) {
          for (int64_t c = 0; c < x.shape.c(); ++c) {
            y.at(n, h + op.padding.top, w + op.padding.left, c + op.channels_before) =
                x.at(n, h, w, c);
          }
        }
      }
    }
    return y;
  }

  static Prepared Prepare(const Pad& op, const PrepareArgs& args) {
    const kernels::Box box = {.outer = args.out,
                              .inner = args.in[0],
                              .top = op.padding.top,
                              .left = op.padding.left,
                              .channel = op.channels_before};
    Prepared prepared;
    prepared.kernel = "copy";
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::PutIntoBox(box, a.in[0].data(), op.value, MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      kernels::TakeFromBox(box, a.dout.data(), a.accumulate[0], a.din[0].data(), a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {
        {Pad{.padding = Padding::All(1)}, {{2, 5, 3, 7}}},
        {Pad{.padding = {false, 0, 0, 1, 1}}, {{1, 6, 5, 33}}},
        {Pad{.padding = {false, 3, 0, 1, 2}, .value = -0.5f}, {{2, 4, 4, 16}}},
        {Pad{.channels_before = 8, .channels_after = 8}, {{2, 3, 5, 16}}},
        {Pad{.channels_after = 3}, {{1, 2, 7, 1}}},
        {Pad{.padding = Padding::All(2), .channels_before = 1, .channels_after = 4, .value = 3},
         {{1, 50, 33, 17}}},
        {Pad{}, {{1, 3, 3, 5}}},
        {Pad{.padding = {false, 0, 1, 0, 0}}, {{1, 1, 1, 1}}},
    };
  }
};

}  // namespace

template <>
const OpDef& DefOf<Pad>() {
  static const OpDef def = MakeOpDef<PadOp>();
  return def;
}

}  // namespace linnet
