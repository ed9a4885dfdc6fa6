#include "ops/conv2d_int8.h"

#include <memory>

#include "kernels/int8_conv.h"
#include "kernels/int8_depthwise.h"
#include "ops/conv2d_kernels.h"
#include "ops/int8.h"

namespace linnet {
namespace {

// A layer of a kernel object of kernels/int8_conv.h or int8_depthwise.h.
template <class Kernel>
Int8Layer LayerOf(std::shared_ptr<const Kernel> kernel, bool residual, int threads) {
  Int8Layer layer;
  layer.name = kernel->name();
  layer.packed_bytes = kernel->packed_bytes();
  layer.scratch_bytes = kernel->ScratchBytes(threads);
  layer.forward = [=](const ForwardArgs& a, const void* packed) {
    const uint8_t* added = residual ? a.in[1].data<uint8_t>() : nullptr;
    kernel->Run(a.in[0].data<uint8_t>(), packed, added, Tensor(a.out).data<uint8_t>(), a.scratch,
                a.pool);
  };
  return layer;
}

kernels::Int8Epilogue EpilogueOf(const Conv2d& op, const PrepareArgs& args) {
  return Int8EpilogueOf(op.act, op.residual, args);
}

std::string DepthwiseRefuses(const Conv2d& op, const PrepareArgs& args) {
  if (op.groups == 1) return "one group";
  if (op.groups != args.in[0].c() || op.out_channels != op.groups) {
    return fmt::format("{} groups of {} channels with {} outputs", op.groups,
                       args.in[0].c() / op.groups, op.out_channels / op.groups);
  }
  // Dilated weights are packed with zeros between them.
  constexpr int64_t kMostTaps = 1024;
  const int64_t taps = ((op.kernel[0] - int64_t{1}) * op.dilation[0] + 1) *
                       ((op.kernel[1] - int64_t{1}) * op.dilation[1] + 1);
  if (taps > kMostTaps) return fmt::format("a window over {} pixels", taps);
  return "";
}

Prepared PrepareDepthwise(const Conv2d& op, const PrepareArgs& args) {
  const auto kernel = std::make_shared<const kernels::DepthwiseInt8>(
      DepthwiseShapeOf(op, args), args.in_type(0).quantization, EpilogueOf(op, args));
  Int8Layer layer = LayerOf(kernel, op.residual, args.threads);
  layer.pack = [=](const kernels::Int8Weights& weights, void* packed, ThreadPool*) {
    kernel->Pack(weights, packed);
  };
  return PrepareInt8Layer(std::move(layer), op.bias);
}

std::string MatMulRefuses(const Conv2d& op, const PrepareArgs& args) {
  const int64_t depth = kernels::Int8Depth(ConvShapeOf(op, args));
  if (depth <= kernels::kMaxInt8Depth) return "";
  return fmt::format("sums of {} products; at most {} fit in 32 bits", depth,
                     kernels::kMaxInt8Depth);
}

Prepared PrepareMatMul(const Conv2d& op, const PrepareArgs& args) {
  const auto kernel = std::make_shared<const kernels::Conv2dInt8>(
      ConvShapeOf(op, args), args.in_type(0).quantization, EpilogueOf(op, args));
  Int8Layer layer = LayerOf(kernel, op.residual, args.threads);
  layer.pack = [=](const kernels::Int8Weights& weights, void* packed, ThreadPool* pool) {
    kernel->Pack(weights, packed, pool);
  };
  return PrepareInt8Layer(std::move(layer), op.bias);
}

constexpr Implementation<Conv2d> kImplementations[] = {
    {"int8 depthwise", DepthwiseRefuses, PrepareDepthwise},
    {"int8 matmul", MatMulRefuses, PrepareMatMul},
};

}  // namespace

std::span<const Implementation<Conv2d>> Conv2dInt8Implementations() { return kImplementations; }

std::string Conv2dRefusesTypes(const Conv2d& op, const PrepareArgs& args) {
  if (const std::string reason = RefusesMixedTypes(args); !reason.empty()) return reason;
  if (const std::string reason = RefusesActivation(op.act, op.residual); !reason.empty()) {
    return reason;
  }
  return MatMulRefuses(op, args);
}

}  // namespace linnet
