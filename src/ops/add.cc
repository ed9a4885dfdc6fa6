// Addition with a fused activation: y = act(a + scale * b). A dimension of 1 in either term is
// repeated to the other's: squeezed and spatial attention meet so (BAM, 1807.06514, eq. 2).
// Residuals that are scaled down keep very wide networks stable (1602.07261, sec. 3.3).
#include "kernels/bf16_elementwise.h"
#include "kernels/elementwise.h"
#include "kernels/int8_elementwise.h"
#include "ops/bf16.h"
#include "ops/broadcast.h"
#include "ops/int8.h"
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
    const RefTensor<T>&a = args.in[0], &b = args.in[1];
    RefTensor<T> y(args.out_shape);
    for (int64_t i = 0; i < y.shape.elements(); ++i) {
      const T z = a.data[RepeatedOffset(a.shape, y.shape, i)] +
                  T(op.scale) * b.data[RepeatedOffset(b.shape, y.shape, i)];
      y.data[i] = Activate(op.act.kind, op.act.alpha, z);
    }
    return y;
  }

  static std::string RefusesTypes(const Add& op, const PrepareArgs& args) {
    if (const std::string reason = RefusesMixedTypes(args); !reason.empty()) return reason;
    if (!(args.in[0] == args.in[1])) return "on bytes it repeats no dimension";
    if (const std::string reason = WrongScale(op.scale); !reason.empty()) return reason;
    return RefusesActivation(op.act, /*of_sum=*/true);
  }

  static std::string RefusesBf16(const Add&, const PrepareArgs& args) {
    if (!(args.in[0] == args.in[1])) return "on bfloat16 it repeats no dimension";
    return RefusesOtherThanBf16(args);
  }

  static Prepared PrepareBf16(const Add& op, const PrepareArgs& args) {
    const int64_t count = args.out.elements();
    Prepared prepared;
    prepared.kernel = KernelName("add_bf16");
    prepared.in_place = true;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::AddBf16(count, a.in[0].data<bfloat16_t>(), a.in[1].data<bfloat16_t>(), op.scale,
                       op.act.kind, op.act.alpha, Tensor(a.out).data<bfloat16_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared PrepareInt8(const Add& op, const PrepareArgs& args) {
    const int64_t count = args.out.elements();
    Quantization scaled = args.in_type(1).quantization;
    scaled.scale *= op.scale;
    const kernels::AddInt8 add(args.in_type(0).quantization, scaled,
                               Int8EpilogueOf(op.act, false, args));
    Prepared prepared;
    prepared.kernel = KernelName("add_int8");
    prepared.in_place = true;
    prepared.forward = [=](const ForwardArgs& a) {
      add.Run(count, a.in[0].data<uint8_t>(), a.in[1].data<uint8_t>(),
              Tensor(a.out).data<uint8_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared Prepare(const Add& op, const PrepareArgs& args) {
    if (AnyU8(args)) return PrepareInt8(op, args);
    const Shape shape_a = args.in[0], shape_b = args.in[1], out = args.out;
    Prepared prepared;
    prepared.kernel = KernelName("add");
    prepared.in_place = !args.training && shape_a == out;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::AddForward(shape_a, shape_b, a.in[0].data(), a.in[1].data(), op.scale, op.act.kind,
                          op.act.alpha, MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      float* dz = MutableData(a.dout);
      GradientOfSum(op, a, dz);
      if (a.din[0]) {
        kernels::AddTermGradient(out, shape_a, 1, dz, a.accumulate[0], a.din[0].data(), a.pool);
      }
      if (a.din[1]) {
        kernels::AddTermGradient(out, shape_b, op.scale, dz, a.accumulate[1], a.din[1].data(),
                                 a.pool);
      }
    };
    return prepared;
  }

  // dz = dy * act'(a + scale * b), over dy.
  static void GradientOfSum(const Add& op, const BackwardArgs& a, float* dz) {
    const Activation act = op.act.kind;
    const float alpha = op.act.alpha;
    if (act == Activation::kIdentity) return;
    if (DerivativeFromResult(act)) {
      kernels::ActivationBackward(a.out.elements(), act, alpha, a.out.data(), dz, false, dz,
                                  a.pool);
    } else {
      kernels::AddBackward(a.in[0].shape(), a.in[1].shape(), a.in[0].data(), a.in[1].data(),
                           op.scale, act, alpha, dz, dz, a.pool);
    }
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples = {{Add{}, {{1, 1, 1, 1}, {1, 1, 1, 1}}},
                                   {Add{}, {{3, 70}, {3, 70}}},
                                   {Add{}, {{2, 33, 31, 16}, {2, 33, 31, 16}}},
                                   {Add{.scale = 0.17f}, {{2, 5, 3, 33}, {2, 5, 3, 33}}},
                                   {Add{.scale = -2}, {{2, 5, 3, 33}, {2, 5, 3, 1}}}};
    // Who is repeated where.
    const std::pair<Shape, Shape> broadcasts[] = {
        {{2, 5, 6, 37}, {2, 1, 1, 37}},
        {{2, 1, 1, 37}, {2, 5, 6, 1}},
        {{2, 5, 6, 1}, {2, 5, 6, 9}},
        {{1, 1, 1, 5}, {2, 3, 4, 5}},
        {{2, 3, 1, 5}, {1, 3, 4, 1}},
        {{1, 1, 1, 1}, {2, 31, 33, 17}},
        {{2, 1, 4, 1}, {1, 3, 1, 5}},
        {{4, 33}, {1, 33}},
        {{4, 1}, {4, 1100}},
        {{2, 40, 33, 16}, {2, 40, 33, 1}},
    };
    for (const auto& [a, b] : broadcasts) {
      samples.push_back({Add{}, {a, b}});
      samples.push_back({Add{.scale = 0.3f, .act = {Activation::kRelu}}, {a, b}});
      samples.push_back({Add{.scale = 0.3f, .act = {Activation::kTanh}}, {a, b}});
    }
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
