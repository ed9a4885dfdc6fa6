// Local response normalisation across channels (AlexNet, Krizhevsky et al. 2012, sec. 3.3):
//   y[c] = x[c] / (k + alpha * sum of x[j]^2 over |j - c| <= size / 2)^beta,  0 <= j < channels.
#include "kernels/lrn.h"

#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct LrnOp {
  using Fields = Lrn;

  static Shape Infer(const Lrn& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    if (op.size < 1 || op.size % 2 == 0) {
      Fail(ErrorKind::kUsage, "size={}: must be odd and at least 1", op.size);
    }
    // What is raised to a power has to be above 0.
    if (!(op.k > 0 && op.alpha >= 0)) {
      Fail(ErrorKind::kUsage, "k={}, alpha={}: k must be above 0, alpha not below", op.k, op.alpha);
    }
    return in[0];
  }

  template <class T>
  static RefTensor<T> Reference(const Lrn& op, const RefArgs<T>& args) {
    using std::exp;
    using std::log;
    const RefTensor<T>& x = args.in[0];
    const int64_t channels = Channels(x.shape), half = op.size / 2;
    RefTensor<T> y(args.out_shape);
    for (int64_t r = 0; r < Rows(x.shape); ++r) {
      const T* row = &x.data[r * channels];
      for (int64_t c = 0; c < channels; ++c) {
        T sum(0.0);
        const int64_t end = std::min(c + half + 1, channels);
        for (int64_t j = std::max<int64_t>(c - half, 0); j < end; ++j) sum += row[j] * row[j];
        const T s = T(op.k) + T(op.alpha) * sum;
        y.data[r * channels + c] = row[c] * exp(T(-op.beta) * log(s));
      }
    }
    return y;
  }

  static Prepared Prepare(const Lrn& op, const PrepareArgs& args) {
    const kernels::LrnShape shape = {.rows = Rows(args.out),
                                     .channels = Channels(args.out),
                                     .size = op.size,
                                     .alpha = op.alpha,
                                     .beta = op.beta,
                                     .k = op.k};
    Prepared prepared;
    prepared.kernel = KernelName("lrn");
    prepared.in_place = !args.training;
    prepared.scratch_bytes = kernels::LrnScratchBytes(shape, args.threads);
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::LrnForward(shape, a.in[0].data(), MutableData(a.out), a.scratch, a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      kernels::LrnBackward(shape, a.in[0].data(), a.dout.data(), a.accumulate[0], a.din[0].data(),
                           a.scratch, a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {
        {Lrn{}, {{2, 5, 3, 96}}},
        // Such that the sum matters.
        {Lrn{.alpha = 0.3f}, {{2, 5, 3, 37}}},
        {Lrn{.size = 3, .alpha = 0.5f, .beta = 0.5f, .k = 1}, {{1, 7, 4, 17}}},
        {Lrn{.size = 7, .alpha = 0.1f, .beta = 1.3f}, {{2, 3, 3, 4}}},
        {Lrn{.size = 1, .alpha = 0.2f}, {{1, 3, 5, 9}}},
        {Lrn{.size = 2147483647, .alpha = 0.01f}, {{1, 2, 2, 33}}},
        {Lrn{.alpha = 0.3f}, {{1, 1, 1, 1}}},
        {Lrn{.alpha = 0.3f}, {{2, 19, 17, 64}}},
    };
  }
};

}  // namespace

template <>
const OpDef& DefOf<Lrn>() {
  static const OpDef def = MakeOpDef<LrnOp>();
  return def;
}

}  // namespace linnet
