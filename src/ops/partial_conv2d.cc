// Convolution through a table of connections: each output map o sees the input maps sources(o)
// only, each through a filter of its own (LeNet-5's C3; LeCun, Bottou, Bengio and Haffner,
// "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 1998, table I).
//
//   y[n,oy,ox,o] = bias[o] + sum over links l = (i -> o), ky, kx of
//       x[n, oy + ky, ox + kx, i] * weight[l, ky, kx]
//
// Computed as a dense convolution in which the links that the table lacks have zeros: LeNet-5's
// table is more than half full, and a matrix product far faster than loops over links.
#include <algorithm>
#include <memory>

#include "ops/conv2d_kernels.h"
#include "ops/linear.h"
#include "ops/op_def.h"
#include "ops/window.h"

namespace linnet {
namespace {

// Calls f(link, output map, input map) in the order of the weights.
template <class F>
void ForLinks(const Links& links, F&& f) {
  int64_t link = 0;
  for (size_t o = 0; o < links.sources.size(); ++o) {
    for (const int i : links.sources[o]) f(link++, static_cast<int64_t>(o), int64_t{i});
  }
}

struct PartialConv2dOp {
  using Fields = PartialConv2d;

  static int64_t LinkCount(const PartialConv2d& op) {
    int64_t count = 0;
    ForLinks(op.links, [&](int64_t, int64_t, int64_t) { ++count; });
    return count;
  }

  static void CheckLinks(const PartialConv2d& op, int64_t channels) {
    if (op.links.sources.empty()) Fail(ErrorKind::kUsage, "links: the table is empty");
    for (size_t o = 0; o < op.links.sources.size(); ++o) {
      if (op.links.sources[o].empty()) {
        Fail(ErrorKind::kUsage, "links: output map {} has no input map", o);
      }
    }
    ForLinks(op.links, [&](int64_t, int64_t, int64_t i) {
      if (i < 0 || i >= channels) {
        Fail(ErrorKind::kUsage, "links: there is no input map {} of {}", i, channels);
      }
    });
  }

  static Shape Infer(const PartialConv2d& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    CheckLinks(op, in[0].c());
    if (op.kernel[0] < 1 || op.kernel[1] < 1 || op.kernel[0] > in[0].h() ||
        op.kernel[1] > in[0].w()) {
      Fail(ErrorKind::kUsage, "kernel={},{}: does not fit a map of {}", op.kernel[0], op.kernel[1],
           in[0].ToString());
    }
    CheckTaps(op.kernel);
    FitWindow({.kernel = op.kernel}, in[0]);  // for its limits
    // It is computed as a dense convolution, most of whose weights may be zeros: no more of them
    // than a file's own weights pay for.
    constexpr int64_t kMostForEachLink = 64;
    if (static_cast<int64_t>(op.links.sources.size()) * in[0].c() >
        kMostForEachLink * LinkCount(op)) {
      Fail(ErrorKind::kUsage, "links: {} are too few for {} output maps of {} input maps",
           LinkCount(op), op.links.sources.size(), in[0].c());
    }
    return {in[0].n(), in[0].h() - op.kernel[0] + 1, in[0].w() - op.kernel[1] + 1,
            static_cast<int64_t>(op.links.sources.size())};
  }

  static std::vector<ParamSpec> Params(const PartialConv2d& op, Shapes) {
    const int64_t maps = static_cast<int64_t>(op.links.sources.size());
    return {{.name = "weight",
             .shape = {LinkCount(op), op.kernel[0], op.kernel[1]},
             .init = Init::kKaimingNormal,
             .fan = 1.0 * op.kernel[0] * op.kernel[1] * static_cast<double>(LinkCount(op)) /
                    static_cast<double>(maps),
             .decay = true},
            {.name = "bias", .shape = {maps}}};
  }

  static int64_t Macs(const PartialConv2d& op, Shapes, const Shape& out) {
    return out.n() * out.h() * out.w() * LinkCount(op) * op.kernel[0] * op.kernel[1];
  }

  template <class T>
  static RefTensor<T> Reference(const PartialConv2d& op, const RefArgs<T>& args) {
    const RefTensor<T>&x = args.in[0], &weight = args.params[0], &bias = args.params[1];
    const int64_t taps = int64_t{op.kernel[0]} * op.kernel[1];
    RefTensor<T> y(args.out_shape);
    for (size_t i = 0; i < y.data.size(); ++i) y.data[i] = bias.data[i % bias.data.size()];
    const int64_t pixels = y.shape.n() * y.shape.h() * y.shape.w();
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      const int64_t ox = pixel % y.shape.w(), oy = pixel / y.shape.w() % y.shape.h();
      const int64_t n = pixel / y.shape.w() / y.shape.h();
      ForLinks(op.links, [&](int64_t link, int64_t o, int64_t i) {
        for (int64_t tap = 0; tap < taps; ++tap) {
          y.at(n, oy, ox, o) += x.at(n, oy + tap / op.kernel[1], ox + tap % op.kernel[1], i) *
                                weight.data[link * taps + tap];
        }
      });
    }
    return y;
  }

