#include "ops/conv2d_kernels.h"

#include <algorithm>
#include <memory>

#include "kernels/stem.h"
#include "kernels/winograd.h"
#include "ops/conv2d_bf16.h"
#include "ops/kernel_name.h"
#include "ops/linear.h"
#include "ops/window.h"

namespace linnet {
namespace {

Window WindowOf(const Conv2d& op, const PrepareArgs& args) {
  return FitWindow({op.kernel, op.stride, op.dilation, op.padding}, args.in[0]);
}

LinearFields Fields(const Conv2d& op) { return {op.bias, op.residual, op.act}; }

// ---- each channel by itself ----

std::string DepthwiseRefuses(const Conv2d& op, const PrepareArgs& args) {
  const int64_t channels = args.in[0].c();
  if (op.groups == 1) return "one group";
  if (op.groups != channels) {
    return fmt::format("{} groups of {} channels", op.groups, channels / op.groups);
  }
  return "";
}

void AddDepthwiseGradients(const kernels::DepthwiseShape& shape, LinearKernel& kernel) {
  kernel.scratch_bytes = kernels::DepthwiseWeightGradientScratchBytes(shape);
  kernel.input_gradient = [=](const float* dz, const float* packed, bool accumulate, float* dx,
                              void*, ThreadPool* pool) {
    kernels::DepthwiseInputGradient(shape, dz, packed, accumulate, dx, pool);
  };
  kernel.weight_gradient = [=](const float* x, const float* dz, float* dw, void* scratch,
                               ThreadPool* pool) {
    kernels::DepthwiseWeightGradient(shape, x, dz, dw, nullptr, scratch, pool);
  };
}

// Rows [first, last) are the result of a smaller convolution: one whose padding at the top has been
// used up, or is negative, after 'first' rows.
void AddDepthwiseRows(const kernels::DepthwiseShape& shape, LinearKernel& kernel) {
  if (shape.n != 1) return;
  kernel.rows = {(shape.kernel_h - 1) * shape.dilation_h + 1, shape.stride_h, shape.pad_top};
  kernel.forward_rows = [=](int64_t first, int64_t last, const float* x, int64_t x_stride,
                            const float* packed, const kernels::Epilogue& epilogue, float* y,
                            int64_t y_stride, ThreadPool* pool) {
    const int64_t pixel = first * shape.out_w;
    kernels::DepthwiseShape rows = shape;
    rows.out_h = last - first;
    rows.pad_top = shape.pad_top - static_cast<int>(first) * shape.stride_h;
    rows.src_pixel = x_stride;
    rows.dst_pixel = y_stride;
    kernels::Epilogue of_rows = epilogue;
    if (of_rows.residual != nullptr) of_rows.residual += pixel * of_rows.residual_stride;
    kernels::DepthwiseForward(rows, x, packed, of_rows, y + pixel * y_stride, pool);
  };
}

Prepared PrepareDepthwise(const Conv2d& op, const PrepareArgs& args) {
  const kernels::DepthwiseShape shape = DepthwiseShapeOf(op, args);
  LinearKernel kernel;
  kernel.name = KernelName(kernels::DepthwiseKernelName(shape));
  kernel.packed_bytes = kernels::DepthwisePackedBytes(shape);
  kernel.pack = [=](const float* w, float* packed, ThreadPool*) {
    kernels::PackDepthwise(shape, w, packed);
  };
  if (shape.multiplier == 1) {
    kernel.forward_strided = [=](const float* x, int64_t x_stride, const float* packed,
                                 const kernels::Epilogue& epilogue, float* y, int64_t y_stride,
                                 void*, ThreadPool* pool) {
      kernels::DepthwiseShape strided = shape;
      strided.src_pixel = x_stride;
      strided.dst_pixel = y_stride;
      kernels::DepthwiseForward(strided, x, packed, epilogue, y, pool);
    };
    kernel.best_x_stride = kernel.best_y_stride = kernels::DepthwiseSpreadPixel(shape.c);
    AddDepthwiseRows(shape, kernel);
  } else {
    kernel.forward = [=](const float* x, const float* packed, const kernels::Epilogue& epilogue,
                         float* y, void*, ThreadPool* pool) {
      kernels::DepthwiseForward(shape, x, packed, epilogue, y, pool);
    };
  }
  if (args.training) AddDepthwiseGradients(shape, kernel);
  return PrepareLinear(std::move(kernel), Fields(op), args);
}

// ---- matrix products through row pointers ----

// conv: a Conv2dForward or WinogradForward.
template <class Conv>
LinearKernel ForwardKernel(const std::shared_ptr<const Conv>& conv, int threads) {
  LinearKernel kernel;
  kernel.name = conv->name();
  kernel.packed_bytes = conv->packed_bytes();
  kernel.scratch_bytes = conv->ScratchBytes(threads);
  kernel.pack = [=](const float* w, float* packed, ThreadPool* pool) {
    conv->Pack(w, packed, pool);
  };
  if constexpr (requires { conv->TakesStridedSource(); }) {
    kernel.strided_x = conv->TakesStridedSource();
    kernel.forward_strided = [=](const float* x, int64_t x_stride, const float* packed,
                                 const kernels::Epilogue& epilogue, float* y, int64_t y_stride,
                                 void* scratch, ThreadPool* pool) {
      conv->Run(x, x_stride, packed, y, y_stride, epilogue, scratch, pool);
    };
  } else {
    kernel.forward = [=](const float* x, const float* packed, const kernels::Epilogue& epilogue,
                         float* y, void* scratch,
                         ThreadPool* pool) { conv->Run(x, packed, y, epilogue, scratch, pool); };
  }
  return kernel;
}

void AddGradients(const kernels::ConvShape& shape, int threads, LinearKernel& kernel) {
  const auto input = std::make_shared<const kernels::Conv2dInputGrad>(shape);
  const auto weights = std::make_shared<const kernels::Conv2dWeightGrad>(shape);
  kernel.packed_gradient_bytes = input->packed_bytes();
  kernel.scratch_bytes = std::max(
      {kernel.scratch_bytes, input->ScratchBytes(threads), weights->ScratchBytes(threads)});
  kernel.pack_gradient = [=](const float* w, float* packed, ThreadPool* pool) {
    input->Pack(w, packed, pool);
  };
  kernel.input_gradient = [=](const float* dz, const float* packed, bool accumulate, float* dx,
                              void* scratch, ThreadPool* pool) {
    input->Run(dz, packed, dx, accumulate, scratch, pool);
  };
  kernel.weight_gradient = [=](const float* x, const float* dz, float* dw, void* scratch,
                               ThreadPool* pool) { weights->Run(x, dz, dw, scratch, pool); };
}

Prepared PrepareMatMul(const Conv2d& op, const PrepareArgs& args) {
  return PrepareLinear(MatMulConvolution(op, args), Fields(op), args);
}

// ---- the first layer ----

std::string StemRefuses(const Conv2d& op, const PrepareArgs& args) {
  return args.training ? "inference only" : kernels::StemRefuses(ConvShapeOf(op, args));
}

// With more channels than this the stores take the time either way, and on short rows the tiles
// compute too many pixels twice (bench/conv.cc, 'stems').
std::string StemSlower(const Conv2d& op, const PrepareArgs& args) {
  if (op.out_channels > 32) return fmt::format("{} output channels", op.out_channels);
  return args.out.w() < 40 ? fmt::format("rows of {} pixels", args.out.w()) : "";
}

Prepared PrepareStem(const Conv2d& op, const PrepareArgs& args) {
  const kernels::ConvShape shape = ConvShapeOf(op, args);
  const auto conv = std::make_shared<const kernels::StemForward>(shape);
  LinearKernel kernel = ForwardKernel(conv, args.threads);
  if (shape.n == 1) {
    kernel.rows = {static_cast<int>((shape.kh - 1) * shape.dilation_h + 1),
                   static_cast<int>(shape.stride_h), shape.pad_top};
    kernel.forward_rows = [=](int64_t first, int64_t last, const float* x, int64_t,
                              const float* packed, const kernels::Epilogue& epilogue, float* y,
                              int64_t, ThreadPool* pool) {
      conv->RunRows(first, last, x, packed, y, epilogue, pool);
    };
  }
  return PrepareLinear(std::move(kernel), Fields(op), args);
}

// ---- Winograd's, for dense 3x3 ----

std::string WinogradRefuses(const Conv2d& op, const PrepareArgs& args) {
  if (args.training) return "inference only";
  if (op.kernel != Pair{3, 3}) return fmt::format("kernel {}x{}", op.kernel[0], op.kernel[1]);
  if (op.stride != Pair{1, 1}) return fmt::format("stride {}x{}", op.stride[0], op.stride[1]);
  if (op.dilation != Pair{1, 1}) {
    return fmt::format("dilation {}x{}", op.dilation[0], op.dilation[1]);
  }
  if (op.groups != 1) return fmt::format("{} groups", op.groups);
  return "";
}

// The rules come from bench/conv.cc on the layers of ResNet-50, GoogLeNet, VGG-16, SqueezeNet and
// DenseNet-121, with weights that come from memory.
template <int kM>
std::string WinogradSlower(const Conv2d&, const PrepareArgs& args) {
  const Shape& in = args.in[0];
  const int64_t tiles = in.n() * ((args.out.h() + kM - 1) / kM) * ((args.out.w() + kM - 1) / kM);
  // The transforms cost a channel as much as a product with this many others.
  if (std::min(in.c(), args.out.c()) < (kM == 4 ? 16 : 24)) {
    return fmt::format("{} -> {} channels pay no transforms", in.c(), args.out.c());
  }
  // The weights, four times (m = 4) or nearly twice as many floats, need tiles to serve: the more
  // of them, the faster the multiplications are that they save.
  const bool wide = kernels::VectorLanes() >= 16;
  if (tiles < (kM == 4 && wide ? 24 : 12)) return fmt::format("{} tiles", tiles);
  if (kM == 2 && wide && tiles < 24 && in.c() * args.out.c() < 32768) {
    return fmt::format("{} tiles of {} -> {} channels", tiles, in.c(), args.out.c());
  }
  return "";
}

template <int kM>
Prepared PrepareWinograd(const Conv2d& op, const PrepareArgs& args) {
  const auto conv = std::make_shared<const kernels::WinogradForward>(ConvShapeOf(op, args), kM);
  return PrepareLinear(ForwardKernel(conv, args.threads), Fields(op), args);
}

// ---- split bfloat16 ----

Prepared PrepareSplit(const Conv2d& op, const PrepareArgs& args) {
  return PrepareBf16Product(ConvShapeOf(op, args), op.bias, op.residual, op.act, args);
}

// Tiles of 32 terms and 32 channels that are mostly empty, and rows that are not there, cost as
// much as full ones; and maps with many pixels and few channels are where float32 layers run in
// bands (bench/conv.cc; the layers of the README's networks by `linnet time --json`, Granite
// Rapids).
std::string SplitSlower(const Conv2d& op, const PrepareArgs& args) {
  const Shape& out = args.out;
  const int64_t in_channels = args.in[0].c() / op.groups, taps = op.kernel[0] * op.kernel[1];
  const int64_t terms = taps * in_channels;
  const int64_t channels = op.out_channels / op.groups, pixels = out.n() * out.h() * out.w();
  if (terms < 32) return fmt::format("{} terms", terms);
  if (op.groups > 1 && in_channels < 16) return fmt::format("{} channels a group", in_channels);
  if (channels < 32) return fmt::format("{} output channels", channels);
  return pixels < kLeastSplitRows ? fmt::format("{} pixels", pixels) : "";
}

std::string AcceptsAll(const Conv2d&, const PrepareArgs&) { return ""; }

constexpr Implementation<Conv2d> kImplementations[] = {
    {"depthwise", DepthwiseRefuses, PrepareDepthwise},
    {"stem", StemRefuses, PrepareStem, StemSlower},
    {"winograd4", WinogradRefuses, PrepareWinograd<4>, WinogradSlower<4>},
    {"winograd2", WinogradRefuses, PrepareWinograd<2>, WinogradSlower<2>},
    {"matmul", AcceptsAll, PrepareMatMul},
};

constexpr Implementation<Conv2d> kSplitImplementations[] = {
    {"depthwise", DepthwiseRefuses, PrepareDepthwise},
    {"bf16x3", AcceptsAll, PrepareSplit, SplitSlower},
    {"stem", StemRefuses, PrepareStem, StemSlower},
    {"matmul", AcceptsAll, PrepareMatMul},
};

}  // namespace

kernels::DepthwiseShape DepthwiseShapeOf(const Conv2d& op, const PrepareArgs& args) {
  const Shape& in = args.in[0];
  const Window window = WindowOf(op, args);
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
          .dilation_h = op.dilation[0],
          .dilation_w = op.dilation[1],
          .pad_top = window.top,
          .pad_left = window.left,
          .multiplier = static_cast<int>(op.out_channels / in.c())};
}

