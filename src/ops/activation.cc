// Activation: y = f(x), element by element. The formulas are in base/activation.h. The identity
// between values of different types quantizes, requantizes or dequantizes.
#include "kernels/bf16_elementwise.h"
#include "kernels/elementwise.h"
#include "kernels/int8_elementwise.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct ActivationOp {
  using Fields = Act;

  static Shape Infer(const Act&, Shapes in) {
    ExpectInputs(in, 1, 0, "");
    return in[0];
  }

  template <class T>
  static RefTensor<T> Reference(const Act& op, const RefArgs<T>& args) {
    RefTensor<T> y = args.in[0];
    for (T& value : y.data) value = Activate(op.kind, op.alpha, value);
    return y;
  }

  static std::string RefusesTypes(const Act& op, const PrepareArgs& args) {
    if (AllU8(args) || op.kind == Activation::kIdentity) return "";
    return "only the identity stands between bytes and float32";
  }

  static std::string RefusesBf16(const Act& op, const PrepareArgs& args) {
    if (args.in_type(0) == args.out_type || op.kind == Activation::kIdentity) return "";
    return "only the identity stands between bfloat16 and float32";
  }

  static Prepared PrepareBf16(const Act& op, const PrepareArgs& args) {
    const int64_t count = args.out.elements();
    Prepared prepared;
    if (args.in_type(0) == args.out_type) {
      prepared.kernel = KernelName("activation_bf16");
      prepared.in_place = true;
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::AddBf16(count, a.in[0].data<bfloat16_t>(), nullptr, 0, op.kind, op.alpha,
                         Tensor(a.out).data<bfloat16_t>(), a.pool);
      };
    } else if (args.out_type.is_bf16()) {
      prepared.kernel = KernelName("to_bf16");
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::ToBf16Forward(count, a.in[0].data(), Tensor(a.out).data<bfloat16_t>(), a.pool);
      };
    } else {
      prepared.kernel = KernelName("from_bf16");
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::FromBf16Forward(count, a.in[0].data<bfloat16_t>(), MutableData(a.out), a.pool);
      };
    }
    return prepared;
  }

  static Prepared PrepareInt8(const Act& op, const PrepareArgs& args) {
    const int64_t rows = Rows(args.out), width = Channels(args.out);
    const int64_t count = rows * width;
    const Quantization from = args.in_type(0).quantization, to = args.out_type.quantization;
    Prepared prepared;
    if (AllU8(args)) {
      const auto table = kernels::ActivationTable(op.kind, op.alpha, from, to);
      prepared.kernel = KernelName("lookup");
      prepared.in_place = true;
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::LookupForward(rows, width, table, a.in[0].data<uint8_t>(), width,
                               Tensor(a.out).data<uint8_t>(), width, a.pool);
      };
    } else if (args.out_type.is_u8()) {
      prepared.kernel = KernelName("quantize");
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::QuantizeForward(count, to, a.in[0].data(), Tensor(a.out).data<uint8_t>(), a.pool);
      };
    } else {
      prepared.kernel = KernelName("dequantize");
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::DequantizeForward(count, from, a.in[0].data<uint8_t>(), MutableData(a.out),
                                   a.pool);
      };
    }
    return prepared;
  }

  static Prepared Prepare(const Act& op, const PrepareArgs& args) {
    if (AnyU8(args)) return PrepareInt8(op, args);
    const int64_t count = args.out.elements();
    Prepared prepared;
    prepared.kernel = KernelName("activation");
    prepared.in_place = !args.training;
    prepared.gradient_in_place = true;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::ActivationForward(count, op.kind, op.alpha, a.in[0].data(), MutableData(a.out),
                                 a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      kernels::ActivationBackward(count, op.kind, op.alpha, a.in[0].data(), a.dout.data(),
                                  a.accumulate[0], a.din[0].data(), a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples;
    for (int i = 0; i < kActivations; ++i) {
      const Activation kind = static_cast<Activation>(i);
      samples.push_back({Act{kind}, {{2, 5, 3, 9}}});
      samples.push_back({Act{kind, 0.3f}, {{3, 129}}});
      samples.push_back({Act{kind}, {{1, 1, 1, 1}}});
    }
    samples.push_back({Act{Activation::kRelu}, {{2, 33, 35, 16}}});
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<Act>() {
  static const OpDef def = MakeOpDef<ActivationOp>();
  return def;
}

}  // namespace linnet
