// Product y = a * b; a dimension of b may be 1 and is then broadcast: squeeze-and-excite's gate
// [N,1,1,C] (1709.01507), a spatial mask [N,H,W,1].
#include "kernels/bf16_elementwise.h"
#include "kernels/elementwise.h"
#include "kernels/int8_elementwise.h"
#include "ops/bf16.h"
#include "ops/broadcast.h"
#include "ops/int8.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct MulOp {
  using Fields = Mul;

  static Shape Infer(const Mul&, Shapes in) {
    ExpectInputs(in, 2, 0, "");
    bool fits = in[0].rank() == in[1].rank();
    for (int i = 0; fits && i < in[0].rank(); ++i) {
      fits = in[1][i] == in[0][i] || in[1][i] == 1;
    }
    if (!fits) {
      Fail(ErrorKind::kUsage,
           "the second input {} does not broadcast to the first {}: each of its dimensions must be "
           "equal or 1",
           in[1].ToString(), in[0].ToString());
    }
    return in[0];
  }

  template <class T>
  static RefTensor<T> Reference(const Mul&, const RefArgs<T>& args) {
    const RefTensor<T>& b = args.in[1];
    RefTensor<T> y = args.in[0];
    for (int64_t i = 0; i < y.shape.elements(); ++i) {
      y.data[i] = y.data[i] * b.data[RepeatedOffset(b.shape, y.shape, i)];
    }
    return y;
  }

  static bool IsGate(const PrepareArgs& args) {
    const Shape& map = args.in[0];
    return map.rank() == 4 && args.in[1] == Shape{map.n(), 1, 1, map.c()};
  }

  static std::string RefusesTypes(const Mul&, const PrepareArgs& args) {
    if (const std::string reason = RefusesMixedTypes(args); !reason.empty()) return reason;
    return IsGate(args) ? "" : "on bytes the second input is a gate [N,1,1,C]";
  }

  static std::string RefusesBf16(const Mul&, const PrepareArgs& args) {
    if (!IsGate(args)) return "on bfloat16 the second input is a gate [N,1,1,C]";
    return RefusesOtherThanBf16(args);
  }

  static Prepared PrepareBf16(const Mul&, const PrepareArgs& args) {
    const int64_t pixels = args.in[0].h() * args.in[0].w();
    const Shape out = args.out;
    Prepared prepared;
    prepared.kernel = KernelName("mul_bf16");
    prepared.in_place = prepared.strided_in = prepared.strided_out = true;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::MulGateBf16(Bf16MapOf(out, a), pixels, a.in[0].data<bfloat16_t>(),
                           a.in[1].data<bfloat16_t>(), InStride(a, 1),
                           Tensor(a.out).data<bfloat16_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared PrepareInt8(const PrepareArgs& args) {
    const Shape map = args.in[0];
    const kernels::MulInt8 mul(args.in_type(0).quantization, args.in_type(1).quantization,
                               Int8EpilogueOf({}, false, args));
    Prepared prepared;
    prepared.kernel = KernelName("mul_int8");
    prepared.in_place = true;
    prepared.forward = [=](const ForwardArgs& a) {
      mul.Run(map.n(), map.h() * map.w(), map.c(), a.in[0].data<uint8_t>(), a.in[1].data<uint8_t>(),
              Tensor(a.out).data<uint8_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared Prepare(const Mul&, const PrepareArgs& args) {
    if (AnyU8(args)) return PrepareInt8(args);
    const Shape shape_a = args.in[0], shape_b = args.in[1];
    Prepared prepared;
    prepared.kernel = KernelName("mul");
    prepared.in_place = !args.training;
    const bool gate = shape_a.rank() == 4 && shape_a.n() == 1 && shape_b.h() * shape_b.w() == 1;
    if (gate && !args.training) prepared.rows = {.kernel = 1};
    prepared.forward = [=](const ForwardArgs& a) {
      Shape rows = shape_a;
      if (a.last_row > 0) rows[1] = a.last_row - a.first_row;
      const int64_t at = gate ? a.first_row * shape_a.w() * shape_a.c() : 0;
      kernels::MulForward(rows, shape_b, a.in[0].data() + at, a.in[1].data(),
                          MutableData(a.out) + at, a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      kernels::MulBackward(shape_a, shape_b, a.in[0].data(), a.in[1].data(), a.dout.data(),
                           a.accumulate[0], a.din[0].data(), a.accumulate[1], a.din[1].data(),
                           a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {
        {Mul{}, {{2, 5, 3, 7}, {2, 5, 3, 7}}},
        {Mul{}, {{2, 5, 6, 37}, {2, 1, 1, 37}}},
        {Mul{}, {{1, 7, 7, 64}, {1, 1, 1, 64}}},
        {Mul{}, {{2, 5, 6, 9}, {2, 5, 6, 1}}},
        {Mul{}, {{2, 3, 4, 5}, {1, 3, 1, 5}}},
        {Mul{}, {{2, 3, 4, 5}, {1, 1, 1, 1}}},
        {Mul{}, {{2, 3, 4, 5}, {1, 1, 4, 1}}},
        {Mul{}, {{4, 33}, {4, 33}}},
        {Mul{}, {{4, 33}, {4, 1}}},
        {Mul{}, {{1, 1, 1, 1}, {1, 1, 1, 1}}},
    };
  }
};

}  // namespace

template <>
const OpDef& DefOf<Mul>() {
  static const OpDef def = MakeOpDef<MulOp>();
  return def;
}

}  // namespace linnet
