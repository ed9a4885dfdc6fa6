// Deformable convolution: the taps of each output pixel are moved by offsets that are an input
// (1703.06211, eq. 2), and with masks multiplied by factors that are one, too (1811.11168, eq. 1).
//
//   y[n,oy,ox,o] = bias[o] + sum over taps k = (ky, kx) and i of
//       mask[n,oy,ox,d,k] * x(n, oy*stride_h - top + ky*dilation_h + offset[n,oy,ox,d,k,0],
//                                ox*stride_w - left + kx*dilation_w + offset[n,oy,ox,d,k,1], i)
//       * weight[o, ky, kx, i],     i within the group of o; d: the offset group of i
//   x(n, v, u, i) = sum over pixels (h, w) of max(0, 1 - |v - h|) * max(0, 1 - |u - w|) *
//   x[n,h,w,i]
//
// The layout of offsets and masks is torchvision's.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "kernels/deform_conv.h"
#include "ops/op_def.h"
#include "ops/window.h"

namespace linnet {
namespace {

Window WindowOf(const DeformConv2d& op, const Shape& in) {
  return FitWindow({op.kernel, op.stride, op.dilation, op.padding}, in);
}

// A prepared layer: the kernel with its packed weights.
class Deformable {
 public:
  Deformable(const DeformConv2d& op, const kernels::DeformConvShape& shape, const PrepareArgs& args)
      : masked_(op.masked),
        kernel_(shape),
        column_sums_(Rows(args.out), Channels(args.out)),
        packed_(Bytes(kernel_.packed_bytes())) {
    has_bias_ = op.bias;
    if (op.bias) bias_ = Unallocated({op.out_channels});
    scratch_bytes_ = kernel_.ScratchBytes(args.threads);
    if (!args.training) return;
    packed_gradient_ = Tensor(Bytes(kernel_.packed_gradient_bytes()).shape());
    scratch_bytes_ = std::max(
        {scratch_bytes_, kernel_.GradientScratchBytes(args.threads), column_sums_.ScratchBytes()});
  }

  std::string name() const { return "deformable " + kernel_.name(); }
  size_t scratch_bytes() const { return scratch_bytes_; }

  void Pack(std::span<const Tensor> params, ThreadPool* pool) {
    kernel_.Pack(params[0].data(), Allocated(packed_).data(), pool);
    if (packed_gradient_) kernel_.PackGradient(params[0].data(), packed_gradient_.data(), pool);
    if (has_bias_) std::memcpy(Allocated(bias_).data(), params[1].data(), bias_.bytes());
  }
  Tensor& packed() { return packed_; }
  Tensor& bias() { return bias_; }

  void Forward(const ForwardArgs& a) const {
    kernel_.Forward(Inputs(a.in), packed_.data(), bias_.data(), MutableData(a.out), a.scratch,
                    a.pool);
  }

  void Backward(const BackwardArgs& a) const {
    const auto wanted = [&](size_t i) {
      return kernels::DeformConv::Gradient{a.din[i].data(), a.accumulate[i]};
    };
    kernels::DeformConv::Gradients gradients = {.map = wanted(0), .offsets = wanted(1)};
    if (masked_) gradients.masks = wanted(2);
    gradients.weights = a.dparams[0].data();
    kernel_.Backward(Inputs(a.in), a.dout.data(), packed_gradient_.data(), gradients, a.scratch,
                     a.pool);
    if (has_bias_ && a.dparams[1]) {
      column_sums_.Run(a.dout.data(), bias_.elements(), a.dparams[1].data(), a.scratch, a.pool);
    }
  }

 private:
  static Tensor Bytes(size_t bytes) { return Unallocated({static_cast<int64_t>((bytes + 3) / 4)}); }
  kernels::DeformConv::Inputs Inputs(std::span<const Tensor> in) const {
    return {in[0].data(), in[1].data(), masked_ ? in[2].data() : nullptr};
  }

  bool masked_;
  bool has_bias_ = false;
  kernels::DeformConv kernel_;
  kernels::ColumnSums column_sums_;
  Tensor packed_, packed_gradient_, bias_;
  size_t scratch_bytes_ = 0;
};

struct DeformConv2dOp {
  using Fields = DeformConv2d;

