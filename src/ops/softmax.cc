// Softmax over the last dimension: y = e^x / sum of e^x.
#include "kernels/elementwise.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct SoftmaxOp {
  using Fields = Softmax;

  static Shape Infer(const Softmax&, Shapes in) {
    ExpectInputs(in, 1, 0, "");
    if (in[0].rank() < 1) Fail(ErrorKind::kUsage, "its input is a scalar: it has no classes");
    return in[0];
  }

  template <class T>
  static RefTensor<T> Reference(const Softmax&, const RefArgs<T>& args) {
    using std::exp;
    RefTensor<T> y = args.in[0];
    const int64_t classes = Channels(y.shape);
    for (int64_t r = 0; r < Rows(y.shape); ++r) {
      T* row = &y.data[r * classes];
      // A constant taken off every exponent cancels; with the maximum nothing overflows.
      double max = Real(row[0]);
      for (int64_t c = 1; c < classes; ++c) max = std::max(max, Real(row[c]));
      T sum(0.0);
      for (int64_t c = 0; c < classes; ++c) sum += row[c] = exp(row[c] - T(max));
      for (int64_t c = 0; c < classes; ++c) row[c] = row[c] / sum;
    }
    return y;
  }

  static Prepared Prepare(const Softmax&, const PrepareArgs& args) {
    const int64_t rows = Rows(args.in[0]), classes = Channels(args.in[0]);
    Prepared prepared;
    prepared.kernel = KernelName("softmax");
    prepared.in_place = !args.training;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::SoftmaxForward(rows, classes, a.in[0].data(), MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      kernels::SoftmaxBackward(rows, classes, a.out.data(), a.dout.data(), a.accumulate[0],
                               a.din[0].data(), a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {{Softmax{}, {{1, 10}}},
            {Softmax{}, {{5, 1000}}},
            {Softmax{}, {{3, 1}}},
            {Softmax{}, {{2, 3, 4, 21}}}};
  }
};

}  // namespace

template <>
const OpDef& DefOf<Softmax>() {
  static const OpDef def = MakeOpDef<SoftmaxOp>();
  return def;
}

}  // namespace linnet
