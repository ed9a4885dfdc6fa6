// Convolution: dense, grouped, depthwise, pointwise, dilated.
//
//   z[n,oy,ox,o] = bias[o] + sum over (ky, kx, i) of
//       x[n, oy*stride_h - top + ky*dilation_h, ox*stride_w - left + kx*dilation_w, g*cin/groups +
//       i]
//       * weight[o, ky, kx, i],         g = o / (out_channels / groups): the group of output o
//   y = act(z + residual)
#include "ops/conv2d_bf16.h"
#include "ops/conv2d_int8.h"
#include "ops/conv2d_kernels.h"
#include "ops/op_def.h"
#include "ops/window.h"

namespace linnet {
namespace {

Window ConvWindow(const Conv2d& op, const Shape& in) {
  return FitWindow({op.kernel, op.stride, op.dilation, op.padding}, in);
}

struct Conv2dOp {
  using Fields = Conv2d;

  static Shape Infer(const Conv2d& op, Shapes in) {
    ExpectInputs(in, op.residual ? 2 : 1, 4, "a map [N,H,W,C]");
    const int64_t channels = in[0].c();
    if (op.out_channels < 1) {
      Fail(ErrorKind::kUsage, "out_channels={}: must be at least 1", op.out_channels);
    }
    if (op.groups < 1 || channels % op.groups != 0 || op.out_channels % op.groups != 0) {
      Fail(ErrorKind::kUsage,
           "groups={}: must divide the {} input channels and the {} output channels", op.groups,
           channels, op.out_channels);
    }
    const Window window = ConvWindow(op, in[0]);
    CheckTaps(op.kernel);
    const Shape out = {in[0].n(), window.out_h, window.out_w, op.out_channels};
    if (op.residual && !(in[1] == out)) {
      Fail(ErrorKind::kUsage, "the residual has shape {}, the result {}: they must be equal",
           in[1].ToString(), out.ToString());
    }
    return out;
  }

  static std::vector<ParamSpec> Params(const Conv2d& op, Shapes in) {
    // Depthwise filters have so few weights that decay harms them (MobileNets, 1704.04861
    // sec. 3.2).
    const bool depthwise = op.groups > 1 && in[0].c() == op.groups;
    const int64_t in_channels = in[0].c() / op.groups;
    std::vector<ParamSpec> specs = {
        {.name = "weight",
         .shape = {op.out_channels, op.kernel[0], op.kernel[1], in_channels},
         .init = Init::kKaimingNormal,
         .fan = KaimingFan(op.kernel, in_channels, op.out_channels, op.bias),
         .decay = !depthwise}};
    if (op.bias) specs.push_back({.name = "bias", .shape = {op.out_channels}});
    return specs;
  }

  // The taps in the padding count, too: the convention of the papers.
  static int64_t Macs(const Conv2d& op, Shapes in, const Shape& out) {
    return out.elements() * op.kernel[0] * op.kernel[1] * (in[0].c() / op.groups);
  }

  template <class T>
  static RefTensor<T> Reference(const Conv2d& op, const RefArgs<T>& args) {
    const RefTensor<T>& x = args.in[0];
    const RefTensor<T>& weight = args.params[0];
    const Window window = ConvWindow(op, x.shape);
    const int64_t group_in = x.shape.c() / op.groups;
    const int64_t group_out = op.out_channels / op.groups;
    const auto input = [&](int64_t n, int64_t h, int64_t w, int64_t c) {
      const bool inside = h >= 0 && h < x.shape.h() && w >= 0 && w < x.shape.w();
      return inside ? x.at(n, h, w, c) : T(0.0);
    };
    const auto pixel = [&](int64_t n, int64_t oy, int64_t ox, int64_t o) {
      T sum = op.bias ? args.params[1].data[o] : T(0.0);
      for (int ky = 0; ky < op.kernel[0]; ++ky) {
        for (int kx = 0; kx < op.kernel[1]; ++kx) {
          const int64_t h = oy * op.stride[0] - window.top + ky * op.dilation[0];
          const int64_t w = ox * op.stride[1] - window.left + kx * op.dilation[1];
          for (int64_t i = 0; i < group_in; ++i) {
            sum += input(n, h, w, o / group_out * group_in + i) * weight.at(o, ky, kx, i);
          }
        }
      }
      if (op.residual) sum += args.in[1].at(n, oy, ox, o);
      return Activate(op.act.kind, op.act.alpha, sum);
    };
    RefTensor<T> y(args.out_shape);
    for (int64_t n = 0; n < y.shape.n(); ++n) {
      for (int64_t oy = 0; oy < y.shape.h(); ++oy) {
        for (int64_t ox = 0; ox < y.shape.w(); ++ox) {
          for (int64_t o = 0; o < y.shape.c(); ++o) y.at(n, oy, ox, o) = pixel(n, oy, ox, o);
        }
      }
    }
    return y;
  }