  static void CheckGroups(const DeformConv2d& op, int64_t channels) {
    if (op.out_channels < 1) {
      Fail(ErrorKind::kUsage, "out_channels={}: must be at least 1", op.out_channels);
    }
    if (op.groups < 1 || channels % op.groups != 0 || op.out_channels % op.groups != 0) {
      Fail(ErrorKind::kUsage,
           "groups={}: must divide the {} input channels and the {} output channels", op.groups,
           channels, op.out_channels);
    }
    if (op.offset_groups < 1 || channels % op.offset_groups != 0) {
      Fail(ErrorKind::kUsage, "offset_groups={}: must divide the {} input channels",
           op.offset_groups, channels);
    }
  }

  static Shape Infer(const DeformConv2d& op, Shapes in) {
    ExpectInputs(in, op.masked ? 3 : 2, 4, "a map [N,H,W,C]");
    CheckGroups(op, in[0].c());
    const Window window = WindowOf(op, in[0]);
    const Shape out = {in[0].n(), window.out_h, window.out_w, op.out_channels};
    const int64_t points = int64_t{op.offset_groups} * op.kernel[0] * op.kernel[1];
    const auto check = [&](const Shape& shape, int64_t channels, const char* what) {
      const Shape expected = {out.n(), out.h(), out.w(), channels};
      if (shape == expected) return;
      Fail(ErrorKind::kUsage, "the {} have shape {}, expected {} (offset_groups={}, kernel={},{})",
           what, shape.ToString(), expected.ToString(), op.offset_groups, op.kernel[0],
           op.kernel[1]);
    };
    check(in[1], 2 * points, "offsets");
    if (op.masked) check(in[2], points, "masks");
    return out;
  }

  static std::vector<ParamSpec> Params(const DeformConv2d& op, Shapes in) {
    const int64_t in_channels = in[0].c() / op.groups;
    std::vector<ParamSpec> specs = {
        {.name = "weight",
         .shape = {op.out_channels, op.kernel[0], op.kernel[1], in_channels},
         .init = Init::kKaimingNormal,
         .fan = KaimingFan(op.kernel, in_channels, op.out_channels, op.bias),
         .decay = true}};
    if (op.bias) specs.push_back({.name = "bias", .shape = {op.out_channels}});
    return specs;
  }

  // As the plain convolution's: sampling does not count.
  static int64_t Macs(const DeformConv2d& op, Shapes in, const Shape& out) {
    return out.elements() * op.kernel[0] * op.kernel[1] * (in[0].c() / op.groups);
  }

  // mask * x(n, y + down, x + right, c).
  template <class T>
  static T Bilinear(const RefTensor<T>& map, int64_t n, int64_t y, int64_t x, int64_t c, T down,
                    T right, T mask) {
    const double whole_down = std::floor(Real(down)), whole_right = std::floor(Real(right));
    const T share_y[] = {T(1 + whole_down) - down, down - T(whole_down)};
    const T share_x[] = {T(1 + whole_right) - right, right - T(whole_right)};
    T sum(0.0);
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 2; ++j) {
        const int64_t h = y + static_cast<int64_t>(whole_down) + i;
        const int64_t w = x + static_cast<int64_t>(whole_right) + j;
        const bool inside = h >= 0 && h < map.shape.h() && w >= 0 && w < map.shape.w();
        if (inside) sum += share_y[i] * share_x[j] * map.at(n, h, w, c);
      }
    }
    return mask * sum;
  }
  static Counted Bilinear(const RefTensor<Counted>&, int64_t, int64_t, int64_t, int64_t, Counted,
                          Counted, Counted) {
    return {};
  }

