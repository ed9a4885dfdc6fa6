// Transposed convolution: the gradient of a convolution with respect to its input, as a layer. (So
// fully convolutional networks upsample, 1411.4038 sec. 3.3; ZFNet's deconvolution, 1311.2901, is
// the same sum.) Each input pixel adds its filter to the result:
//
//   y[n, h*stride_h - top + ky*dilation_h, w*stride_w - left + kx*dilation_w, o] +=
//       x[n, h, w, i] * weight[i, ky, kx, o],     o within the group of i;   y starts as bias[o]
//
// What falls outside of the result is dropped. The kernels are those of the convolution that goes
// from y to x: its gradient of the input is this forward pass, its forward pass the gradient here.
#include <algorithm>
#include <memory>

#include "kernels/conv.h"
#include "kernels/elementwise.h"
#include "ops/linear.h"
#include "ops/op_def.h"
#include "ops/window.h"

namespace linnet {
namespace {

void CheckAtLeast(const Pair& pair, int least, const char* name) {
  if (pair[0] < least || pair[1] < least) {
    Fail(ErrorKind::kUsage, "{}={},{}: both must be at least {}", name, pair[0], pair[1], least);
  }
}

struct ConvTranspose2dOp {
  using Fields = ConvTranspose2d;

  static void CheckFields(const ConvTranspose2d& op, int64_t channels) {
    if (op.out_channels < 1 || op.groups < 1 || channels % op.groups != 0 ||
        op.out_channels % op.groups != 0) {
      Fail(ErrorKind::kUsage,
           "out_channels={}, groups={}: groups must divide the {} input channels and the output's",
           op.out_channels, op.groups, channels);
    }
    CheckAtLeast(op.kernel, 1, "kernel");
    CheckAtLeast(op.stride, 1, "stride");
    CheckAtLeast(op.dilation, 1, "dilation");
    CheckTaps(op.kernel);
    constexpr int64_t kMostExtent = 8192;  // as of convolutions (window.cc)
    const int64_t extent = std::max((op.kernel[0] - int64_t{1}) * op.dilation[0],
                                    (op.kernel[1] - int64_t{1}) * op.dilation[1]) +
                           1;
    if (extent > kMostExtent) {
      Fail(ErrorKind::kUsage, "a window of extent {} is too large", extent);
    }
    // Each place within the stride has a table of its own. FCN-32s has 32.
    constexpr int kMostStride = 128;
    if (std::max(op.stride[0], op.stride[1]) > kMostStride) {
      Fail(ErrorKind::kUsage, "stride={},{}: at most {}", op.stride[0], op.stride[1], kMostStride);
    }
    const Padding& p = op.padding;
    if (p.same) Fail(ErrorKind::kUsage, "padding=same: give the numbers of the four sides");
    if (std::min({p.top, p.left, p.bottom, p.right}) < 0) {
      Fail(ErrorKind::kUsage, "padding={}: must not be negative", FieldToText(p));
    }
    for (int d = 0; d < 2; ++d) {
      if (op.output_padding[d] < 0 || op.output_padding[d] >= op.stride[d]) {
        Fail(ErrorKind::kUsage,
             "output_padding={},{}: from 0 to one less than the stride {},{} (a larger one adds "
             "rows that no input reaches: use pad)",
             op.output_padding[0], op.output_padding[1], op.stride[0], op.stride[1]);
      }
    }
  }

  // Rows (d = 0) or columns of the result.
  static int64_t OutSize(const ConvTranspose2d& op, int d, int64_t in, int before, int after) {
    const int64_t all = (in - 1) * op.stride[d] + op.dilation[d] * (op.kernel[d] - int64_t{1}) + 1 +
                        op.output_padding[d];
    const int64_t out = all - before - after;
    if (out < 1) {
      Fail(ErrorKind::kUsage, "padding={}: takes all of the {} {}", FieldToText(op.padding), all,
           d == 0 ? "rows" : "columns");
    }
    return out;
  }

  static Shape Infer(const ConvTranspose2d& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    CheckFields(op, in[0].c());
    const Padding& p = op.padding;
    return {in[0].n(), OutSize(op, 0, in[0].h(), p.top, p.bottom),
            OutSize(op, 1, in[0].w(), p.left, p.right), op.out_channels};
  }