  static Prepared Prepare(const Conv2d& op, const PrepareArgs& args) {
    return PrepareFirst(
        AnyU8(args) ? Conv2dInt8Implementations() : Conv2dImplementations(args.split_products), op,
        args);
  }

  static std::string RefusesTypes(const Conv2d& op, const PrepareArgs& args) {
    return Conv2dRefusesTypes(op, args);
  }

  static Prepared PrepareBf16(const Conv2d& op, const PrepareArgs& args) {
    return PrepareFirst(Conv2dBf16Implementations(), op, args);
  }

  static std::string RefusesBf16(const Conv2d& op, const PrepareArgs& args) {
    return Conv2dRefusesBf16(op, args);
  }

  static std::vector<Sample> Samples();
};

// A convolution with square kernel, stride and dilation.
Conv2d Conv(int out, int kernel, int stride = 1, Padding padding = {}, int groups = 1,
            int dilation = 1) {
  return {.out_channels = out,
          .kernel = {kernel, kernel},
          .stride = {stride, stride},
          .padding = padding,
          .dilation = {dilation, dilation},
          .groups = groups};
}

Conv2d WithBias(Conv2d op) {
  op.bias = true;
  return op;
}
Conv2d WithAct(Conv2d op, Activation act, float alpha = 0.01f) {
  op.act = {act, alpha};
  return op;
}
Conv2d WithResidual(Conv2d op) {
  op.residual = true;
  return op;
}

std::vector<Sample> Conv2dOp::Samples() {
  const Padding p0, p1 = Padding::All(1), p2 = Padding::All(2), same = Padding::Same();
  const Padding keras = {false, 0, 0, 1,
                         1};  // ZeroPadding2D(((0, 1), (0, 1))) of Keras' MobileNets
  const Padding uneven = {false, 2, 0, 1, 3};
  std::vector<Sample> samples = {
      // Pointwise.
      {Conv(16, 1), {{2, 5, 7, 8}}},
      {Conv(1, 1), {{1, 1, 1, 1}}},
      {Conv(67, 1), {{1, 9, 5, 37}}},
      {WithBias(Conv(24, 1)), {{2, 6, 6, 20}}},
      {Conv(5, 1, 2), {{1, 7, 8, 12}}},
      {Conv(9, 1, 1, p1), {{1, 4, 4, 6}}},
      {Conv(12, 1, 1, p0, 3), {{1, 5, 4, 9}}},
      // Dense.
      {Conv(8, 3, 1, p1), {{2, 7, 6, 3}}},
      {Conv(32, 3, 2, p1), {{1, 13, 12, 3}}},
      {Conv(13, 3, 1, p0), {{1, 5, 5, 17}}},
      {Conv(20, 5, 1, p2), {{1, 7, 9, 1}}},
      {WithBias(Conv(6, 5, 1, p0)), {{1, 9, 8, 4}}},
      {Conv(10, 7, 2, Padding::All(3)), {{1, 15, 14, 3}}},
      {Conv(7, 3, 1, p2, 1, 2), {{1, 9, 8, 5}}},
      {Conv(4, 3, 3, p0, 1, 3), {{1, 12, 11, 2}}},
      {Conv(33, 2, 2, p0), {{2, 6, 6, 16}}},
      {Conv(6, 3, 1, p1), {{1, 1, 1, 4}}},
      {Conv(10, 4, 1, p0), {{3, 4, 4, 8}}},     // the window covers the map: a dense layer
      {Conv(16, 3, 2, p1), {{1, 9, 30, 3}}},    // a first layer
      {Conv(20, 3, 1, p1), {{1, 13, 21, 17}}},  // enough tiles for Winograd's
      // Padding: SAME on even and odd maps, Keras' one-sided, uneven.
      {Conv(8, 3, 2, same), {{1, 8, 10, 4}}},
      {Conv(8, 3, 2, same), {{1, 7, 9, 4}}},
      {Conv(8, 2, 1, same), {{1, 5, 6, 4}}},
      {Conv(8, 3, 1, same, 1, 2), {{1, 5, 6, 4}}},
      {Conv(8, 1, 3, same), {{1, 8, 7, 4}}},
      {Conv(8, 3, 2, keras), {{1, 8, 7, 3}}},
      {Conv(5, 3, 2, uneven), {{1, 6, 7, 3}}},
      // Not square.
      {Conv2d{.out_channels = 9, .kernel = {1, 7}, .padding = {false, 0, 3, 0, 3}}, {{1, 5, 9, 6}}},
      {Conv2d{.out_channels = 9, .kernel = {7, 1}, .padding = {false, 3, 0, 3, 0}}, {{1, 9, 5, 6}}},
      {Conv2d{
           .out_channels = 3, .kernel = {3, 2}, .stride = {1, 2}, .dilation = {2, 1}, .bias = true},
       {{1, 9, 8, 7}}},
      // Grouped.
      {Conv(12, 3, 1, p1, 3), {{1, 6, 5, 6}}},
      {WithBias(Conv(8, 3, 2, p1, 2)), {{2, 7, 7, 10}}},
      {Conv(64, 3, 1, p1, 2), {{1, 5, 5, 32}}},
      {Conv(12, 3, 1, p2, 3, 2), {{1, 8, 7, 6}}},
      // Depthwise.
      {Conv(16, 3, 1, p1, 16), {{2, 7, 9, 16}}},
      {Conv(16, 3, 2, p1, 16), {{1, 8, 8, 16}}},
      {Conv(37, 3, 1, p1, 37), {{1, 6, 7, 37}}},
      {Conv(37, 3, 2, p1, 37), {{1, 7, 6, 37}}},
      {Conv(8, 3, 2, same, 8), {{1, 8, 6, 8}}},
      {Conv(8, 3, 2, keras, 8), {{1, 8, 7, 8}}},
      {Conv(24, 5, 1, p2, 24), {{1, 9, 8, 24}}},
      {Conv(9, 5, 2, p2, 9), {{1, 11, 10, 9}}},
      {Conv(6, 7, 1, Padding::All(3), 6), {{1, 9, 9, 6}}},
      {Conv(6, 3, 1, p2, 6, 2), {{1, 8, 7, 6}}},
      {Conv(4, 3, 1, p1, 4), {{1, 1, 1, 4}}},
      {Conv(3, 3, 1, p0, 3), {{1, 3, 4, 3}}},
      {Conv(5, 3, 1, uneven, 5), {{1, 4, 5, 5}}},
      {Conv(1, 3, 1, p1, 1), {{1, 6, 6, 1}}},
      {WithBias(Conv(20, 3, 1, p1, 20)), {{2, 5, 5, 20}}},
      {Conv(16, 7, 1, p0, 16), {{2, 7, 7, 16}}},  // the window covers the map
      // Depthwise with a multiplier.
      {Conv(16, 3, 1, p1, 8), {{1, 6, 7, 8}}},
      {WithBias(Conv(14, 3, 2, p1, 7)), {{1, 7, 8, 7}}},
      {Conv(15, 5, 1, p2, 5), {{1, 6, 5, 5}}},
      // Residual before the activation.
      {WithResidual(WithBias(Conv(12, 1))), {{1, 5, 6, 7}, {1, 5, 6, 12}}},
      {WithAct(WithResidual(Conv(12, 3, 1, p1)), Activation::kRelu), {{1, 5, 6, 4}, {1, 5, 6, 12}}},
      {WithAct(WithResidual(WithBias(Conv(8, 3, 1, p1, 8))), Activation::kRelu6),
       {{1, 5, 6, 8}, {1, 5, 6, 8}}},
      {WithAct(WithResidual(Conv(19, 1)), Activation::kSwish), {{2, 3, 4, 11}, {2, 3, 4, 19}}},
  };
  // Every activation behind each kind of kernel.
  for (int i = 0; i < kActivations; ++i) {
    const Activation act = static_cast<Activation>(i);
    samples.push_back({WithAct(WithBias(Conv(11, 1)), act, 0.2f), {{1, 4, 5, 6}}});
    samples.push_back({WithAct(WithBias(Conv(11, 3, 1, p1)), act, 0.2f), {{1, 4, 5, 6}}});
    samples.push_back({WithAct(WithBias(Conv(11, 3, 1, p1, 11)), act, 0.2f), {{1, 4, 5, 11}}});
  }
  return samples;
}

}  // namespace

template <>
const OpDef& DefOf<Conv2d>() {
  static const OpDef def = MakeOpDef<Conv2dOp>();
  return def;
}

}  // namespace linnet
