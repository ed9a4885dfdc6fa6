// Dropout (1207.0580), inverted: in training a share 'rate' of the elements becomes zero and the
// others are scaled by 1 / (1 - rate); in inference nothing happens. Which elements go depends on
// the node's seed and their index only.
#include "kernels/elementwise.h"
#include "ops/op_def.h"
#include "ops/pass.h"

namespace linnet {
namespace {

struct DropoutOp {
  using Fields = Dropout;

  static Shape Infer(const Dropout& op, Shapes in) {
    ExpectInputs(in, 1, 0, "");
    if (!(op.rate >= 0 && op.rate < 1)) {
      Fail(ErrorKind::kUsage, "rate={}: must be at least 0 and below 1", op.rate);
    }
    return in[0];
  }

  template <class T>
  static RefTensor<T> Reference(const Dropout& op, const RefArgs<T>& args) {
    RefTensor<T> y = args.in[0];
    if (!args.training) return y;
    for (size_t i = 0; i < y.data.size(); ++i) {
      const bool keep = kernels::DropoutKeeps(args.seed, i, op.rate);
      y.data[i] = keep ? y.data[i] / T(1.0 - op.rate) : T(0.0);
    }
    return y;
  }

  static Prepared Prepare(const Dropout& op, const PrepareArgs& args) {
    const int64_t count = args.out.elements();
    Prepared prepared;
    prepared.kernel = args.training ? "dropout" : "copy";
    prepared.in_place = !args.training;
    prepared.gradient_in_place = true;
    prepared.forward = [=, training = args.training](const ForwardArgs& a) {
      const float* x = a.in[0].data();
      float* y = MutableData(a.out);
      if (training) {
        kernels::Dropout(count, op.rate, a.seed, x, y, a.pool);
      } else {
        CopyOrAdd(count, x, false, y, a.pool);
      }
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      kernels::DropoutBackward(count, op.rate, a.seed, a.dout.data(), a.accumulate[0],
                               a.din[0].data(), a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {{Dropout{}, {{2, 5, 3, 7}}},
            {Dropout{0.2f}, {{4, 129}}},
            {Dropout{0.0f}, {{1, 9}}},
            {Dropout{0.9f}, {{3, 40, 41, 4}}}};
  }
};

}  // namespace

template <>
const OpDef& DefOf<Dropout>() {
  static const OpDef def = MakeOpDef<DropoutOp>();
  return def;
}

}  // namespace linnet
