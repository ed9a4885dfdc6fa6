// Concatenation along the channels (the last dimension), in the order of the inputs.
#include <memory>

#include "kernels/bf16_elementwise.h"
#include "kernels/elementwise.h"
#include "kernels/int8_elementwise.h"
#include "ops/bf16.h"
#include "ops/int8.h"
#include "ops/kernel_name.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct ConcatOp {
  using Fields = Concat;

  static Shape Infer(const Concat&, Shapes in) {
    if (in.empty()) Fail(ErrorKind::kUsage, "expected one input or more, got none");
    Shape out = in[0];
    if (out.rank() < 1) Fail(ErrorKind::kUsage, "its input is a scalar: it has no channels");
    const int last = out.rank() - 1;
    for (size_t i = 1; i < in.size(); ++i) {
      bool fits = in[i].rank() == out.rank();
      for (int d = 0; fits && d < last; ++d) fits = in[i][d] == out[d];
      if (!fits) {
        Fail(ErrorKind::kUsage,
             "its inputs 1 and {} have the shapes {} and {}: only the channels "
             "(the last dimension) may differ",
             i + 1, in[0].ToString(), in[i].ToString());
      }
      out[last] += in[i][last];
    }
    return out;
  }

  template <class T>
  static RefTensor<T> Reference(const Concat&, const RefArgs<T>& args) {
    RefTensor<T> y(args.out_shape);
    const int64_t rows = Rows(y.shape);
    size_t to = 0;
    for (int64_t r = 0; r < rows; ++r) {
      for (const RefTensor<T>& x : args.in) {
        const int64_t width = Channels(x.shape);
        for (int64_t c = 0; c < width; ++c) y.data[to++] = x.data[r * width + c];
      }
    }
    return y;
  }

  static std::string RefusesTypes(const Concat&, const PrepareArgs& args) {
    return RefusesMixedTypes(args);
  }

  static std::string RefusesBf16(const Concat&, const PrepareArgs& args) {
    return RefusesOtherThanBf16(args);
  }

  static Prepared PrepareBf16(const Concat&, const PrepareArgs& args) {
    const int64_t rows = Rows(args.out);
    Prepared prepared;
    prepared.kernel = KernelName("copy_channels_bf16");
    prepared.strided_in = prepared.strided_out = prepared.joins_channels = true;
    prepared.forward = [=](const ForwardArgs& a) {
      bfloat16_t* to = Tensor(a.out).data<bfloat16_t>();
      for (size_t i = 0; i < a.in.size(); ++i) {
        const int64_t width = Channels(a.in[i].shape());
        const bfloat16_t* from = a.in[i].data<bfloat16_t>();
        if (from != to) {  // else it was written there to begin with
          kernels::CopyBf16({rows, width, InStride(a, i), OutStride(a)}, from, to, a.pool);
        }
        to += width;
      }
    };
    return prepared;
  }

  // Each input goes through a table from its quantization to the result's.
  static Prepared PrepareInt8(const PrepareArgs& args) {
    const int64_t rows = Rows(args.out), channels = Channels(args.out);
    const auto tables = std::make_shared<std::vector<std::array<uint8_t, 256>>>();
    for (const ValueType& type : args.in_types) {
      tables->push_back(kernels::ActivationTable(Activation::kIdentity, 0, type.quantization,
                                                 args.out_type.quantization));
    }
    Prepared prepared;
    prepared.kernel = KernelName("lookup");
    prepared.forward = [=](const ForwardArgs& a) {
      uint8_t* to = Tensor(a.out).data<uint8_t>();
      for (size_t i = 0; i < a.in.size(); ++i) {
        const int64_t width = Channels(a.in[i].shape());
        kernels::LookupForward(rows, width, (*tables)[i], a.in[i].data<uint8_t>(), width, to,
                               channels, a.pool);
        to += width;
      }
    };
    return prepared;
  }

  static Prepared Prepare(const Concat&, const PrepareArgs& args) {
    if (AnyU8(args)) return PrepareInt8(args);
    const int64_t rows = Rows(args.out), channels = Channels(args.out);
    Prepared prepared;
    prepared.kernel = KernelName("copy_channels");
    prepared.strided_in = prepared.strided_out = prepared.joins_channels = !args.training;
    prepared.forward = [=](const ForwardArgs& a) {
      float* to = MutableData(a.out);
      for (size_t i = 0; i < a.in.size(); ++i) {
        const int64_t width = Channels(a.in[i].shape());
        if (a.in[i].data() != to) {  // else it was written there to begin with
          kernels::CopyChannels(rows, width, a.in[i].data(), InStride(a, i), 0, to, OutStride(a), 0,
                                false, a.pool);
        }
        to += width;
      }
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      int64_t offset = 0;
      for (size_t i = 0; i < a.in.size(); ++i) {
        const int64_t width = Channels(a.in[i].shape());
        if (a.din[i]) {
          kernels::CopyChannels(rows, width, a.dout.data(), channels, offset, a.din[i].data(),
                                width, 0, a.accumulate[i], a.pool);
        }
        offset += width;
      }
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {
        {Concat{}, {{2, 5, 3, 7}, {2, 5, 3, 9}}},
        {Concat{}, {{1, 4, 4, 16}, {1, 4, 4, 32}, {1, 4, 4, 1}, {1, 4, 4, 5}}},
        {Concat{}, {{1, 3, 3, 8}}},
        {Concat{}, {{3, 5}, {3, 11}}},
        {Concat{}, {{1, 1, 1, 1}, {1, 1, 1, 1}}},
    };
  }
};

}  // namespace

template <>
const OpDef& DefOf<Concat>() {
  static const OpDef def = MakeOpDef<ConcatOp>();
  return def;
}

}  // namespace linnet
