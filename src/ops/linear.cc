#include "ops/linear.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "kernels/matmul.h"
#include "ops/pass.h"

namespace linnet {
namespace {

// A prepared layer: the kernel with its packed weights.
class Linear {
 public:
  Linear(LinearKernel kernel, const LinearFields& fields, const PrepareArgs& args)
      : kernel_(std::move(kernel)),
        fields_(fields),
        training_(args.training),
        rows_(Rows(args.out)),
        channels_(Channels(args.out)),
        column_sums_(rows_, channels_),
        packed_(Bytes(kernel_.packed_bytes)) {
    if (fields_.bias) bias_ = Unallocated({channels_});
    if (training_) packed_gradient_ = Bytes(kernel_.packed_gradient_bytes);
  }

  const LinearKernel& kernel() const { return kernel_; }
  size_t ScratchBytes() const {
    const bool sums = training_ && fields_.bias;
    return std::max(kernel_.scratch_bytes, sums ? column_sums_.ScratchBytes() : 0);
  }
  // Training with an activation whose derivative takes z = W x + bias + residual.
  bool keeps_z() const { return training_ && !DerivativeFromResult(fields_.act.kind); }

  void Pack(std::span<const Tensor> params, ThreadPool* pool) {
    kernel_.pack(params[0].data(), Allocated(packed_).data(), pool);
    if (kernel_.packed_gradient_bytes > 0 && training_) {
      kernel_.pack_gradient(params[0].data(), Allocated(packed_gradient_).data(), pool);
    }
    if (fields_.bias) std::memcpy(Allocated(bias_).data(), params[1].data(), bias_.bytes());
  }
  Tensor& packed() { return packed_; }
  Tensor& bias() { return bias_; }

  void Forward(const ForwardArgs& a) const {
    kernels::Epilogue epilogue;
    if (fields_.bias) epilogue.bias = bias_.data();
    if (fields_.residual) {
      epilogue.residual = a.in[1].data();
      epilogue.residual_stride = InStride(a, 1);
    }
    float* y = MutableData(a.out);
    if (!keeps_z()) {
      epilogue.act = fields_.act.kind;
      epilogue.alpha = fields_.act.alpha;
      return Product(a, epilogue, y);
    }
    float* z = a.saved[0].data();
    Product(a, epilogue, z);
    kernels::ActivationForward(rows_ * channels_, fields_.act.kind, fields_.act.alpha, z, y,
                               a.pool);
  }

  void Backward(const BackwardArgs& a) const {
    float* dz = MutableData(a.dout);
    if (fields_.act.kind != Activation::kIdentity) {
      const Tensor& z = keeps_z() ? a.saved[0] : a.out;
      kernels::ActivationBackward(rows_ * channels_, fields_.act.kind, fields_.act.alpha, z.data(),
                                  dz, false, dz, a.pool);
    }
    if (a.dparams[0]) {
      kernel_.weight_gradient(a.in[0].data(), dz, a.dparams[0].data(), a.scratch, a.pool);
    }
    if (fields_.bias && a.dparams[1]) {
      column_sums_.Run(dz, channels_, a.dparams[1].data(), a.scratch, a.pool);
    }
    if (a.din[0]) {
      const Tensor& packed = kernel_.packed_gradient_bytes > 0 ? packed_gradient_ : packed_;
      kernel_.input_gradient(dz, packed.data(), a.accumulate[0], a.din[0].data(), a.scratch,
                             a.pool);
    }
    if (fields_.residual && a.din[1]) {
      CopyOrAdd(rows_ * channels_, dz, a.accumulate[1], a.din[1].data(), a.pool);
    }
  }

 private:
  void Product(const ForwardArgs& a, const kernels::Epilogue& epilogue, float* y) const {
    const float* x = a.in[0].data();
    if (a.last_row > 0) {
      kernel_.forward_rows(a.first_row, a.last_row, x, InStride(a, 0), packed_.data(), epilogue, y,
                           OutStride(a), a.pool);
    } else if (kernel_.forward_strided) {
      kernel_.forward_strided(x, InStride(a, 0), packed_.data(), epilogue, y, OutStride(a),
                              a.scratch, a.pool);
    } else {
      kernel_.forward(x, packed_.data(), epilogue, y, a.scratch, a.pool);
    }
  }
  static Tensor Bytes(size_t bytes) { return Unallocated({static_cast<int64_t>((bytes + 3) / 4)}); }

  LinearKernel kernel_;
  LinearFields fields_;
  TrainingFlag training_;
  int64_t rows_, channels_;
  kernels::ColumnSums column_sums_;
  Tensor packed_, packed_gradient_, bias_;
};

}  // namespace

Prepared PrepareLinear(LinearKernel kernel, const LinearFields& fields, const PrepareArgs& args) {
  const auto linear = std::make_shared<Linear>(std::move(kernel), fields, args);
  Prepared prepared;
  prepared.kernel = linear->kernel().name;
  prepared.scratch_bytes = linear->ScratchBytes();
  prepared.strided_out = !args.training && linear->kernel().forward_strided;
  prepared.strided_in = prepared.strided_out && linear->kernel().strided_x;
  prepared.best_in_stride = linear->kernel().best_x_stride;
  prepared.best_out_stride = linear->kernel().best_y_stride;
  if (!args.training && linear->kernel().forward_rows) prepared.rows = linear->kernel().rows;
  if (linear->keeps_z()) prepared.saved = {args.out};
  prepared.pack = [linear](std::span<const Tensor> params, ThreadPool* pool) {
    linear->Pack(params, pool);
  };
  prepared.packed = {{linear, &linear->packed()}};
  if (fields.bias) prepared.packed.push_back({linear, &linear->bias()});
  prepared.forward = [linear](const ForwardArgs& a) { linear->Forward(a); };
  if (args.training) {
    prepared.backward = [linear](const BackwardArgs& a) { linear->Backward(a); };
  }
  return prepared;
}

}  // namespace linnet
