#include "ops/conv2d_bf16.h"

#include <cstring>
#include <memory>

#include "kernels/bf16_elementwise.h"
#include "ops/bf16.h"
#include "ops/conv2d_kernels.h"
#include "ops/kernel_name.h"

namespace linnet {
namespace {

std::string DepthwiseRefuses(const Conv2d& op, const PrepareArgs& args) {
  if (op.groups == 1) return "one group";
  if (op.groups != args.in[0].c()) {
    return fmt::format("{} groups of {} channels", op.groups, args.in[0].c() / op.groups);
  }
  const char* reason = kernels::Bf16DepthwiseRefuses(DepthwiseShapeOf(op, args), op.act.kind);
  return reason == nullptr ? RefusesOtherThanBf16(args) : reason;
}

Prepared PrepareDepthwise(const Conv2d& op, const PrepareArgs& args) {
  const kernels::DepthwiseShape shape = DepthwiseShapeOf(op, args);
  const auto floats = static_cast<int64_t>(kernels::DepthwisePackedBytes(shape) / sizeof(float));
  const auto packed = std::make_shared<Tensor>(Unallocated({floats}));
  const auto bias = std::make_shared<Tensor>(Unallocated({shape.c}));
  Prepared prepared;
  prepared.kernel = KernelName(fmt::format("{} bf16", kernels::DepthwiseKernelName(shape)).c_str());
  prepared.strided_in = prepared.strided_out = true;
  prepared.pack = [=](std::span<const Tensor> params, ThreadPool*) {
    kernels::PackDepthwise(shape, params[0].data(), Allocated(*packed).data());
    if (op.bias) std::memcpy(Allocated(*bias).data(), params[1].data(), bias->bytes());
  };
  prepared.packed = {packed};
  if (op.bias) prepared.packed.push_back(bias);
  prepared.forward = [=](const ForwardArgs& a) {
    kernels::DepthwiseShape strided = shape;
    strided.src_pixel = InStride(a, 0);
    strided.dst_pixel = OutStride(a);
    kernels::DepthwiseBf16(
        strided, a.in[0].data<bfloat16_t>(), packed->data(), op.bias ? bias->data() : nullptr,
        op.act.kind, op.residual ? a.in[1].data<bfloat16_t>() : nullptr,
        op.residual ? InStride(a, 1) : 0, Tensor(a.out).data<bfloat16_t>(), a.pool);
  };
  return prepared;
}

std::string AcceptsAll(const Conv2d&, const PrepareArgs&) { return ""; }

Prepared PrepareMatMul(const Conv2d& op, const PrepareArgs& args) {
  return PrepareBf16Product(ConvShapeOf(op, args), op.bias, op.residual, op.act, args);
}

constexpr Implementation<Conv2d> kImplementations[] = {
    {"bf16 depthwise", DepthwiseRefuses, PrepareDepthwise},
    {"bf16 matmul", AcceptsAll, PrepareMatMul},
};

}  // namespace

Prepared PrepareBf16Product(const kernels::ConvShape& shape, bool bias, bool residual,
                            const FusedActivation& act, const PrepareArgs& args) {
  struct State {
    kernels::Conv2dBf16 kernel;
    Tensor packed, bias;
  };
  kernels::Conv2dBf16::Types types;
  types.src = args.in_type(0).is_bf16();
  types.residual = residual && args.in_type(1).is_bf16();
  types.dst = args.out_type.is_bf16();
  types.split = args.split_products;
  kernels::Conv2dBf16 kernel(shape, types);
  const auto bytes = static_cast<int64_t>(kernel.packed_bytes());
  const auto state = std::make_shared<State>(
      State{std::move(kernel), Unallocated({bytes}, DType::kU8), Unallocated({shape.k})});
  Prepared prepared;
  prepared.kernel = state->kernel.name();
  prepared.scratch_bytes = state->kernel.ScratchBytes(args.threads);
  prepared.strided_in = prepared.strided_out = true;
  prepared.pack = [=](std::span<const Tensor> params, ThreadPool* pool) {
    state->kernel.Pack(params[0].data(), Allocated(state->packed).data<std::byte>(), pool);
    if (bias) std::memcpy(Allocated(state->bias).data(), params[1].data(), state->bias.bytes());
  };
  prepared.packed = {{state, &state->packed}};
  if (bias) prepared.packed.push_back({state, &state->bias});
  prepared.forward = [=](const ForwardArgs& a) {
    kernels::Bf16Epilogue epilogue;
    if (bias) epilogue.bias = state->bias.data();
    epilogue.act = act.kind;
    epilogue.alpha = act.alpha;
    if (residual) {
      epilogue.residual = a.in[1].data<std::byte>();
      epilogue.residual_stride = InStride(a, 1);
    }
    state->kernel.Run(a.in[0].data<std::byte>(), InStride(a, 0), state->packed.data<std::byte>(),
                      Tensor(a.out).data<std::byte>(), OutStride(a), epilogue, a.scratch, a.pool);
  };
  return prepared;
}

std::span<const Implementation<Conv2d>> Conv2dBf16Implementations() { return kImplementations; }

// Of depthwise convolutions with products with zeros there is no gain.
std::string Conv2dRefusesBf16(const Conv2d& op, const PrepareArgs& args) {
  const bool depthwise = op.groups > 1 && op.groups == args.in[0].c();
  return depthwise ? DepthwiseRefuses(op, args) : "";
}

}  // namespace linnet
