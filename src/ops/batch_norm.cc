// Batch normalisation (1502.03167) over all but the channels, with a fused activation.
//
//   y = act(weight * (x - mean) / sqrt(var + eps) + bias)
//
// Training: mean and (biased) variance of the batch, and the running statistics move towards them;
// inference, and always where the layer is frozen: the running statistics.
#include "kernels/batch_norm.h"

#include "kernels/bf16_elementwise.h"
#include "ops/bf16.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"
#include "ops/pass.h"

namespace linnet {
namespace {

struct BatchNormOp {
  using Fields = BatchNorm;

  static Shape Infer(const BatchNorm& op, Shapes in) {
    ExpectInputs(in, 1, 0, "");
    if (in[0].rank() < 2) {
      Fail(ErrorKind::kUsage, "expected a map [N,H,W,C] or features [N,C], got {}",
           in[0].ToString());
    }
    if (!(op.eps > 0)) Fail(ErrorKind::kUsage, "eps={}: must be above 0", op.eps);
    if (!(op.momentum >= 0 && op.momentum <= 1)) {
      Fail(ErrorKind::kUsage, "momentum={}: must be from 0 to 1", op.momentum);
    }
    return in[0];
  }

  static std::vector<ParamSpec> Params(const BatchNorm& op, Shapes in) {
    const Shape shape = {Channels(in[0])};
    std::vector<ParamSpec> specs;
    if (op.affine) {
      const bool trainable = !op.frozen;
      specs.push_back(
          {.name = "weight", .shape = shape, .init = Init::kOnes, .trainable = trainable});
      specs.push_back({.name = "bias", .shape = shape, .trainable = trainable});
    }
    specs.push_back({.name = "running_mean", .shape = shape, .trainable = false});
    specs.push_back(
        {.name = "running_var", .shape = shape, .init = Init::kOnes, .trainable = false});
    return specs;
  }

  template <class T>
  static RefTensor<T> Reference(const BatchNorm& op, const RefArgs<T>& args) {
    using std::sqrt;
    const RefTensor<T>& x = args.in[0];
    const int64_t channels = Channels(x.shape), rows = Rows(x.shape);
    const size_t statistics = op.affine ? 2 : 0;
    RefTensor<T> y(args.out_shape);
    for (int64_t c = 0; c < channels; ++c) {
      T mean = args.params[statistics].data[c], var = args.params[statistics + 1].data[c];
      if (args.training && !op.frozen) {
        mean = var = T(0.0);
        for (int64_t r = 0; r < rows; ++r) mean += x.data[r * channels + c];
        mean = mean / T(rows);
        for (int64_t r = 0; r < rows; ++r) {
          const T centred = x.data[r * channels + c] - mean;
          var += centred * centred;
        }
        var = var / T(rows);
      }
      const T deviation = sqrt(var + T(op.eps));
      for (int64_t r = 0; r < rows; ++r) {
        T z = (x.data[r * channels + c] - mean) / deviation;
        if (op.affine) z = args.params[0].data[c] * z + args.params[1].data[c];
        y.data[r * channels + c] = Activate(op.act.kind, op.act.alpha, z);
      }
    }
    return y;
  }

  static Prepared Prepare(const BatchNorm& op, const PrepareArgs& args) {
    if (!args.training) return PrepareInference(op, args);
    return op.frozen ? PrepareFrozen(op, args) : PrepareTraining(op, args);
  }

  static kernels::BatchNormShape KernelShape(const PrepareArgs& args) {
    return {.rows = Rows(args.in[0]), .channels = Channels(args.in[0])};
  }

  // gamma or beta, or null where the layer has none.
  template <class Tensors>
  static const float* Affine(const BatchNorm& op, const Tensors& params, int i) {
    return op.affine ? params[i].data() : nullptr;
  }

  // Running statistics are constants: y = act(scale * x + shift).
  static Prepared PrepareInference(const BatchNorm& op, const PrepareArgs& args) {
    return PrepareConstant(op, args, UnallocatedConstants(args));
  }

  // [scale, shift][channels]
  static std::shared_ptr<Tensor> UnallocatedConstants(const PrepareArgs& args) {
    return std::make_shared<Tensor>(Unallocated({2, Channels(args.in[0])}));
  }

  static Prepared PrepareConstant(const BatchNorm& op, const PrepareArgs& args,
                                  const std::shared_ptr<Tensor>& constants) {
    const kernels::BatchNormShape shape = KernelShape(args);
    Prepared prepared;
    prepared.kernel = KernelName("batch_norm");
    prepared.in_place = true;
    prepared.strided_in = prepared.strided_out = !args.training;
    prepared.pack = [=](std::span<const Tensor> params, ThreadPool*) {
      const size_t statistics = op.affine ? 2 : 0;
      float* scale = Allocated(*constants).data();
      kernels::BatchNormFold(shape.channels, Affine(op, params, 0), Affine(op, params, 1),
                             params[statistics].data(), params[statistics + 1].data(), op.eps,
                             scale, scale + shape.channels);
    };
    prepared.packed = {constants};
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::BatchNormShape strided = shape;
      strided.x_stride = InStride(a, 0);
      strided.y_stride = OutStride(a);
      kernels::BatchNormInference(strided, a.in[0].data(), constants->data(),
                                  constants->data() + shape.channels, op.act.kind, op.act.alpha,
                                  MutableData(a.out), a.pool);
    };
    return prepared;
  }

  static std::string RefusesBf16(const BatchNorm&, const PrepareArgs& args) {
    return RefusesOtherThanBf16(args);
  }

