// Pooling over the channels of each pixel (CBAM, 1807.06521, sec. 3): y[n, h, w] = the maximum, or
// the mean, over c of x[n, h, w, c]. Of equal maxima the first has the gradient.
#include "kernels/elementwise.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct ChannelPoolOp {
  using Fields = ChannelPool;

  static Shape Infer(const ChannelPool&, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    return {in[0].n(), in[0].h(), in[0].w(), 1};
  }

  template <class T>
  static RefTensor<T> Reference(const ChannelPool& op, const RefArgs<T>& args) {
    const RefTensor<T>& x = args.in[0];
    const int64_t channels = Channels(x.shape);
    RefTensor<T> y(args.out_shape);
    for (int64_t r = 0; r < Rows(x.shape); ++r) {
      T sum(0.0), max = x.data[r * channels];
      for (int64_t c = 0; c < channels; ++c) {
        const T value = x.data[r * channels + c];
        sum += value;
        if (Real(value) > Real(max)) max = value;
      }
      y.data[r] = op.kind == PoolKind::kMax ? max : sum / T(channels);
    }
    return y;
  }

  static Prepared Prepare(const ChannelPool& op, const PrepareArgs& args) {
    const int64_t rows = Rows(args.in[0]), channels = Channels(args.in[0]);
    const bool max = op.kind == PoolKind::kMax;
    Prepared prepared;
    prepared.kernel = KernelName(max ? "channel_max" : "channel_mean");
    prepared.forward = [=](const ForwardArgs& a) {
      const auto forward = max ? kernels::ChannelMaxForward : kernels::ChannelMeanForward;
      forward(rows, channels, a.in[0].data(), MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      const float* dy = a.dout.data();
      float* dx = a.din[0].data();
      if (max) {
        kernels::ChannelMaxBackward(rows, channels, a.in[0].data(), dy, a.accumulate[0], dx,
                                    a.pool);
      } else {
        kernels::ChannelMeanBackward(rows, channels, dy, a.accumulate[0], dx, a.pool);
      }
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples;
    for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
      samples.push_back({ChannelPool{kind}, {{2, 5, 3, 37}}});
      samples.push_back({ChannelPool{kind}, {{1, 7, 4, 1}}});
      samples.push_back({ChannelPool{kind}, {{1, 3, 3, 3}}});
      samples.push_back({ChannelPool{kind}, {{2, 20, 17, 64}}});
    }
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<ChannelPool>() {
  static const OpDef def = MakeOpDef<ChannelPoolOp>();
  return def;
}

}  // namespace linnet
