// Channel shuffle (ShuffleNet, 1707.01083, sec. 3.1): with K = channels / groups,
// y[c * groups + g] = x[g * K + c], so that every group of a following grouped convolution sees
// channels of all groups before. Its inverse, and its gradient, is the shuffle with K groups.
#include "kernels/channel_shuffle.h"

#include "kernels/bf16_elementwise.h"
#include "kernels/int8_elementwise.h"
#include "ops/bf16.h"
#include "ops/int8.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct ChannelShuffleOp {
  using Fields = ChannelShuffle;

  static Shape Infer(const ChannelShuffle& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    if (op.groups < 1 || in[0].c() % op.groups != 0) {
      Fail(ErrorKind::kUsage, "groups={}: must divide the {} channels", op.groups, in[0].c());
    }
    return in[0];
  }

  template <class T>
  static RefTensor<T> Reference(const ChannelShuffle& op, const RefArgs<T>& args) {
    const RefTensor<T>& x = args.in[0];
    const int64_t channels = Channels(x.shape), each = channels / op.groups;
    RefTensor<T> y(args.out_shape);
    for (int64_t r = 0; r < Rows(x.shape); ++r) {
      for (int64_t g = 0; g < op.groups; ++g) {
        for (int64_t c = 0; c < each; ++c) {
          y.data[r * channels + c * op.groups + g] = x.data[r * channels + g * each + c];
        }
      }
    }
    return y;
  }

  static std::string RefusesTypes(const ChannelShuffle&, const PrepareArgs& args) {
    return RefusesOtherThanMoves(args);
  }

  static std::string RefusesBf16(const ChannelShuffle&, const PrepareArgs& args) {
    return RefusesOtherThanBf16(args);
  }

  static Prepared PrepareBf16(const ChannelShuffle& op, const PrepareArgs& args) {
    const int64_t groups = op.groups;
    const Shape out = args.out;
    Prepared prepared;
    prepared.kernel = KernelName("copy_shuffled_bf16");
    prepared.strided_in = prepared.strided_out = true;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::ShuffleBf16(Bf16MapOf(out, a), groups, a.in[0].data<bfloat16_t>(),
                           Tensor(a.out).data<bfloat16_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared PrepareInt8(const ChannelShuffle& op, const PrepareArgs& args) {
    const int64_t rows = Rows(args.out), channels = Channels(args.out), groups = op.groups;
    Prepared prepared;
    prepared.kernel = KernelName("shuffle_bytes");
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::ShuffleBytes(rows, channels, groups, a.in[0].data<uint8_t>(),
                            Tensor(a.out).data<uint8_t>(), a.pool);
    };
    return prepared;
  }

  static Prepared Prepare(const ChannelShuffle& op, const PrepareArgs& args) {
    if (AnyU8(args)) return PrepareInt8(op, args);
    const int64_t rows = Rows(args.out), channels = Channels(args.out), groups = op.groups;
    Prepared prepared;
    prepared.kernel = KernelName("copy_shuffled");
    prepared.strided_in = prepared.strided_out = !args.training;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::ChannelShuffle(rows, channels, groups, a.in[0].data(), InStride(a, 0), false,
                              MutableData(a.out), OutStride(a), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      kernels::ChannelShuffle(rows, channels, channels / groups, a.dout.data(), channels,
                              a.accumulate[0], a.din[0].data(), channels, a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {
        {ChannelShuffle{2}, {{2, 5, 3, 58}}},   {ChannelShuffle{3}, {{2, 4, 3, 111}}},
        {ChannelShuffle{4}, {{1, 3, 3, 68}}},   {ChannelShuffle{8}, {{1, 3, 5, 48}}},
        {ChannelShuffle{29}, {{1, 3, 5, 58}}},  {ChannelShuffle{37}, {{1, 2, 3, 111}}},
        {ChannelShuffle{17}, {{1, 2, 3, 68}}},  {ChannelShuffle{1}, {{1, 3, 5, 9}}},
        {ChannelShuffle{9}, {{1, 3, 5, 9}}},    {ChannelShuffle{1}, {{1, 1, 1, 1}}},
        {ChannelShuffle{2}, {{2, 23, 31, 48}}},
    };
  }
};

}  // namespace

template <>
const OpDef& DefOf<ChannelShuffle>() {
  static const OpDef def = MakeOpDef<ChannelShuffleOp>();
  return def;
}

}  // namespace linnet
