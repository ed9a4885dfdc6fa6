// Slice: y = x[begin:end] along one axis of a map. The gradient is zero outside of the slice.
#include <cstring>

#include "kernels/bf16_elementwise.h"
#include "kernels/box.h"
#include "kernels/elementwise.h"
#include "ops/bf16.h"
#include "ops/int8.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

struct SliceOp {
  using Fields = Slice;

  // Along the axis, counted from its begin. Error (kUsage) if nothing is left.
  static std::pair<int64_t, int64_t> Range(const Slice& op, const Shape& in) {
    const int64_t size = in[1 + static_cast<int>(op.axis)];
    const int64_t begin = op.begin < 0 ? size + op.begin : op.begin;
    const int64_t end = op.end <= 0 ? size + op.end : op.end;
    if (begin < 0 || begin >= end || end > size) {
      Fail(ErrorKind::kUsage, "begin={}, end={}: no part of an axis of {}", op.begin, op.end, size);
    }
    return {begin, end};
  }

  static Shape Infer(const Slice& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    const auto [begin, end] = Range(op, in[0]);
    Shape out = in[0];
    out[1 + static_cast<int>(op.axis)] = end - begin;
    return out;
  }

  template <class T>
  static RefTensor<T> Reference(const Slice& op, const RefArgs<T>& args) {
    const RefTensor<T>& x = args.in[0];
    const int64_t begin = Range(op, x.shape).first;
    RefTensor<T> y(args.out_shape);
    size_t i = 0;
    for (int64_t n = 0; n < y.shape.n(); ++n) {
      for (int64_t h = 0; h < y.shape.h(); ++h) {
        for (int64_t w = 0; w < y.shape.w(); ++w) {
          for (int64_t c = 0; c < y.shape.c(); ++c) {
            int64_t at[] = {h, w, c};
            at[static_cast<int>(op.axis)] += begin;
            y.data[i++] = x.at(n, at[0], at[1], at[2]);
          }
        }
      }
    }
    return y;
  }

  static std::string RefusesTypes(const Slice&, const PrepareArgs& args) {
    return RefusesOtherThanMoves(args);
  }

  static std::string RefusesBf16(const Slice& op, const PrepareArgs& args) {
    return op.axis == Axis::kChannel ? RefusesOtherThanBf16(args)
                                     : "on bfloat16 it takes channels only";
  }

  static Prepared PrepareBf16(const Slice& op, const PrepareArgs& args) {
    const int64_t begin = Range(op, args.in[0]).first;
    const Shape out = args.out;
    Prepared prepared;
    prepared.kernel = "copy";
    prepared.strided_in = prepared.strided_out = true;
    prepared.takes_channel = begin;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::CopyBf16(Bf16MapOf(out, a), a.in[0].data<bfloat16_t>() + begin,
                        Tensor(a.out).data<bfloat16_t>(), a.pool);
    };
    return prepared;
  }

  // What lies behind the axis is contiguous in both maps.
  static Prepared PrepareInt8(const Slice& op, const PrepareArgs& args) {
    const int axis = 1 + static_cast<int>(op.axis);
    int64_t outer = 1, inner = 1;
    for (int i = 0; i < axis; ++i) outer *= args.out[i];
    for (int i = axis + 1; i < 4; ++i) inner *= args.out[i];
    const int64_t skip = Range(op, args.in[0]).first * inner;
    const int64_t step = args.in[0][axis] * inner, bytes = args.out[axis] * inner;
    Prepared prepared;
    prepared.kernel = "copy";
    prepared.forward = [=](const ForwardArgs& a) {
      const uint8_t* from = a.in[0].data<uint8_t>() + skip;
      uint8_t* to = Tensor(a.out).data<uint8_t>();
      for (int64_t i = 0; i < outer; ++i) {
        std::memcpy(to + i * bytes, from + i * step, static_cast<size_t>(bytes));
      }
    };
    return prepared;
  }

  static Prepared Prepare(const Slice& op, const PrepareArgs& args) {
    if (AnyU8(args)) return PrepareInt8(op, args);
    const int64_t begin = Range(op, args.in[0]).first;
    kernels::Box box = {.outer = args.in[0], .inner = args.out};
    (op.axis == Axis::kHeight ? box.top : op.axis == Axis::kWidth ? box.left : box.channel) = begin;
    Prepared prepared;
    if (!args.training && op.axis == Axis::kChannel) return PrepareChannels(begin, args);
    prepared.kernel = "copy";
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::TakeFromBox(box, a.in[0].data(), false, MutableData(a.out), a.pool);
    };
    if (!args.training) return prepared;
    prepared.backward = [=](const BackwardArgs& a) {
      if (!a.din[0]) return;
      if (a.accumulate[0]) {
        kernels::AddToBox(box, a.dout.data(), a.din[0].data(), a.pool);
      } else {
        kernels::PutIntoBox(box, a.dout.data(), 0, a.din[0].data(), a.pool);
      }
    };
    return prepared;
  }

  static Prepared PrepareChannels(int64_t begin, const PrepareArgs& args) {
    const int64_t rows = Rows(args.out), width = Channels(args.out);
    Prepared prepared;
    prepared.kernel = "copy";
    prepared.strided_in = prepared.strided_out = true;
    prepared.takes_channel = begin;
    prepared.forward = [=](const ForwardArgs& a) {
      kernels::CopyChannels(rows, width, a.in[0].data(), InStride(a, 0), begin, MutableData(a.out),
                            OutStride(a), 0, false, a.pool);
    };
    return prepared;
  }

  static std::vector<Sample> Samples() {
    return {
        {Slice{Axis::kChannel, 0, 29}, {{2, 5, 3, 58}}},
        {Slice{Axis::kChannel, 29, 0}, {{2, 5, 3, 58}}},
        {Slice{Axis::kChannel, 1, 2}, {{1, 4, 7, 3}}},
        {Slice{Axis::kChannel, -25, -1}, {{1, 40, 33, 40}}},
        {Slice{Axis::kHeight, 1, 0}, {{2, 6, 5, 17}}},
        {Slice{Axis::kHeight, 2, -3}, {{3, 9, 4, 1}}},
        {Slice{Axis::kWidth, 1, 0}, {{2, 5, 7, 9}}},
        {Slice{Axis::kWidth, -4, 5}, {{1, 70, 6, 65}}},
        {Slice{}, {{2, 3, 5, 7}}},
        {Slice{Axis::kWidth, 0, 1}, {{1, 1, 1, 1}}},
    };
  }
};

}  // namespace

template <>
const OpDef& DefOf<Slice>() {
  static const OpDef def = MakeOpDef<SliceOp>();
  return def;
}

}  // namespace linnet
