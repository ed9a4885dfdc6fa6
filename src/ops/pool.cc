// Pooling: the maximum or the average of each window. What lies outside of the map is left out; an
// average with count_include_pad divides by the window clipped to the padded map (PyTorch, Caffe).
#include "ops/pool.h"

#include <algorithm>
#include <memory>

#include "kernels/bf16_elementwise.h"
#include "kernels/int8_pool.h"
#include "ops/bf16.h"
#include "ops/int8.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {

Window PoolWindow(const Pool& op, const Shape& in) {
  return FitWindow(
      {.kernel = op.kernel, .stride = op.stride, .padding = op.padding, .ceil = op.ceil}, in);
}

kernels::PoolShape PoolKernelShape(const Pool& op, const Shape& in) {
  const Window window = PoolWindow(op, in);
  return {.n = in.n(),
          .h = in.h(),
          .w = in.w(),
          .c = in.c(),
          .out_h = window.out_h,
          .out_w = window.out_w,
          .kernel_h = op.kernel[0],
          .kernel_w = op.kernel[1],
          .stride_h = op.stride[0],
          .stride_w = op.stride[1],
          .pad_top = window.top,
          .pad_left = window.left,
          .pad_bottom = window.bottom,
          .pad_right = window.right,
          .count_include_pad = op.count_include_pad};
}

namespace {

struct PoolOp {
  using Fields = Pool;

  static Shape Infer(const Pool& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    const Window window = PoolWindow(op, in[0]);
    // Else a window would lie in the padding alone, and its maximum would be that of nothing.
    if (window.top >= op.kernel[0] || window.bottom >= op.kernel[0] ||
        window.left >= op.kernel[1] || window.right >= op.kernel[1]) {
      Fail(ErrorKind::kUsage, "padding={}: must be smaller than the kernel {},{}",
           FieldToText(op.padding), op.kernel[0], op.kernel[1]);
    }
    return {in[0].n(), window.out_h, window.out_w, in[0].c()};
  }

  template <class T>
  static RefTensor<T> Reference(const Pool& op, const RefArgs<T>& args) {
    const RefTensor<T>& x = args.in[0];
    const Window window = PoolWindow(op, x.shape);
    RefTensor<T> y(args.out_shape);
    for (int64_t n = 0; n < y.shape.n(); ++n) {
      for (int64_t oy = 0; oy < y.shape.h(); ++oy) {
        for (int64_t ox = 0; ox < y.shape.w(); ++ox) {
          for (int64_t c = 0; c < y.shape.c(); ++c) {
            y.at(n, oy, ox, c) = Pixel(op, window, x, n, oy, ox, c);
          }
        }
      }
    }
    return y;
  }

  template <class T>
  static T Pixel(const Pool& op, const Window& window, const RefTensor<T>& x, int64_t n, int64_t oy,
                 int64_t ox, int64_t c) {
    const int64_t top = oy * op.stride[0] - window.top, left = ox * op.stride[1] - window.left;
    const int64_t bottom = std::min(top + op.kernel[0], x.shape.h() + window.bottom);
    const int64_t right = std::min(left + op.kernel[1], x.shape.w() + window.right);
    T sum(0.0), max(0.0);
    int64_t inside = 0;
    for (int64_t h = std::max<int64_t>(top, 0); h < std::min(bottom, x.shape.h()); ++h) {
      for (int64_t w = std::max<int64_t>(left, 0); w < std::min(right, x.shape.w()); ++w) {
        const T value = x.at(n, h, w, c);
        sum += value;
        if (inside == 0 || Real(value) > Real(max)) max = value;
        ++inside;
      }
    }
    if (op.kind == PoolKind::kMax) return max;
    return sum / T(op.count_include_pad ? (bottom - top) * (right - left) : inside);
  }

  static std::string RefusesTypes(const Pool& op, const PrepareArgs& args) {
    const int64_t window = int64_t{op.kernel[0]} * op.kernel[1];
    return op.kind == PoolKind::kMax
               ? RefusesOtherThanMoves(args)
               : RefusesAverage(args, std::min(window, args.in[0].h() * args.in[0].w()));
  }

  static std::string RefusesBf16(const Pool& op, const PrepareArgs& args) {
    const kernels::PoolShape shape = PoolKernelShape(op, args.in[0]);
    if (int64_t{shape.kernel_h} * shape.kernel_w > kernels::kMaxBf16Window) {
      return fmt::format("a window of {}x{} pixels, at most {}", shape.kernel_h, shape.kernel_w,
                         kernels::kMaxBf16Window);
    }
    return RefusesOtherThanBf16(args);
  }