  // Calls f(index into the weights, index into those of the dense convolution).
  template <class F>
  static void ForWeights(const PartialConv2d& op, int64_t channels, F&& f) {
    const int64_t taps = int64_t{op.kernel[0]} * op.kernel[1];
    ForLinks(op.links, [&](int64_t link, int64_t o, int64_t i) {
      for (int64_t tap = 0; tap < taps; ++tap) {
        f(link * taps + tap, (o * taps + tap) * channels + i);
      }
    });
  }

  static Prepared Prepare(const PartialConv2d& op, const PrepareArgs& args) {
    const int64_t channels = args.in[0].c(), maps = Channels(args.out);
    const LinearKernel conv =
        MatMulConvolution({.out_channels = static_cast<int>(maps), .kernel = op.kernel}, args);
    const Shape shape = {maps, op.kernel[0], op.kernel[1], channels};
    // Memory from the first pack on: with packed weights from a file there is none.
    const auto dense = std::make_shared<Tensor>(Unallocated(shape));
    const auto expand = [=](const float* w) -> const float* {
      float* to = Allocated(*dense).data();
      std::fill_n(to, shape.elements(), 0.0f);
      ForWeights(op, channels, [&](int64_t from, int64_t at) { to[at] += w[from]; });
      return to;
    };
    LinearKernel kernel = conv;
    kernel.pack = [=](const float* w, float* packed, ThreadPool* pool) {
      conv.pack(expand(w), packed, pool);
    };
    if (args.training) {
      kernel.pack_gradient = [=](const float* w, float* packed, ThreadPool* pool) {
        conv.pack_gradient(expand(w), packed, pool);
      };
      GatherWeightGradient(op, shape, conv, kernel);
    }
    return PrepareLinear(std::move(kernel), {.bias = true}, args);
  }

  // The gradient of the dense convolution's weights, of which the links' are picked.
  static void GatherWeightGradient(const PartialConv2d& op, const Shape& dense,
                                   const LinearKernel& conv, LinearKernel& kernel) {
    constexpr int64_t kLine = Tensor::kAlignment / sizeof(float);
    const int64_t floats = (dense.elements() + kLine - 1) / kLine * kLine;
    kernel.scratch_bytes += static_cast<size_t>(floats) * sizeof(float);
    kernel.weight_gradient = [=](const float* x, const float* dz, float* dw, void* scratch,
                                 ThreadPool* pool) {
      auto* all = static_cast<float*>(scratch);
      std::fill_n(all, floats, 0.0f);
      conv.weight_gradient(x, dz, all, all + floats, pool);
      ForWeights(op, dense.c(), [&](int64_t to, int64_t at) { dw[to] += all[at]; });
    };
  }

  static std::vector<Sample> Samples();
};

std::vector<Sample> PartialConv2dOp::Samples() {
  // Maps of one source to all six, in and out of order.
  const Links uneven = {{{0, 1, 2}, {3}, {1, 4, 5}, {5, 4}, {0, 2, 3, 5}, {0, 1, 2, 3, 4, 5}}};
  Links one_each;
  for (int i = 0; i < 37; ++i) one_each.sources.push_back({36 - i});
  return {
      {PartialConv2d{.links = uneven}, {{2, 14, 14, 6}}},
      {PartialConv2d{.links = uneven, .kernel = {2, 3}}, {{1, 4, 5, 7}}},
      {PartialConv2d{.links = {{{0}}}, .kernel = {1, 1}}, {{1, 1, 1, 1}}},
      {PartialConv2d{.links = {{{2, 0}}}, .kernel = {3, 3}}, {{3, 3, 3, 3}}},
      {PartialConv2d{.links = {{{0, 1}, {1, 1}, {0}}}, .kernel = {3, 2}}, {{1, 5, 6, 2}}},
      {PartialConv2d{.links = one_each, .kernel = {3, 3}}, {{1, 6, 5, 37}}},
  };
}

}  // namespace

template <>
const OpDef& DefOf<PartialConv2d>() {
  static const OpDef def = MakeOpDef<PartialConv2dOp>();
  return def;
}

}  // namespace linnet
