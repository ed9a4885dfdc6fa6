// Max unpooling: each value goes back to the place of its window's maximum, the rest is zero
// (Zeiler, Taylor and Fergus 2011; Zeiler and Fergus, 1311.2901, sec. 2.1: the "switches").
//
//   y[n,h,w,c] = sum over windows whose first maximum of map[n,:,:,c] is at (h, w) of values[...]
//
// That is the gradient of the pooling, for the values. The gradient of the values is then what dy
// holds at the maxima; where they are does not change with the map, whose gradient is zero.
#include <algorithm>

#include "ops/kernel_name.h"
#include "ops/op_def.h"
#include "ops/pool.h"

namespace linnet {
namespace {

Pool PoolingOf(const MaxUnpool& op) {
  return {.kind = PoolKind::kMax,
          .kernel = op.kernel,
          .stride = op.stride,
          .padding = op.padding,
          .ceil = op.ceil};
}

struct MaxUnpoolOp {
  using Fields = MaxUnpool;

  static Shape Infer(const MaxUnpool& op, Shapes in) {
    ExpectInputs(in, 2, 4, "a map [N,H,W,C]");
    const Shape pooled = DefOf<Pool>().infer(PoolingOf(op), in.subspan(1));
    if (!(in[0] == pooled)) {
      Fail(ErrorKind::kUsage, "the values have shape {}, but pooling {} gives {}", in[0].ToString(),
           in[1].ToString(), pooled.ToString());
    }
    return in[1];
  }

  template <class T>
  static RefTensor<T> Reference(const MaxUnpool& op, const RefArgs<T>& args) {
    const RefTensor<T>&values = args.in[0], &map = args.in[1];
    const Window window = PoolWindow(PoolingOf(op), map.shape);
    RefTensor<T> y(args.out_shape);
    std::fill(y.data.begin(), y.data.end(), T(0.0));
    const auto place = [&](int64_t n, int64_t oy, int64_t ox, int64_t c) {
      int64_t best_h = -1, best_w = -1;
      for (int64_t tap = 0; tap < int64_t{op.kernel[0]} * op.kernel[1]; ++tap) {
        const int64_t h = oy * op.stride[0] - window.top + tap / op.kernel[1];
        const int64_t w = ox * op.stride[1] - window.left + tap % op.kernel[1];
        if (h < 0 || h >= map.shape.h() || w < 0 || w >= map.shape.w()) continue;
        const bool first = best_h < 0;
        if (first || Real(map.at(n, h, w, c)) > Real(map.at(n, best_h, best_w, c))) {
          best_h = h, best_w = w;
        }
      }
      y.at(n, best_h, best_w, c) += values.at(n, oy, ox, c);
    };
    for (int64_t n = 0; n < values.shape.n(); ++n) {
      for (int64_t oy = 0; oy < values.shape.h(); ++oy) {
        for (int64_t ox = 0; ox < values.shape.w(); ++ox) {
          for (int64_t c = 0; c < values.shape.c(); ++c) place(n, oy, ox, c);
        }
      }
    }
    return y;
  }

  static Prepared Prepare(const MaxUnpool& op, const PrepareArgs& args) {
    const kernels::PoolShape shape = PoolKernelShape(PoolingOf(op), args.in[1]);
    Prepared prepared;
    prepared.kernel = KernelName("max_unpool");
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::MaxPoolBackward(shape, a.in[1].data(), a.in[0].data(), false, MutableData(a.out),
                               a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (a.din[0]) {
        kernels::PickAtMaxima(shape, a.in[1].data(), a.dout.data(), a.accumulate[0],
                              a.din[0].data(), a.pool);
      }
      if (a.din[1] && !a.accumulate[1]) {
        std::fill_n(a.din[1].data(), a.din[1].elements(), 0.0f);
      }
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples;
    const MaxUnpool windows[] = {
        {},
        {.kernel = {3, 3}},
        {.kernel = {3, 3}, .padding = Padding::All(1)},
        {.kernel = {3, 3}, .ceil = true},
        {.kernel = {3, 3}, .stride = {1, 1}, .padding = Padding::Same()},
        {.kernel = {2, 3}, .stride = {3, 1}, .padding = {false, 1, 2, 0, 1}},
        {.kernel = {1, 1}, .stride = {1, 1}},
    };
    for (const MaxUnpool& op : windows) {
      for (const Shape& map : {Shape{2, 7, 8, 5}, Shape{1, 6, 5, 33}, Shape{1, 3, 4, 1}}) {
        const Shape pooled = DefOf<Pool>().infer(PoolingOf(op), Shapes(&map, 1));
        samples.push_back({op, {pooled, map}});
      }
    }
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<MaxUnpool>() {
  static const OpDef def = MakeOpDef<MaxUnpoolOp>();
  return def;
}

}  // namespace linnet