  static Prepared PrepareBf16(const Pool& op, const PrepareArgs& args) {
    const kernels::PoolShape shape = PoolKernelShape(op, args.in[0]);
    const bool max = op.kind == PoolKind::kMax;
    Prepared prepared;
    prepared.kernel = KernelName(max ? "max_pool_bf16" : "average_pool_bf16");
    prepared.strided_in = prepared.strided_out = true;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::PoolShape strided = shape;
      strided.src_stride = InStride(a, 0);
      strided.dst_stride = OutStride(a);
      (max ? kernels::MaxPoolBf16 : kernels::AveragePoolBf16)(
          strided, a.in[0].data<bfloat16_t>(), Tensor(a.out).data<bfloat16_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared PrepareInt8(const Pool& op, const PrepareArgs& args) {
    const kernels::PoolShape shape = PoolKernelShape(op, args.in[0]);
    const Quantization from = args.in_type(0).quantization, to = args.out_type.quantization;
    Prepared prepared;
    if (op.kind == PoolKind::kMax) {
      prepared.kernel = KernelName("max_pool_int8");
      prepared.forward = [=](const ForwardArgs& a) {
        kernels::MaxPoolInt8(shape, from, a.in[0].data<uint8_t>(), Tensor(a.out).data<uint8_t>(),
                             a.pool);
      };
      return prepared;
    }
    const auto average = std::make_shared<const kernels::AveragePoolInt8>(shape, from, to);
    prepared.kernel = KernelName("average_pool_int8");
    prepared.forward = [=](const ForwardArgs& a) {
      average->Run(a.in[0].data<uint8_t>(), Tensor(a.out).data<uint8_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared Prepare(const Pool& op, const PrepareArgs& args) {
    if (AnyU8(args)) return PrepareInt8(op, args);
    const kernels::PoolShape shape = PoolKernelShape(op, args.in[0]);
    const bool max = op.kind == PoolKind::kMax;
    Prepared prepared;
    prepared.kernel = KernelName(max ? "max_pool" : "average_pool");
    prepared.strided_in = prepared.strided_out = !args.training;
    prepared.forward = [=](const ForwardArgs& a) {
      const auto forward = max ? kernels::MaxPoolForward : kernels::AveragePoolForward;
      kernels::PoolShape strided = shape;
      strided.src_stride = InStride(a, 0);
      strided.dst_stride = OutStride(a);
      forward(strided, a.in[0].data(), MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      const float* dy = a.dout.data();
      float* dx = a.din[0].data();
      if (max) {
        kernels::MaxPoolBackward(shape, a.in[0].data(), dy, a.accumulate[0], dx, a.pool);
      } else {
        kernels::AveragePoolBackward(shape, dy, a.accumulate[0], dx, a.pool);
      }
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples;
    const Padding p1 = Padding::All(1), same = Padding::Same();
    const Pool windows[] = {
        {},
        {.kernel = {3, 3}, .stride = {2, 2}},
        {.kernel = {3, 3}, .stride = {2, 2}, .padding = p1},
        {.kernel = {3, 3}, .stride = {2, 2}, .ceil = true},
        {.kernel = {3, 3}, .stride = {2, 2}, .padding = p1, .ceil = true},
        {.kernel = {2, 2}, .stride = {2, 2}, .padding = p1, .ceil = true},
        {.kernel = {3, 3}, .stride = {1, 1}, .padding = p1},
        {.kernel = {3, 3}, .stride = {2, 2}, .padding = same},
        {.kernel = {2, 2}, .stride = {1, 1}, .padding = same},
        {.kernel = {2, 3}, .stride = {3, 1}, .padding = {false, 1, 2, 0, 1}},
        {.kernel = {1, 1}, .stride = {2, 2}},
        {.kernel = {5, 4}, .stride = {1, 1}},
    };
    for (Pool op : windows) {
      for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
        op.kind = kind;
        samples.push_back({op, {{2, 7, 8, 5}}});
        samples.push_back({op, {{1, 6, 5, 33}}});
      }
      op.count_include_pad = true;
      samples.push_back({op, {{1, 6, 7, 18}}});
    }
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<Pool>() {
  static const OpDef def = MakeOpDef<PoolOp>();
  return def;
}

}  // namespace linnet