  template <class T>
  static RefTensor<T> Reference(const DeformConv2d& op, const RefArgs<T>& args) {
    const RefTensor<T>&x = args.in[0], &offsets = args.in[1], &weight = args.params[0];
    const Window window = WindowOf(op, x.shape);
    const int64_t group_in = x.shape.c() / op.groups, group_out = op.out_channels / op.groups;
    const int64_t offset_channels = x.shape.c() / op.offset_groups;
    const int taps = op.kernel[0] * op.kernel[1];
    const auto pixel = [&](int64_t n, int64_t oy, int64_t ox, int64_t o) {
      T sum = op.bias ? args.params[1].data[o] : T(0.0);
      for (int k = 0; k < taps; ++k) {
        const int ky = k / op.kernel[1], kx = k % op.kernel[1];
        const int64_t h = oy * op.stride[0] - window.top + ky * op.dilation[0];
        const int64_t w = ox * op.stride[1] - window.left + kx * op.dilation[1];
        for (int64_t i = 0; i < group_in; ++i) {
          const int64_t c = o / group_out * group_in + i, at = c / offset_channels * taps + k;
          const T mask = op.masked ? args.in[2].at(n, oy, ox, at) : T(1.0);
          sum += Bilinear(x, n, h, w, c, offsets.at(n, oy, ox, 2 * at),
                          offsets.at(n, oy, ox, 2 * at + 1), mask) *
                 weight.at(o, ky, kx, i);
        }
      }
      return sum;
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

  static kernels::DeformConvShape KernelShape(const DeformConv2d& op, const Shape& in) {
    const Window window = WindowOf(op, in);
    return {.n = in.n(),
            .h = in.h(),
            .w = in.w(),
            .c = in.c(),
            .k = op.out_channels,
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
            .groups = op.groups,
            .offset_groups = op.offset_groups};
  }

  static Prepared Prepare(const DeformConv2d& op, const PrepareArgs& args) {
    const auto layer = std::make_shared<Deformable>(op, KernelShape(op, args.in[0]), args);
    Prepared prepared;
    prepared.kernel = layer->name();
    prepared.scratch_bytes = layer->scratch_bytes();
    prepared.pack = [=](std::span<const Tensor> params, ThreadPool* pool) {
      layer->Pack(params, pool);
    };
    prepared.packed = {{layer, &layer->packed()}};
    if (op.bias) prepared.packed.push_back({layer, &layer->bias()});
    prepared.forward = [=](const ForwardArgs& a) { layer->Forward(a); };
    if (args.training) prepared.backward = [=](const BackwardArgs& a) { layer->Backward(a); };
    return prepared;
  }

  static std::vector<Sample> Samples();
};

std::vector<Sample> DeformConv2dOp::Samples() {
  std::vector<Sample> samples;
  const auto add = [&](DeformConv2d op, const Shape& map) {
    const Window window = WindowOf(op, map);
    const int64_t points = int64_t{op.offset_groups} * op.kernel[0] * op.kernel[1];
    const auto with = [&](int64_t channels) {
      return Shape{map.n(), window.out_h, window.out_w, channels};
    };
    samples.push_back({op, {map, with(2 * points)}});
    op.masked = true;
    samples.push_back({op, {map, with(2 * points), with(points)}});
  };
  const Padding p1 = Padding::All(1);
  add({.out_channels = 5, .padding = p1}, {2, 7, 8, 3});
  add({.out_channels = 9, .padding = p1, .bias = true}, {1, 9, 6, 18});
  add({.out_channels = 1, .kernel = {1, 1}}, {1, 5, 5, 1});
  add({.out_channels = 1, .kernel = {1, 1}}, {1, 1, 1, 1});
  add({.out_channels = 4, .stride = {2, 2}, .padding = p1}, {2, 8, 9, 4});
  add({.out_channels = 6, .padding = Padding::All(2), .dilation = {2, 2}}, {1, 8, 7, 7});
  add({.out_channels = 6, .padding = p1, .groups = 2}, {1, 6, 5, 10});
  add({.out_channels = 3, .padding = p1, .offset_groups = 3}, {1, 6, 7, 9});
  // Both kinds of groups, of different sizes: a run of channels is cut by either.
  add({.out_channels = 4, .padding = p1, .groups = 2, .offset_groups = 3, .bias = true},
      {2, 5, 6, 12});
  add({.out_channels = 6, .padding = p1, .groups = 3, .offset_groups = 2}, {1, 5, 6, 6});
  add({.out_channels = 2,
       .kernel = {2, 3},
       .stride = {1, 2},
       .padding = {false, 1, 0, 0, 2},
       .dilation = {2, 1}},
      {1, 6, 9, 5});
  add({.out_channels = 3, .padding = p1}, {1, 4, 5, 140});                    // two runs
  add({.out_channels = 2, .kernel = {2, 2}, .padding = p1}, {1, 24, 22, 3});  // two blocks
  return samples;
}

}  // namespace

template <>
const OpDef& DefOf<DeformConv2d>() {
  static const OpDef def = MakeOpDef<DeformConv2dOp>();
  return def;
}

}  // namespace linnet
