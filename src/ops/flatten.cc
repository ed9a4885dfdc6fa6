// Flatten: [N,H,W,C] -> [N,H*W*C], in the order of PyTorch (chw) or of TensorFlow (hwc).
#include <cstring>

#include "ops/bf16.h"
#include "ops/int8.h"
#include "ops/op_def.h"
#include "ops/pass.h"

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

  static std::string RefusesTypes(const Flatten&, const PrepareArgs& args) {
    return RefusesOtherThanMoves(args);
  }

  static std::string RefusesBf16(const Flatten&, const PrepareArgs& args) {
    return RefusesOtherThanBf16(args);
  }

  static Prepared PrepareBf16(const Flatten& op, const PrepareArgs& args) {
    const int64_t images = args.in[0].n(), channels = args.in[0].c();
    const int64_t pixels = args.in[0].h() * args.in[0].w();
    const bool reorders = op.order == FlattenOrder::kChw && pixels > 1 && channels > 1;
    Prepared prepared;
    prepared.kernel = reorders ? "transpose" : "copy";
    prepared.forward = [=](const ForwardArgs& a) {
      bfloat16_t* to = Tensor(a.out).data<bfloat16_t>();
      const bfloat16_t* from = a.in[0].data<bfloat16_t>();
      if (reorders) {
        Transpose(images, pixels, channels, from, false, to, a.pool);
      } else {
        std::memcpy(to, from, a.out.bytes());
      }
    };
    return prepared;
  }

  static Prepared PrepareInt8(const Flatten& op, const PrepareArgs& args) {
    const int64_t images = args.in[0].n(), channels = args.in[0].c();
    const int64_t pixels = args.in[0].h() * args.in[0].w();
    const bool reorders = op.order == FlattenOrder::kChw && pixels > 1 && channels > 1;
    Prepared prepared;
    prepared.kernel = reorders ? "transpose" : "copy";
    prepared.forward = [=](const ForwardArgs& a) {
      uint8_t* to = Tensor(a.out).data<uint8_t>();
      if (reorders) {
        Transpose(images, pixels, channels, a.in[0].data<uint8_t>(), false, to, a.pool);
      } else {
        std::memcpy(to, a.in[0].data<uint8_t>(), a.out.bytes());
      }
    };
    return prepared;
  }

  static Prepared Prepare(const Flatten& op, const PrepareArgs& args) {
    if (AnyU8(args)) return PrepareInt8(op, args);
    const int64_t images = args.in[0].n(), channels = args.in[0].c();
    const int64_t pixels = args.in[0].h() * args.in[0].w();
    const bool reorders = op.order == FlattenOrder::kChw && pixels > 1 && channels > 1;
    Prepared prepared;
    prepared.kernel = reorders ? "transpose" : "copy";
    prepared.in_place = !reorders && !args.training;
    prepared.forward = [=](const ForwardArgs& a) {
      if (reorders) {
        Transpose(images, pixels, channels, a.in[0].data(), false, MutableData(a.out), a.pool);
      } else {
        CopyOrAdd(images * pixels * channels, a.in[0].data(), false, MutableData(a.out), a.pool);
      }
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      float* dx = a.din[0].data();
      if (reorders) {
        Transpose(images, channels, pixels, a.dout.data(), a.accumulate[0], dx, a.pool);
      } else {
        CopyOrAdd(images * pixels * channels, a.dout.data(), a.accumulate[0], dx, a.pool);
      }
    };
    return prepared;
  }

  // to[n, c, r] (+)= from[n, r, c]. Plain loops: the maps that are flattened are small.
  template <class T>
  static void Transpose(int64_t n, int64_t rows, int64_t columns, const T* from, bool accumulate,
                        T* to, ThreadPool* pool) {
    ParallelFor(pool, static_cast<size_t>(n), [=](size_t image) {
      const T* source = from + static_cast<int64_t>(image) * rows * columns;
      T* target = to + static_cast<int64_t>(image) * rows * columns;
      for (int64_t c = 0; c < columns; ++c) {
        for (int64_t r = 0; r < rows; ++r, ++target) {
          const T number = source[r * columns + c];
          *target = accumulate ? static_cast<T>(number + *target) : number;
        }
      }
    });
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