  static std::vector<ParamSpec> Params(const ConvTranspose2d& op, Shapes in) {
    std::vector<ParamSpec> specs = {
        {.name = "weight",
         .shape = {in[0].c(), op.kernel[0], op.kernel[1], op.out_channels / op.groups},
         .init = Init::kKaimingNormal,
         // Inputs that reach one output.
         .fan = std::max(1.0, 1.0 * op.kernel[0] * op.kernel[1] / op.stride[0] / op.stride[1]) *
                static_cast<double>(in[0].c() / op.groups),
         .decay = true}};
    if (op.bias) specs.push_back({.name = "bias", .shape = {op.out_channels}});
    return specs;
  }

  // Every product of an input with a weight, also those that fall on the border.
  static int64_t Macs(const ConvTranspose2d& op, Shapes in, const Shape&) {
    return in[0].elements() * op.kernel[0] * op.kernel[1] * (op.out_channels / op.groups);
  }

  template <class T>
  static RefTensor<T> Reference(const ConvTranspose2d& op, const RefArgs<T>& args) {
    const RefTensor<T>&x = args.in[0], &weight = args.params[0];
    const int64_t group_in = x.shape.c() / op.groups, group_out = op.out_channels / op.groups;
    RefTensor<T> y(args.out_shape);
    for (size_t i = 0; i < y.data.size(); ++i) {
      y.data[i] = op.bias ? args.params[1].data[i % args.params[1].data.size()] : T(0.0);
    }
    const auto add_filter = [&](int64_t n, int64_t h, int64_t w, int64_t i) {
      for (int ky = 0; ky < op.kernel[0]; ++ky) {
        for (int kx = 0; kx < op.kernel[1]; ++kx) {
          const int64_t oy = h * op.stride[0] - op.padding.top + ky * op.dilation[0];
          const int64_t ox = w * op.stride[1] - op.padding.left + kx * op.dilation[1];
          const bool inside = oy >= 0 && oy < y.shape.h() && ox >= 0 && ox < y.shape.w();
          for (int64_t o = 0; o < group_out; ++o) {
            const T product = x.at(n, h, w, i) * weight.at(i, ky, kx, o);
            if (inside) y.at(n, oy, ox, i / group_in * group_out + o) += product;
          }
        }
      }
    };
    for (int64_t n = 0; n < x.shape.n(); ++n) {
      for (int64_t h = 0; h < x.shape.h(); ++h) {
        for (int64_t w = 0; w < x.shape.w(); ++w) {
          for (int64_t i = 0; i < x.shape.c(); ++i) add_filter(n, h, w, i);
        }
      }
    }
    return y;
  }

  // The convolution from y to x.
  static kernels::ConvShape Convolution(const ConvTranspose2d& op, const PrepareArgs& args) {
    const Shape &x = args.in[0], &y = args.out;
    const Padding& p = op.padding;
    kernels::ConvShape shape;
    shape.n = y.n(), shape.h = y.h(), shape.w = y.w(), shape.c = y.c();
    shape.k = x.c(), shape.oh = x.h(), shape.ow = x.w();
    shape.kh = op.kernel[0], shape.kw = op.kernel[1];
    shape.stride_h = op.stride[0], shape.stride_w = op.stride[1];
    shape.dilation_h = op.dilation[0], shape.dilation_w = op.dilation[1];
    shape.pad_top = p.top, shape.pad_left = p.left;
    shape.pad_bottom = p.bottom, shape.pad_right = p.right;
    shape.groups = op.groups;
    return shape;
  }

  static Prepared Prepare(const ConvTranspose2d& op, const PrepareArgs& args) {
    const kernels::ConvShape shape = Convolution(op, args);
    const auto conv = std::make_shared<const kernels::Conv2dInputGrad>(shape);
    const int64_t rows = Rows(args.out), channels = Channels(args.out);
    LinearKernel kernel;
    kernel.name = "transposed " + conv->name();
    kernel.packed_bytes = conv->packed_bytes();
    kernel.scratch_bytes = conv->ScratchBytes(args.threads);
    kernel.pack = [=](const float* w, float* packed, ThreadPool* pool) {
      conv->Pack(w, packed, pool);
    };
    kernel.forward = [=](const float* x, const float* packed, const kernels::Epilogue& epilogue,
                         float* y, void* scratch, ThreadPool* pool) {
      conv->Run(x, packed, y, false, scratch, pool);
      if (epilogue.bias == nullptr) return;
      kernels::BiasActivation(rows, channels, y, epilogue.bias, Activation::kIdentity, 0, y, pool);
    };
    if (args.training) AddGradients(shape, args.threads, kernel);
    return PrepareLinear(std::move(kernel), {.bias = op.bias}, args);
  }

