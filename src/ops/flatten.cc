// Flatten: [N,H,W,C] -> [N,H*W*C], in the order of PyTorch (chw) or of TensorFlow (hwc).
#include "ops/op_def.h"
#include "ops/reference_kernel.h"

namespace linnet {
namespace {

struct FlattenOp {
  using Fields = Flatten;

  static Shape Infer(const Flatten&, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    return {in[0].n(), in[0].h() * in[0].w() * in[0].c()};
  }

  template <class T>
  static RefTensor<T> Reference(const Flatten& op, const RefArgs<T>& args) {
    const RefTensor<T>& x = args.in[0];
    RefTensor<T> y(args.out_shape);
    y.data = x.data;
    if (op.order == FlattenOrder::kHwc) return y;
    size_t to = 0;
    for (int64_t n = 0; n < x.shape.n(); ++n) {
      for (int64_t c = 0; c < x.shape.c(); ++c) {
        for (int64_t h = 0; h < x.shape.h(); ++h) {
          for (int64_t w = 0; w < x.shape.w(); ++w) y.data[to++] = x.at(n, h, w, c);
        }
      }
    }
    return y;
  }

  static Prepared Prepare(const Flatten& op, const PrepareArgs& args) {
    return PrepareFromReference<FlattenOp>(op, args);
  }

  static std::vector<Sample> Samples() {
    std::vector<Sample> samples;
    for (const FlattenOrder order : {FlattenOrder::kChw, FlattenOrder::kHwc}) {
      samples.push_back({Flatten{order}, {{2, 3, 5, 7}}});
      samples.push_back({Flatten{order}, {{3, 1, 1, 37}}});
      samples.push_back({Flatten{order}, {{1, 4, 4, 1}}});
      samples.push_back({Flatten{order}, {{2, 7, 6, 64}}});
    }
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<Flatten>() {
  static const OpDef def = MakeOpDef<FlattenOp>();
  return def;
}

}  // namespace linnet