kernels::ConvShape ConvShapeOf(const Conv2d& op, const PrepareArgs& args) {
  const Shape& in = args.in[0];
  const Window window = WindowOf(op, args);
  kernels::ConvShape shape;
  shape.n = in.n(), shape.h = in.h(), shape.w = in.w(), shape.c = in.c();
  shape.k = op.out_channels;
  shape.kh = op.kernel[0], shape.kw = op.kernel[1];
  shape.stride_h = op.stride[0], shape.stride_w = op.stride[1];
  shape.dilation_h = op.dilation[0], shape.dilation_w = op.dilation[1];
  shape.pad_top = window.top, shape.pad_left = window.left;
  shape.pad_bottom = window.bottom, shape.pad_right = window.right;
  shape.groups = op.groups;
  shape.oh = window.out_h, shape.ow = window.out_w;
  return shape;
}

LinearKernel MatMulConvolution(const Conv2d& op, const PrepareArgs& args) {
  const kernels::ConvShape shape = ConvShapeOf(op, args);
  const auto conv = std::make_shared<const kernels::Conv2dForward>(shape);
  LinearKernel kernel = ForwardKernel(conv, args.threads);
  if (conv->TakesRows()) {
    kernel.rows = {.kernel = 1};
    kernel.forward_rows = [=](int64_t first, int64_t last, const float* x, int64_t x_stride,
                              const float* packed, const kernels::Epilogue& epilogue, float* y,
                              int64_t y_stride, ThreadPool* pool) {
      conv->RunRows(first, last, x, x_stride, packed, y, y_stride, epilogue, pool);
    };
  }
  if (args.training) AddGradients(shape, args.threads, kernel);
  return kernel;
}

std::span<const Implementation<Conv2d>> Conv2dImplementations(bool split_products) {
  if (split_products) return kSplitImplementations;
  return kImplementations;
}

}  // namespace linnet