  static void AddGradients(const kernels::ConvShape& shape, int threads, LinearKernel& kernel) {
    const auto input = std::make_shared<const kernels::Conv2dForward>(shape);
    const auto weights = std::make_shared<const kernels::Conv2dWeightGrad>(shape);
    // A convolution overwrites; where its result is to be added it is made in scratch first.
    const int64_t fresh_floats = (shape.dst_elements() + 15) / 16 * 16;
    kernel.packed_gradient_bytes = input->packed_bytes();
    kernel.scratch_bytes = std::max(
        {kernel.scratch_bytes, weights->ScratchBytes(threads),
         static_cast<size_t>(fresh_floats) * sizeof(float) + input->ScratchBytes(threads)});
    kernel.pack_gradient = [=](const float* w, float* packed, ThreadPool* pool) {
      input->Pack(w, packed, pool);
    };
    kernel.input_gradient = [=](const float* dz, const float* packed, bool accumulate, float* dx,
                                void* scratch, ThreadPool* pool) {
      auto* fresh = static_cast<float*>(scratch);
      float* to = accumulate ? fresh : dx;
      input->Run(dz, packed, to, {}, fresh + fresh_floats, pool);
      if (accumulate) kernels::Accumulate(shape.dst_elements(), fresh, dx, pool);
    };
    kernel.weight_gradient = [=](const float* x, const float* dz, float* dw, void* scratch,
                                 ThreadPool* pool) { weights->Run(dz, x, dw, scratch, pool); };
  }

  static std::vector<Sample> Samples();
};

std::vector<Sample> ConvTranspose2dOp::Samples() {
  const auto op = [](int out, int kernel, int stride, int padding = 0, int output_padding = 0,
                     int groups = 1, int dilation = 1) {
    return ConvTranspose2d{.out_channels = out,
                           .kernel = {kernel, kernel},
                           .stride = {stride, stride},
                           .padding = Padding::All(padding),
                           .output_padding = {output_padding, output_padding},
                           .dilation = {dilation, dilation},
                           .groups = groups};
  };
  const ConvTranspose2d uneven = {.out_channels = 3,
                                  .kernel = {2, 5},
                                  .stride = {3, 1},
                                  .padding = {false, 1, 0, 0, 2},
                                  .output_padding = {2, 0},
                                  .dilation = {1, 2},
                                  .bias = true};
  ConvTranspose2d biased = op(21, 4, 2, 1);
  biased.bias = true;
  return {
      {op(1, 1, 1), {{1, 1, 1, 1}}},
      {op(9, 1, 1), {{2, 3, 4, 7}}},
      {op(5, 1, 2), {{1, 3, 4, 6}}},  // pixels that no input reaches
      {op(16, 2, 2), {{2, 5, 4, 8}}},
      {op(7, 3, 1, 1), {{1, 5, 6, 4}}},
      {op(7, 3, 2, 1, 1), {{1, 5, 6, 4}}},
      {op(6, 3, 1, 2), {{1, 4, 5, 3}}},
      {op(33, 3, 2), {{1, 4, 3, 37}}},
      {op(4, 4, 2, 1, 0, 4), {{1, 5, 5, 4}}},  // FCN's bilinear upsampling
      {op(10, 3, 2, 1, 1, 2), {{2, 4, 3, 6}}},
      {op(5, 3, 2, 2, 0, 1, 2), {{1, 4, 5, 3}}},
      {op(3, 2, 3, 0, 2), {{1, 3, 3, 5}}},
      {op(1, 3, 1), {{1, 1, 1, 2}}},
      {biased, {{1, 6, 7, 21}}},
      {uneven, {{2, 3, 5, 2}}},
  };
}

}  // namespace

template <>
const OpDef& DefOf<ConvTranspose2d>() {
  static const OpDef def = MakeOpDef<ConvTranspose2dOp>();
  return def;
}

}  // namespace linnet
