// Euclidean radial basis functions (LeNet-5's output: LeCun et al. 1998, sec. II-B, eq. 7), negated
// so that the largest is the answer:  y[n, i] = -sum over j of (x[n, j] - weight[i, j])^2.
//
// The weights are codes of -1 and +1 that are not trained. Those of LeNet-5's size are pictures of
// the digits, so that what looks alike has codes alike; others are drawn at random. The paper has
// both.
#include "kernels/rbf.h"

#include "ops/digit_codes.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct RbfOp {
  using Fields = Rbf;

  static Shape Infer(const Rbf& op, Shapes in) {
    ExpectInputs(in, 1, 2, "features [N,C]");
    if (op.out_features < 1) {
      Fail(ErrorKind::kUsage, "out_features={}: must be at least 1", op.out_features);
    }
    return {in[0][0], op.out_features};
  }

  static std::vector<ParamSpec> Params(const Rbf& op, Shapes in) {
    ParamSpec codes = {.name = "weight",
                       .shape = {op.out_features, in[0][1]},
                       .init = Init::kRandomSigns,
                       .trainable = false};
    if (codes.shape == Shape{kDigits, kDigitPixels}) {
      codes.init = Init::kValues;
      codes.values = DigitCodes();
    }
    return {codes};
  }

  template <class T>
  static RefTensor<T> Reference(const Rbf& op, const RefArgs<T>& args) {
    const RefTensor<T>&x = args.in[0], &codes = args.params[0];
    const int64_t features = x.shape[1];
    RefTensor<T> y(args.out_shape);
    for (int64_t n = 0; n < y.shape[0]; ++n) {
      for (int64_t i = 0; i < op.out_features; ++i) {
        T sum(0.0);
        for (int64_t j = 0; j < features; ++j) {
          const T difference = x.data[n * features + j] - codes.data[i * features + j];
          sum += difference * difference;
        }
        y.data[n * op.out_features + i] = -sum;
      }
    }
    return y;
  }

  static Prepared Prepare(const Rbf& op, const PrepareArgs& args) {
    const int64_t rows = args.in[0][0], features = args.in[0][1], outputs = op.out_features;
    const auto codes = std::make_shared<Tensor>(Unallocated({outputs, features}));
    Prepared prepared;
    prepared.kernel = KernelName("rbf");
    prepared.pack = [=](std::span<const Tensor> params, ThreadPool*) {
      std::copy_n(params[0].data(), codes->elements(), Allocated(*codes).data());
    };
    prepared.packed = {codes};
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::RbfForward(rows, features, outputs, a.in[0].data(), codes->data(),
                          MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      kernels::RbfBackward(rows, features, outputs, a.in[0].data(), codes->data(), a.dout.data(),
                           a.accumulate[0], a.din[0].data(), a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {
        {Rbf{}, {{5, 84}}},
        {Rbf{.out_features = 13}, {{3, 33}}},
        {Rbf{.out_features = 1}, {{1, 1}}},
        {Rbf{}, {{70, 84}}},
        {Rbf{.out_features = 47}, {{2, 128}}},
    };
  }
};

}  // namespace

template <>
const OpDef& DefOf<Rbf>() {
  static const OpDef def = MakeOpDef<RbfOp>();
  return def;
}

}  // namespace linnet
