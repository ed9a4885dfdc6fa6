// Stochastic depth (1603.09382): in training a sample's whole value becomes zero with probability
// 'rate' and is divided by 1 - rate otherwise; in inference nothing happens. Which samples go
// depends on the node's seed and their index only.
#include "kernels/elementwise.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"
#include "ops/pass.h"

namespace linnet {
namespace {

struct DropPathOp {
  using Fields = DropPath;

  static Shape Infer(const DropPath& op, Shapes in) {
    ExpectInputs(in, 1, 0, "");
    if (in[0].rank() < 1) Fail(ErrorKind::kUsage, "its input is a scalar: it has no samples");
    if (!(op.rate >= 0 && op.rate < 1)) {
      Fail(ErrorKind::kUsage, "rate={}: must be at least 0 and below 1", op.rate);
    }
    return in[0];
  }

  template <class T>
  static RefTensor<T> Reference(const DropPath& op, const RefArgs<T>& args) {
    RefTensor<T> y = args.in[0];
    if (!args.training) return y;
    const int64_t each = y.shape.elements() / y.shape[0];
    for (int64_t i = 0; i < y.shape.elements(); ++i) {
      const bool keep = kernels::DropoutKeeps(args.seed, i / each, op.rate);
      y.data[i] = keep ? y.data[i] / T(1.0 - op.rate) : T(0.0);
    }
    return y;
  }

  static Prepared Prepare(const DropPath& op, const PrepareArgs& args) {
    return args.training ? PrepareTraining(op, args.out) : PrepareInference(args.out.elements());
  }

  static Prepared PrepareInference(int64_t count) {
    Prepared prepared;
    prepared.kernel = "copy";
    prepared.in_place = true;
    prepared.forward = [=](const ForwardArgs& a) {
      CopyOrAdd(count, a.in[0].data(), false, MutableData(a.out), a.pool);
    };
    return prepared;
  }

  static Prepared PrepareTraining(const DropPath& op, const Shape& shape) {
    const int64_t samples = shape[0], each = shape.elements() / samples;
    Prepared prepared;
    prepared.kernel = KernelName("drop_path");
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::DropPath(samples, each, op.rate, a.seed, a.in[0].data(), false, MutableData(a.out),
                        a.pool);
    };
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      kernels::DropPath(samples, each, op.rate, a.seed, a.dout.data(), a.accumulate[0],
                        a.din[0].data(), a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {{DropPath{}, {{9, 5, 3, 7}}},
            {DropPath{0.5f}, {{20, 33}}},
            {DropPath{0.9f}, {{16, 2, 3, 1}}},
            {DropPath{0.0f}, {{3, 9}}},
            {DropPath{0.5f}, {{1, 1, 1, 1}}}};
  }
};

}  // namespace

template <>
const OpDef& DefOf<DropPath>() {
  static const OpDef def = MakeOpDef<DropPathOp>();
  return def;
}

}  // namespace linnet