  static Prepared PrepareBf16(const BatchNorm& op, const PrepareArgs& args) {
    const int64_t channels = Channels(args.in[0]);
    const std::shared_ptr<Tensor> constants = UnallocatedConstants(args);
    const Shape out = args.out;
    Prepared prepared = PrepareConstant(op, args, constants);
    prepared.kernel = KernelName("batch_norm_bf16");
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::ScaleShiftBf16(Bf16MapOf(out, a), a.in[0].data<bfloat16_t>(), constants->data(),
                              constants->data() + channels, op.act.kind, op.act.alpha,
                              Tensor(a.out).data<bfloat16_t>(), a.pool);
    };
    return prepared;
  }

  // dx = dy * act'(scale * x + shift) * scale.
  static Prepared PrepareFrozen(const BatchNorm& op, const PrepareArgs& args) {
    const kernels::BatchNormShape shape = KernelShape(args);
    const std::shared_ptr<Tensor> constants = UnallocatedConstants(args);
    const int64_t count = args.out.elements();
    Prepared prepared = PrepareConstant(op, args, constants);
    prepared.in_place = false;
    prepared.scratch_bytes = static_cast<size_t>(count) * sizeof(float);
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      float* scratch = reinterpret_cast<float*>(a.scratch);
      float* dz = MutableData(a.dout);
      if (op.act.kind != Activation::kIdentity) {
        kernels::BatchNormInference(shape, a.in[0].data(), constants->data(),
                                    constants->data() + shape.channels, Activation::kIdentity, 0,
                                    scratch, a.pool);
        kernels::ActivationBackward(count, op.act.kind, op.act.alpha, scratch, dz, false, dz,
                                    a.pool);
      }
      kernels::MulForward({shape.rows, shape.channels}, {1, shape.channels}, dz, constants->data(),
                          scratch, a.pool);
      CopyOrAdd(count, scratch, a.accumulate[0], a.din[0].data(), a.pool);
    };
    return prepared;
  }

  // Keeps the mean and 1 / deviation of the batch. The activation's derivative is made from x
  // again.
  static Prepared PrepareTraining(const BatchNorm& op, const PrepareArgs& args) {
    const kernels::BatchNormShape shape = KernelShape(args);
    if (shape.rows < 2) {
      Fail(ErrorKind::kUsage,
           "batch_norm on {}: one value a channel has no variance; train with a larger batch or "
           "larger inputs",
           args.in[0].ToString());
    }
    Prepared prepared;
    prepared.kernel = KernelName("batch_norm");
    prepared.scratch_bytes = kernels::BatchNormScratchBytes(shape);
    prepared.saved = {{shape.channels}, {shape.channels}};
    prepared.gradient_in_place = true;
    prepared.forward = [=](const ForwardArgs& a) {
      const size_t statistics = op.affine ? 2 : 0;
      kernels::BatchNormForward(shape,
                                {.x = a.in[0].data(),
                                 .gamma = Affine(op, a.params, 0),
                                 .beta = Affine(op, a.params, 1),
                                 .eps = op.eps,
                                 .act = op.act.kind,
                                 .alpha = op.act.alpha,
                                 .y = MutableData(a.out),
                                 .mean = a.saved[0].data(),
                                 .inv_std = a.saved[1].data(),
                                 .running_mean = a.params[statistics].data(),
                                 .running_var = a.params[statistics + 1].data(),
                                 .momentum = op.momentum},
                                a.scratch, a.pool);
    };
    prepared.backward = [=](const BackwardArgs& a) {
      kernels::BatchNormBackward(shape,
                                 {.x = a.in[0].data(),
                                  .dy = a.dout.data(),
                                  .gamma = Affine(op, a.params, 0),
                                  .beta = Affine(op, a.params, 1),
                                  .mean = a.saved[0].data(),
                                  .inv_std = a.saved[1].data(),
                                  .act = op.act.kind,
                                  .alpha = op.act.alpha,
                                  .dx = a.din[0].data(),
                                  .accumulate = a.accumulate[0],
                                  .dgamma = op.affine ? a.dparams[0].data() : nullptr,
                                  .dbeta = op.affine ? a.dparams[1].data() : nullptr},
                                 a.scratch, a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples = {
        {BatchNorm{}, {{2, 5, 7, 16}}},
        {BatchNorm{}, {{1, 9, 9, 37}}},
        {BatchNorm{}, {{3, 2, 2, 1}}},
        {BatchNorm{}, {{8, 33}}},
        {BatchNorm{}, {{4, 16, 15, 64}}},
        {BatchNorm{.eps = 1e-3f, .momentum = 0.01f}, {{2, 4, 4, 130}}},
        {BatchNorm{.affine = false}, {{2, 3, 5, 12}}},
        {BatchNorm{.affine = false, .act = {Activation::kRelu}}, {{2, 3, 5, 12}}},
        {BatchNorm{.frozen = true}, {{2, 5, 3, 21}}},
        {BatchNorm{.affine = false, .frozen = true}, {{4, 33}}},
        {BatchNorm{.frozen = true, .act = {Activation::kHardSwish}}, {{2, 5, 3, 9}}},
    };
    for (int i = 0; i < kActivations; ++i) {
      samples.push_back({BatchNorm{.act = {static_cast<Activation>(i), 0.2f}}, {{2, 4, 3, 19}}});
    }
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<BatchNorm>() {
  static const OpDef def = MakeOpDef<BatchNormOp>();
  return def;
}

}  // namespace linnet
