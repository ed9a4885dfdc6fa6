// L2 normalisation with a learned scale (ParseNet, 1506.04579, sec. 3.3; SSD, 1512.02325,
// sec. 3.1):
//   y[c] = weight[c] * x[c] / (sqrt(sum over j of x[j]^2) + eps), for the channels of each pixel.
#include "kernels/l2_norm.h"

#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct L2NormOp {
  using Fields = L2Norm;

  static Shape Infer(const L2Norm& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    if (!(op.eps > 0)) Fail(ErrorKind::kUsage, "eps={}: must be above 0", op.eps);
    return in[0];
  }

  static std::vector<ParamSpec> Params(const L2Norm& op, Shapes in) {
    return {{.name = "weight", .shape = {in[0].c()}, .init = Init::kConstant, .constant = op.init}};
  }

  template <class T>
  static RefTensor<T> Reference(const L2Norm& op, const RefArgs<T>& args) {
    using std::sqrt;
    const RefTensor<T>&x = args.in[0], &weight = args.params[0];
    const int64_t channels = Channels(x.shape);
    RefTensor<T> y(args.out_shape);
    for (int64_t r = 0; r < Rows(x.shape); ++r) {
      T squares(0.0);
      for (int64_t c = 0; c < channels; ++c) {
        squares += x.data[r * channels + c] * x.data[r * channels + c];
      }
      const T norm = sqrt(squares) + T(op.eps);
      for (int64_t c = 0; c < channels; ++c) {
        y.data[r * channels + c] = weight.data[c] * x.data[r * channels + c] / norm;
      }
    }
    return y;
  }

  static Prepared Prepare(const L2Norm& op, const PrepareArgs& args) {
    const kernels::L2NormShape shape = {
        .rows = Rows(args.out), .channels = Channels(args.out), .eps = op.eps};
    const auto scale = std::make_shared<Tensor>(Unallocated({shape.channels}));
    Prepared prepared;
    prepared.kernel = KernelName("l2_norm");
    prepared.in_place = !args.training;
    prepared.pack = [=](std::span<const Tensor> params, ThreadPool*) {
      std::copy_n(params[0].data(), shape.channels, Allocated(*scale).data());
    };
    prepared.packed = {scale};
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::L2NormForward(shape, a.in[0].data(), scale->data(), MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.scratch_bytes = kernels::L2NormScratchBytes(shape);
    prepared.backward = [=](const BackwardArgs& a) {
      kernels::L2NormBackward(shape, a.in[0].data(), scale->data(), a.dout.data(), a.accumulate[0],
                              a.din[0].data(), a.dparams[0].data(), a.scratch, a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {
        {L2Norm{}, {{2, 5, 3, 37}}},   {L2Norm{.eps = 0.5f}, {{1, 7, 4, 16}}},
        {L2Norm{}, {{1, 3, 3, 3}}},    {L2Norm{.eps = 0.5f}, {{2, 3, 3, 1}}},
        {L2Norm{}, {{2, 19, 23, 64}}},
    };
  }
};

}  // namespace

template <>
const OpDef& DefOf<L2Norm>() {
  static const OpDef def = MakeOpDef<L2NormOp>();
  return def;
}

}  // namespace linnet
