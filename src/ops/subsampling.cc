// Trainable subsampling (LeNet-5's S2 and S4: LeCun et al. 1998, sec. II-B):
//   y[c] = weight[c] * sum of the window of x[.., c] + bias[c].
// Windows do not overlap. The sum is the average times the window's area, so that average pooling
// and batch norm's scale and shift do the work.
#include "kernels/batch_norm.h"
#include "kernels/pool.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct SubsamplingOp {
  using Fields = Subsampling;

  static Shape Infer(const Subsampling& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    if (op.kernel[0] < 1 || op.kernel[1] < 1 || op.kernel[0] > in[0].h() ||
        op.kernel[1] > in[0].w()) {
      Fail(ErrorKind::kUsage, "kernel={},{}: does not fit a map of {}", op.kernel[0], op.kernel[1],
           in[0].ToString());
    }
    return {in[0].n(), in[0].h() / op.kernel[0], in[0].w() / op.kernel[1], in[0].c()};
  }

  static std::vector<ParamSpec> Params(const Subsampling& op, Shapes in) {
    return {{.name = "weight",
             .shape = {in[0].c()},
             .init = Init::kKaimingNormal,
             .fan = 1.0 * op.kernel[0] * op.kernel[1]},
            {.name = "bias", .shape = {in[0].c()}}};
  }

  template <class T>
  static RefTensor<T> Reference(const Subsampling& op, const RefArgs<T>& args) {
    const RefTensor<T>&x = args.in[0], &weight = args.params[0], &bias = args.params[1];
    RefTensor<T> y(args.out_shape);
    for (int64_t n = 0; n < y.shape.n(); ++n) {
      for (int64_t oy = 0; oy < y.shape.h(); ++oy) {
        for (int64_t ox = 0; ox < y.shape.w(); ++ox) {
          for (int64_t c = 0; c < y.shape.c(); ++c) {
            T sum(0.0);
            for (int i = 0; i < op.kernel[0] * op.kernel[1]; ++i) {
              const int64_t row = oy * op.kernel[0] + i / op.kernel[1];
              sum += x.at(n, row, ox * op.kernel[1] + i % op.kernel[1], c);
            }
            y.at(n, oy, ox, c) = weight.data[c] * sum + bias.data[c];
          }
        }
      }
    }
    return y;
  }

  static kernels::PoolShape WindowsOf(const Subsampling& op, const PrepareArgs& args) {
    const Shape& in = args.in[0];
    return {.n = in.n(),
            .h = in.h(),
            .w = in.w(),
            .c = in.c(),
            .out_h = args.out.h(),
            .out_w = args.out.w(),
            .kernel_h = op.kernel[0],
            .kernel_w = op.kernel[1],
            .stride_h = op.kernel[0],
            .stride_w = op.kernel[1]};
  }

  static Prepared Prepare(const Subsampling& op, const PrepareArgs& args) {
    const kernels::PoolShape windows = WindowsOf(op, args);
    const kernels::BatchNormShape pixels = {.rows = Rows(args.out), .channels = args.out.c()};
    const float area = static_cast<float>(op.kernel[0] * op.kernel[1]);
    const auto packed = std::make_shared<Tensor>(Unallocated({2, pixels.channels}));
    Prepared prepared;
    prepared.kernel = KernelName("average_pool, scale");
    prepared.pack = [=](std::span<const Tensor> params, ThreadPool*) {
      float* scale = Allocated(*packed).data();
      for (int64_t c = 0; c < pixels.channels; ++c) {
        scale[c] = area * params[0].data()[c];
        scale[pixels.channels + c] = params[1].data()[c];
      }
    };
    prepared.packed = {packed};
    // In training the averages are kept.
    if (args.training) prepared.saved = {args.out};
    prepared.forward = [=](const ForwardArgs& a) {
      float* averages = MutableData(a.saved.empty() ? a.out : a.saved[0]);
      kernels::AveragePoolForward(windows, a.in[0].data(), averages, a.pool);
      kernels::BatchNormInference(pixels, averages, packed->data(),
                                  packed->data() + pixels.channels, Activation::kIdentity, 0,
                                  MutableData(a.out), a.pool);
    };
    if (args.training) AddBackward(windows, pixels, packed, area, prepared);
    return prepared;
  }

  // The gradients of weight and bias are those of a batch norm with mean 0 and deviation 1 / area.
  static void AddBackward(const kernels::PoolShape& windows, const kernels::BatchNormShape& pixels,
                          const std::shared_ptr<Tensor>& scale, float area, Prepared& prepared) {
    const Tensor zeros({pixels.channels}), areas({pixels.channels});
    std::fill_n(MutableData(areas), pixels.channels, area);
    prepared.scratch_bytes = kernels::BatchNormScratchBytes(pixels);
    prepared.backward = [=](const BackwardArgs& a) {
      float* dy = MutableData(a.dout);
      kernels::BatchNormBackward(pixels,
                                 {.x = a.saved[0].data(),
                                  .dy = dy,
                                  .mean = zeros.data(),
                                  .inv_std = areas.data(),
                                  .dgamma = a.dparams[0].data(),
                                  .dbeta = a.dparams[1].data()},
                                 a.scratch, a.pool);
      if (!a.din[0]) return;
      kernels::BatchNormInference(pixels, dy, scale->data(), zeros.data(), Activation::kIdentity, 0,
                                  dy, a.pool);
      kernels::AveragePoolBackward(windows, dy, a.accumulate[0], a.din[0].data(), a.pool);
    };
  }

  static std::vector<Sample> Samples() {
    return {
        {Subsampling{}, {{2, 28, 28, 6}}},      {Subsampling{}, {{1, 7, 5, 33}}},
        {Subsampling{{3, 2}}, {{2, 7, 9, 16}}}, {Subsampling{{1, 1}}, {{2, 3, 5, 1}}},
        {Subsampling{{4, 5}}, {{3, 4, 5, 7}}},  {Subsampling{}, {{2, 60, 50, 40}}},
    };
  }
};

}  // namespace

template <>
const OpDef& DefOf<Subsampling>() {
  static const OpDef def = MakeOpDef<SubsamplingOp>();
  return def;
}

}  // namespace linnet
