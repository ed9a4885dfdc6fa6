// Global pooling: the average or the maximum of each channel of a map. [N,H,W,C] -> [N,1,1,C].
#include <memory>

#include "kernels/bf16_elementwise.h"
#include "kernels/int8_pool.h"
#include "kernels/pool.h"
#include "ops/bf16.h"
#include "ops/int8.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct GlobalPoolOp {
  using Fields = GlobalPool;

  static Shape Infer(const GlobalPool&, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    return {in[0].n(), 1, 1, in[0].c()};
  }

  template <class T>
  static RefTensor<T> Reference(const GlobalPool& op, const RefArgs<T>& args) {
    const RefTensor<T>& x = args.in[0];
    const int64_t channels = x.shape.c(), pixels = x.shape.h() * x.shape.w();
    RefTensor<T> y(args.out_shape);
    for (int64_t n = 0; n < x.shape.n(); ++n) {
      for (int64_t c = 0; c < channels; ++c) {
        T sum(0.0), max = x.at(n, 0, 0, c);
        for (int64_t i = 0; i < pixels; ++i) {
          const T value = x.data[(n * pixels + i) * channels + c];
          sum += value;
          if (Real(value) > Real(max)) max = value;
        }
        y.at(n, 0, 0, c) = op.kind == PoolKind::kMax ? max : sum / T(pixels);
      }
    }
    return y;
  }

  static std::string RefusesTypes(const GlobalPool& op, const PrepareArgs& args) {
    return op.kind == PoolKind::kMax ? RefusesOtherThanMoves(args)
                                     : RefusesAverage(args, args.in[0].h() * args.in[0].w());
  }

  static std::string RefusesBf16(const GlobalPool& op, const PrepareArgs& args) {
    return op.kind == PoolKind::kMax ? "on bfloat16 it takes the average only"
                                     : RefusesOtherThanBf16(args);
  }

  static Prepared PrepareBf16(const GlobalPool&, const PrepareArgs& args) {
    const Shape in = args.in[0];
    Prepared prepared;
    prepared.kernel = KernelName("global_average_bf16");
    prepared.strided_in = true;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::GlobalAverageBf16(in.n(), in.h() * in.w(), in.c(), a.in[0].data<bfloat16_t>(),
                                 InStride(a, 0), Tensor(a.out).data<bfloat16_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared PrepareInt8(const GlobalPool& op, const PrepareArgs& args) {
    const Shape& in = args.in[0];
    const Quantization from = args.in_type(0).quantization, to = args.out_type.quantization;
    Prepared prepared;
    if (op.kind == PoolKind::kMax) {  // one window
      const kernels::PoolShape shape = {.n = in.n(),
                                        .h = in.h(),
                                        .w = in.w(),
                                        .c = in.c(),
                                        .out_h = 1,
                                        .out_w = 1,
                                        .kernel_h = static_cast<int>(in.h()),
                                        .kernel_w = static_cast<int>(in.w()),
                                        .stride_h = 1,
                                        .stride_w = 1};
      prepared.kernel = KernelName("max_pool_int8");
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::MaxPoolInt8(shape, from, a.in[0].data<uint8_t>(), Tensor(a.out).data<uint8_t>(),
                             a.pool);
      };
      return prepared;
    }
    const auto average = std::make_shared<const kernels::GlobalAverageInt8>(
        kernels::GlobalPoolShape{.n = in.n(), .pixels = in.h() * in.w(), .c = in.c()}, from, to);
    prepared.kernel = KernelName("global_average_int8");
    prepared.forward = [=](const ForwardArgs& a) {
      average->Run(a.in[0].data<uint8_t>(), Tensor(a.out).data<uint8_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared Prepare(const GlobalPool& op, const PrepareArgs& args) {
    if (AnyU8(args)) return PrepareInt8(op, args);
    const Shape& in = args.in[0];
    const kernels::GlobalPoolShape shape = {.n = in.n(), .pixels = in.h() * in.w(), .c = in.c()};
    const bool max = op.kind == PoolKind::kMax;
    Prepared prepared;
    prepared.kernel = KernelName(max ? "global_max" : "global_average");
    if (max) {
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::GlobalMaxForward(shape, a.in[0].data(), MutableData(a.out), a.pool);
      };
    } else {
      prepared.scratch_bytes =
          static_cast<size_t>(kernels::GlobalAverageScratch(shape)) * sizeof(float);
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::GlobalAverageForward(shape, a.in[0].data(), MutableData(a.out),
                                      reinterpret_cast<float*>(a.scratch), a.pool);
      };
    }
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      const float* dy = a.dout.data();
      float* dx = a.din[0].data();
      if (max) {
        kernels::GlobalMaxBackward(shape, a.in[0].data(), dy, a.accumulate[0], dx, a.pool);
      } else {
        kernels::GlobalAverageBackward(shape, dy, a.accumulate[0], dx, a.pool);
      }
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples;
    for (const PoolKind kind : {PoolKind::kAverage, PoolKind::kMax}) {
      samples.push_back({GlobalPool{kind}, {{2, 7, 7, 32}}});
      samples.push_back({GlobalPool{kind}, {{1, 3, 5, 131}}});
      samples.push_back({GlobalPool{kind}, {{3, 1, 1, 9}}});
      samples.push_back({GlobalPool{kind}, {{1, 20, 19, 1}}});
    }
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<GlobalPool>() {
  static const OpDef def = MakeOpDef<GlobalPoolOp>();
  return def;
}

}  // namespace linnet
