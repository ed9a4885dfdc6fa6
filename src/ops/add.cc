// Addition with a fused activation: y = act(a + b).
#include "kernels/elementwise.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"
#include "ops/pass.h"

namespace linnet {
namespace {

struct AddOp {
  using Fields = Add;

  static Shape Infer(const Add&, Shapes in) {
    ExpectInputs(in, 2, 0, "");
    Shape out = in[0];
    bool fits = in[0].rank() == in[1].rank();
    for (int i = 0; fits && i < out.rank(); ++i) {
      out[i] = std::max(in[0][i], in[1][i]);
      fits = in[0][i] == in[1][i] || in[0][i] == 1 || in[1][i] == 1;
    }
    if (!fits) {
      Fail(
          ErrorKind::kUsage,
          "its inputs have the shapes {} and {}: each dimension must be equal, or 1 in one of them",
          in[0].ToString(), in[1].ToString());
    }
    return out;
  }

  template <class T>
  static RefTensor<T> Reference(const Add& op, const RefArgs<T>& args) {
    RefTensor<T> y = args.in[0];
    for (size_t i = 0; i < y.data.size(); ++i) {
      y.data[i] = Activate(op.act.kind, op.act.alpha, y.data[i] + args.in[1].data[i]);
    }
    return y;
  }

  static Prepared Prepare(const Add& op, const PrepareArgs& args) {
    const int64_t count = args.out.elements();
    Prepared prepared;
    prepared.kernel = KernelName("add");
    prepared.in_place = !args.training;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::AddForward(count, a.in[0].data(), a.in[1].data(), op.act.kind, op.act.alpha,
                          MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      for (int i = 0; i < 2; ++i) {
        if (a.din[i]) Gradient(op, count, a, a.accumulate[i], a.din[i].data());
      }
    };
    return prepared;
  }

  // The same for both terms: dout * act'(a + b).
  static void Gradient(const Add& op, int64_t count, const BackwardArgs& a, bool accumulate,
                       float* dx) {
    const auto [act, alpha] = op.act;
    const float* dy = a.dout.data();
    if (act == Activation::kIdentity) {
      CopyOrAdd(count, dy, accumulate, dx, a.pool);
    } else if (DerivativeFromResult(act)) {
      kernels::ActivationBackward(count, act, alpha, a.out.data(), dy, accumulate, dx, a.pool);
    } else {
      kernels::AddBackward(count, a.in[0].data(), a.in[1].data(), act, alpha, dy, accumulate, dx,
                           a.pool);
    }
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples = {{Add{}, {{1, 1, 1, 1}, {1, 1, 1, 1}}},
                                   {Add{}, {{3, 70}, {3, 70}}},
                                   {Add{}, {{2, 33, 31, 16}, {2, 33, 31, 16}}}};
    for (int i = 0; i < kActivations; ++i) {
      const Shape shape = {2, 3, 5, 7};
      samples.push_back({Add{.act = {static_cast<Activation>(i), 0.2f}}, {shape, shape}});
    }
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<Add>() {
  static const OpDef def = MakeOpDef<AddOp>();
  return def;
}

}  // namespace linnet
