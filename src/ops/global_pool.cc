// Global pooling: the average or the maximum of each channel of a map. [N,H,W,C] -> [N,1,1,C].
#include "ops/op_def.h"
#include "ops/reference_kernel.h"

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

  static Prepared Prepare(const GlobalPool& op, const PrepareArgs& args) {
    return PrepareFromReference<GlobalPoolOp>(op, args);
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
