// Fully connected: y[n, o] = act(bias[o] + sum over i of x[n, i] * weight[o, i]).
#include <memory>

#include "kernels/int8_conv.h"
#include "kernels/matmul.h"
#include "ops/conv2d_bf16.h"
#include "ops/int8.h"
#include "ops/linear.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct DenseOp {
  using Fields = Dense;

  static Shape Infer(const Dense& op, Shapes in) {
    ExpectInputs(in, 1, 2, "features [N,C] (a map needs a flatten before)");
    if (op.out_features < 1) {
      Fail(ErrorKind::kUsage, "out_features={}: must be at least 1", op.out_features);
    }
    return {in[0][0], op.out_features};
  }

  // torchvision's last layer of MobileNets.
  static std::vector<ParamSpec> Params(const Dense& op, Shapes in) {
    std::vector<ParamSpec> specs = {{.name = "weight",
                                     .shape = {op.out_features, in[0][1]},
                                     .init = Init::kNormal001,
                                     .decay = true}};
    if (op.bias) specs.push_back({.name = "bias", .shape = {op.out_features}});
    return specs;
  }

  static int64_t Macs(const Dense&, Shapes in, const Shape& out) {
    return out.elements() * in[0][1];
  }

  template <class T>
  static RefTensor<T> Reference(const Dense& op, const RefArgs<T>& args) {
    const RefTensor<T>&x = args.in[0], &weight = args.params[0];
    const int64_t features = x.shape[1];
    RefTensor<T> y(args.out_shape);
    for (int64_t n = 0; n < y.shape[0]; ++n) {
      for (int64_t o = 0; o < op.out_features; ++o) {
        T sum = op.bias ? args.params[1].data[o] : T(0.0);
        for (int64_t i = 0; i < features; ++i) {
          sum += x.data[n * features + i] * weight.data[o * features + i];
        }
        y.data[n * op.out_features + o] = Activate(op.act.kind, op.act.alpha, sum);
      }
    }
    return y;
  }

  // On bytes: to bytes, or, as a classifier's last layer, to float32.
  static std::string RefusesTypes(const Dense& op, const PrepareArgs& args) {
    if (args.in[0][1] > kernels::kMaxInt8Depth) {
      return fmt::format("sums of {} products; at most {} fit in 32 bits", args.in[0][1],
                         kernels::kMaxInt8Depth);
    }
    if (!args.in_type(0).is_u8()) return "its input has to be of bytes, too";
    if (args.out_type.is_u8()) return RefusesActivation(op.act);
    return op.act.kind == Activation::kIdentity ? "" : "to float32 it has no activation";
  }

  // A pointwise convolution of pictures of one pixel.
  static kernels::ConvShape ConvShapeOf(const Dense& op, const PrepareArgs& args) {
    kernels::ConvShape shape;
    shape.n = args.in[0][0], shape.h = shape.w = 1, shape.c = args.in[0][1];
    shape.k = op.out_features;
    shape.oh = shape.ow = 1;
    return shape;
  }

  static std::string RefusesBf16(const Dense&, const PrepareArgs&) { return ""; }
  static Prepared PrepareBf16(const Dense& op, const PrepareArgs& args) {
    return PrepareBf16Product(ConvShapeOf(op, args), op.bias, false, op.act, args);
  }

  static Prepared PrepareInt8(const Dense& op, const PrepareArgs& args) {
    const auto kernel = std::make_shared<const kernels::Conv2dInt8>(
        ConvShapeOf(op, args), args.in_type(0).quantization, Int8EpilogueOf(op.act, false, args));
    Int8Layer layer{kernel->name(), kernel->packed_bytes(), kernel->ScratchBytes(args.threads)};
    layer.pack = [=](const kernels::Int8Weights& weights, void* packed, ThreadPool* pool) {
      kernel->Pack(weights, packed, pool);
    };
    layer.forward = [=](const ForwardArgs& a, const void* packed) {
      kernel->Run(a.in[0].data<uint8_t>(), packed, nullptr, Tensor(a.out).data<uint8_t>(),
                  a.scratch, a.pool);
    };
    return PrepareInt8Layer(std::move(layer), op.bias);
  }

  static Prepared PrepareInt8ToFloat(const Dense& op, const PrepareArgs& args) {
    const int64_t rows = args.in[0][0];
    const auto kernel = std::make_shared<const kernels::DenseInt8ToFloat>(
        args.in[0][1], op.out_features, args.in_type(0).quantization);
    Int8Layer layer{kernel->name(), kernel->packed_bytes(), kernel->ScratchBytes(args.threads)};
    layer.pack = [=](const kernels::Int8Weights& weights, void* packed, ThreadPool* pool) {
      kernel->Pack(weights, packed, pool);
    };
    layer.forward = [=](const ForwardArgs& a, const void* packed) {
      kernel->Run(rows, a.in[0].data<uint8_t>(), packed, MutableData(a.out), a.scratch, a.pool);
    };
    return PrepareInt8Layer(std::move(layer), op.bias);
  }

  static Prepared Prepare(const Dense& op, const PrepareArgs& args) {
    if (AllU8(args)) return PrepareInt8(op, args);
    if (AnyU8(args)) return PrepareInt8ToFloat(op, args);
    if (args.split_products && args.in[0][0] >= kLeastSplitRows) return PrepareBf16(op, args);
    const int64_t rows = args.in[0][0], in = args.in[0][1], out = op.out_features;
    const kernels::MatMul product(in, out);
    LinearKernel kernel;
    kernel.name = product.name();
    kernel.packed_bytes = product.packed_bytes();
    kernel.pack = [=](const float* w, float* packed, ThreadPool* pool) {
      product.PackTransposed(w, packed, pool);
    };
    kernel.forward = [=](const float* x, const float* packed, const kernels::Epilogue& epilogue,
                         float* y, void*, ThreadPool* pool) {
      product.Run(rows, x, in, packed, y, out, epilogue, pool);
    };
    if (args.training) AddGradients(rows, in, out, args.threads, kernel);
    return PrepareLinear(std::move(kernel), {.bias = op.bias, .act = op.act}, args);
  }

  // dx[rows, in] = dz[rows, out] W[out, in]; dW[out, in] += dz^T x.
  static void AddGradients(int64_t rows, int64_t in, int64_t out, int threads,
                           LinearKernel& kernel) {
    const kernels::MatMul input(out, in);
    const kernels::MatMulWeightGrad weights(rows, out, in);
    kernel.packed_gradient_bytes = input.packed_bytes();
    kernel.scratch_bytes = weights.ScratchBytes(threads);
    kernel.pack_gradient = [=](const float* w, float* packed, ThreadPool* pool) {
      input.Pack(w, packed, pool);
    };
    kernel.input_gradient = [=](const float* dz, const float* packed, bool accumulate, float* dx,
                                void*, ThreadPool* pool) {
      input.Run(rows, dz, out, packed, dx, in, accumulate, pool);
    };
    kernel.weight_gradient = [=](const float* x, const float* dz, float* dw, void* scratch,
                                 ThreadPool* pool) {
      weights.Run(dz, out, x, in, dw, scratch, pool);
    };
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples = {
        {Dense{.out_features = 10}, {{1, 64}}},
        {Dense{.out_features = 10, .bias = false}, {{5, 33}}},
        {Dense{.out_features = 1}, {{1, 1}}},
        {Dense{.out_features = 1}, {{9, 7}}},
        {Dense{.out_features = 129}, {{2, 65}}},
        {Dense{.out_features = 100}, {{32, 128}}},
        {Dense{.out_features = 21, .bias = false, .act = {Activation::kHardSwish}}, {{17, 40}}},
    };
    for (int i = 0; i < kActivations; ++i) {
      samples.push_back(
          {Dense{.out_features = 13, .act = {static_cast<Activation>(i), 0.2f}}, {{3, 17}}});
    }
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<Dense>() {
  static const OpDef def = MakeOpDef<DenseOp>();
  return def;
}

}  // namespace linnet
