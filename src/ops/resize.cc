// Resampling of a map to another height and width, as PyTorch's F.interpolate: each pixel of the
// result is mixed from the source's at
//
//   nearest                  floor(i * in / out)
//   bilinear                 max(0, (i + 1/2) * in / out - 1/2)
//   bilinear, align_corners  i * (in - 1) / (out - 1); 0 where out is 1
//
// down and right, each by itself. A second input gives the size and has no gradient.
#include <algorithm>

#include "kernels/interpolate.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct ResizeOp {
  using Fields = Resize;

  static Shape Infer(const Resize& op, Shapes in) {
    ExpectInputs(in, in.size() == 2 ? 2 : 1, 4, "a map [N,H,W,C]");
    if (op.align_corners && op.mode == ResizeMode::kNearest) {
      Fail(ErrorKind::kUsage, "align_corners=true: goes with mode=bilinear only");
    }
    if (in.size() == 2) return {in[0].n(), in[1].h(), in[1].w(), in[0].c()};
    if (op.height < 0 || op.width < 0 || op.scale < 1) {
      Fail(ErrorKind::kUsage, "height={}, width={}, scale={}: sizes from 0 on, a scale from 1 on",
           op.height, op.width, op.scale);
    }
    return {in[0].n(), op.height > 0 ? op.height : in[0].h() * op.scale,
            op.width > 0 ? op.width : in[0].w() * op.scale, in[0].c()};
  }

  // Where along an axis output i comes from: two neighbours, and the second's share.
  struct Source {
    int64_t first, second;
    double share;
  };
  static Source SourceOf(const Resize& op, int64_t i, int64_t in, int64_t out) {
    if (op.mode == ResizeMode::kNearest) return {i * in / out, i * in / out, 0};
    double at = std::max(0.0, (i + 0.5) * in / out - 0.5);
    if (op.align_corners) at = out > 1 ? 1.0 * i * (in - 1) / (out - 1) : 0;
    const auto first = static_cast<int64_t>(at);
    return {first, std::min(first + 1, in - 1), at - first};
  }

  template <class T>
  static RefTensor<T> Reference(const Resize& op, const RefArgs<T>& args) {
    const RefTensor<T>& x = args.in[0];
    RefTensor<T> y(args.out_shape);
    for (int64_t oy = 0; oy < y.shape.h(); ++oy) {
      const Source row = SourceOf(op, oy, x.shape.h(), y.shape.h());
      for (int64_t ox = 0; ox < y.shape.w(); ++ox) {
        const Source column = SourceOf(op, ox, x.shape.w(), y.shape.w());
        for (int64_t i = 0; i < y.shape.n() * y.shape.c(); ++i) {
          const int64_t n = i / y.shape.c(), c = i % y.shape.c();
          const auto along = [&](int64_t h) {
            return T(1 - column.share) * x.at(n, h, column.first, c) +
                   T(column.share) * x.at(n, h, column.second, c);
          };
          y.at(n, oy, ox, c) =
              T(1 - row.share) * along(row.first) + T(row.share) * along(row.second);
        }
      }
    }
    return y;
  }

  static kernels::Interpolate Kernel(const Resize& op, const PrepareArgs& args) {
    using Mode = kernels::InterpolateMode;
    const Shape& in = args.in[0];
    const Mode bilinear = op.align_corners ? Mode::kBilinearAlignCorners : Mode::kBilinear;
    return kernels::Interpolate({.n = in.n(),
                                 .h = in.h(),
                                 .w = in.w(),
                                 .c = in.c(),
                                 .out_h = args.out.h(),
                                 .out_w = args.out.w()},
                                op.mode == ResizeMode::kNearest ? Mode::kNearest : bilinear);
  }

  static Prepared Prepare(const Resize& op, const PrepareArgs& args) {
    const auto kernel = std::make_shared<const kernels::Interpolate>(Kernel(op, args));
    Prepared prepared;
    prepared.kernel = KernelName(EnumNames(op.mode)[static_cast<size_t>(op.mode)]);
    prepared.forward = [=](const ForwardArgs& a) {
      kernel->Forward(a.in[0].data(), MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (a.din[0]) kernel->Backward(a.dout.data(), a.accumulate[0], a.din[0].data(), a.pool);
      if (a.din.size() > 1 && a.din[1] && !a.accumulate[1]) {
        std::fill_n(a.din[1].data(), a.din[1].elements(), 0.0f);
      }
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    const Resize nearest, bilinear = {.mode = ResizeMode::kBilinear},
                          corners = {.mode = ResizeMode::kBilinear, .align_corners = true};
    std::vector<Sample> samples;
    for (Resize op : {nearest, bilinear, corners}) {
      samples.push_back({op, {{2, 3, 5, 7}}});
      samples.push_back({op, {{1, 1, 1, 1}}});
      samples.push_back({op, {{1, 4, 3, 133}}});
      samples.push_back({op, {{2, 5, 6, 3}, {2, 7, 4, 9}}});  // larger down, smaller right
      samples.push_back({op, {{1, 4, 4, 6}, {1, 4, 4, 6}}});  // the same size
      samples.push_back({op, {{1, 3, 4, 5}, {1, 1, 1, 2}}});
      samples.push_back({op, {{1, 14, 20, 3}, {1, 16, 12, 1}}});  // 8 / (16 / 14) is less than 7
      op.scale = 3;
      samples.push_back({op, {{1, 4, 5, 1}}});
      op.height = 10;
      samples.push_back({op, {{1, 7, 2, 33}}});
      op.width = 3;
      samples.push_back({op, {{2, 13, 8, 4}}});
    }
    return samples;
  }
};

}  // namespace

template <>
const OpDef& DefOf<Resize>() {
  static const OpDef def = MakeOpDef<ResizeOp>();
  return def;
}

}  // namespace linnet
