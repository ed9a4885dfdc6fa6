// OpDef: what an operation means, as a table of functions. Each ops/<op>.cc defines one.
//
// Goals: an op's page is its file; every reader (shape inference, cost, trainer, Plan, tests) asks
// this table and none switches over the kinds of ops. Non-goal: ops added at run time. The list in
// graph/op.h is closed.
#ifndef LINNET_OPS_OP_DEF_H_
#define LINNET_OPS_OP_DEF_H_

#include <complex>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensor.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "ops/counted.h"

namespace linnet {

using Shapes = std::span<const Shape>;

// ---- parameters ----

enum class Init {
  kZeros,
  kOnes,
  kKaimingNormal,  // N(0, sqrt(2 / fan)): 1502.01852; of a convolution: KaimingFan in
                   // ops/window.h
  kNormal001,      // N(0, 0.01): torchvision's last layer of MobileNets
  kConstant,       // 'constant'
  kRandomSigns,    // -1 or +1, equally likely
  kValues,         // 'values'
};

struct ParamSpec {
  std::string name;  // "weight", "bias", "running_mean": the tensor is called <node>.<name>
  Shape shape;
  Init init = Init::kZeros;
  double fan = 1;         // what 'init' divides by
  bool trainable = true;  // false: a running statistic, or fixed
  bool decay = false;     // weight decay applies (not to batch norm nor to biases)
  float constant = 0;
  std::span<const float> values = {};  // one for each element; of static storage
  DType dtype = DType::kF32;           // kI8: a quantized layer's weights (ops/types.h)
};

// ---- the reference: obvious loops over any scalar ----
//
// double gives the value, std::complex<double> the gradient (complex step), Counted the
// multiply-adds.

template <class T>
struct RefTensor {
  Shape shape;
  std::vector<T> data;
  RefTensor() = default;
  explicit RefTensor(Shape s) : shape(s), data(static_cast<size_t>(s.elements())) {}
  T& at(int64_t n, int64_t h, int64_t w, int64_t c) {
    return data[((n * shape[1] + h) * shape[2] + w) * shape[3] + c];
  }
  const T& at(int64_t n, int64_t h, int64_t w, int64_t c) const {
    return data[((n * shape[1] + h) * shape[2] + w) * shape[3] + c];
  }
};

template <class T>
struct RefArgs {
  std::span<const RefTensor<T>> in;
  std::span<const RefTensor<T>> params;  // in the order of the ParamSpecs
  Shape out_shape;
  bool training = false;
  uint64_t seed = 0;  // dropout's
};

// ---- fast execution ----

#if LINNET_RUNTIME
// The deployed runtime (cmake/LinnetRuntime.cmake) does not train, and what stands behind
// 'if (args.training)' is not even compiled.
struct TrainingFlag {
  constexpr TrainingFlag(bool) {}  // NOLINT: stands for a bool
  constexpr operator bool() const { return false; }
};
#else
using TrainingFlag = bool;
#endif

struct PrepareArgs {
  Shapes in;
  Shape out;
  TrainingFlag training = false;             // batch statistics, dropout; backward will be called
  int threads = 1;                           // an upper bound, for scratch memory
  std::span<const ValueType> in_types = {};  // of each input; empty: all are float32
  ValueType out_type = {};
  // Which of the op's implementations (Prepared::candidates); empty: as the rules say.
  std::string_view implementation = {};
  // Products of float32 values in split bfloat16, where an op has such a kernel
  // (Precision::kBf16x3).
  bool split_products = false;

  ValueType in_type(size_t i) const { return in_types.empty() ? ValueType{} : in_types[i]; }
};

struct ForwardArgs {
  std::span<const Tensor> in;
  Tensor out;
  std::span<Tensor> params;  // inference: may be empty (pack has taken what it needs)
  std::span<Tensor> saved;   // what Prepared::saved asked for; kept until backward
  std::byte* scratch = nullptr;
  ThreadPool* pool = nullptr;
  uint64_t seed = 0;  // of this node in this step: dropout
  // Numbers from one pixel (row of channels) of in[i], and of out, to the next, where the op has
  // said that it takes such values (Prepared::strided_in, strided_out). Empty, 0: they touch.
  std::span<const int64_t> in_stride = {};
  int64_t out_stride = 0;
  // The rows of the result to be computed, where the op has said that it can (Prepared::rows); 0,
  // 0: all. Only these rows of 'out' need to exist, and of in[0] only those that Prepared::rows
  // says; both point to where row 0 would be.
  int64_t first_row = 0, last_row = 0;
};

// Gradients. 'din[i]' without data is not wanted. Where accumulate[i] is set the gradient is added
// to what is there, else it overwrites. They are made in the order of the inputs: where an input
// comes twice, the second time adds to what the first has written. Gradients of parameters are
// always added.
struct BackwardArgs {
  std::span<const Tensor> in;
  Tensor out;   // the forward result
  Tensor dout;  // its gradient; may be overwritten by the op
  std::span<Tensor> din;
  std::span<const bool> accumulate;
  std::span<const Tensor> params;
  std::span<Tensor> dparams;  // one for each ParamSpec; no data where it is not trainable
  std::span<const Tensor> saved;
  std::byte* scratch = nullptr;
  ThreadPool* pool = nullptr;
  uint64_t seed = 0;  // as in forward
};

// What rows [first, last) of a result are made of: rows [first * stride - padding, (last - 1) *
// stride
// - padding + kernel) of in[0], as far as it has them, and the same rows [first, last) of other
// maps.
struct RowWindow {
  int kernel = 0;  // 0: only whole maps are computed
  int stride = 1;
  int64_t padding = 0;
};

// An operation with shapes fixed and its kernel chosen. Calling its functions allocates nothing,
// but for pack's first call.
struct Prepared {
  std::string kernel;                   // which implementation: "depthwise 3x3 avx3"
  std::vector<std::string> refused;     // those before it in the list, with the reason
  std::string implementation;           // its name in the op's list (ops/implementations.h), if any
  std::vector<std::string> candidates;  // of that list all that could compute it, this one too
  size_t scratch_bytes = 0;             // for forward and backward
  std::vector<Shape> saved;             // float32 tensors that forward leaves for backward
  // Whether forward may write its result over in[0] (elementwise ops).
  bool in_place = false;
  // Whether backward may write the gradient of in[0] over that of the result, where it adds to
  // nothing.
  bool gradient_in_place = false;
  // Whether forward takes inputs, and makes a result, whose pixels lie further apart than their
  // channels: values that live among the channels of another one (infer/channel_views.h).
  bool strided_in = false;
  bool strided_out = false;
  // Where pixels of in[0], or of the result, had better lie further apart than their channels take:
  // numbers from one to the next at which forward is fastest. 0: it does not matter.
  int64_t best_in_stride = 0;
  int64_t best_out_stride = 0;
  // Whether forward computes some rows of a map by themselves (ForwardArgs::first_row), of batch 1
  // and without scratch memory.
  RowWindow rows;
  // The result is the channels of the inputs side by side, each number as it is: those that are
  // written there to begin with need no copy, and forward leaves them.
  bool joins_channels = false;
  // The result is channels [takes_channel, ...) of in[0], each number as it is; -1: it is not.
  int64_t takes_channel = -1;
  // Takes new parameter values: once in a Plan, each step in training. Empty: nothing to pack.
  std::function<void(std::span<const Tensor> params, ThreadPool* pool)> pack;
  // In inference, where 'pack' writes: all that forward reads of the parameters. Each has its shape
  // from the start, and memory from pack, or from somebody who has kept the bytes of an earlier one
  // and does not call it (infer/packed_file.h). Its bytes hold no addresses, and whatever they are,
  // forward stays within its buffers.
  std::vector<std::shared_ptr<Tensor>> packed;
  std::function<void(const ForwardArgs&)> forward;
  std::function<void(const BackwardArgs&)> backward;  // only when prepared for training
};

// ---- one case, many uses: correctness, gradient, text round trip ----

struct Sample {
  Op op;
  std::vector<Shape> in;
};

struct OpDef {
  const char* name = "";
  // Why there is no reference and no prepare (both then null), or null.
  const char* unsupported = nullptr;
  // Error (kUsage) without the node's name; InferShapes adds it.
  Shape (*infer)(const Op&, Shapes in) = nullptr;
  std::vector<ParamSpec> (*params)(const Op&, Shapes in) = nullptr;
  // Multiply-adds of convolutions and fully connected layers: those of their references. By the
  // field's convention nothing else counts, and has 0.
  bool counts_macs = false;
  int64_t (*macs)(const Op&, Shapes in, const Shape& out) = nullptr;
  RefTensor<double> (*reference)(const Op&, const RefArgs<double>&) = nullptr;
  RefTensor<std::complex<double>> (*reference_complex)(
      const Op&, const RefArgs<std::complex<double>>&) = nullptr;
  RefTensor<Counted> (*reference_counted)(const Op&, const RefArgs<Counted>&) = nullptr;
  Prepared (*prepare)(const Op&, const PrepareArgs&) = nullptr;
  // Why 'prepare' does not take the types of these values; empty: it does. All float32 it always
  // takes.
  std::string (*refuses_types)(const Op&, const PrepareArgs&) = nullptr;
  std::vector<Sample> (*samples)() = nullptr;
};

// Specialised in ops/<op>.cc for each struct of graph/op.h; a missing one is a link error that
// names it.
template <class O>
const OpDef& DefOf();

const OpDef& DefOf(const Op& op);
// Every definition, in the order of Op.
std::span<const OpDef* const> AllOps();

// Whether an input or the output is of bytes.
bool AnyU8(const PrepareArgs& args);
bool AllU8(const PrepareArgs& args);
bool AnyBf16(const PrepareArgs& args);
bool AllFloat32(const PrepareArgs& args);
// Error (kUsage) if the op refuses these types.
void ExpectTypes(const Op& op, const PrepareArgs& args);

// Makes the table from a struct with the members below, each taking the op's own struct:
//
//   struct DenseOp {
//     using Fields = Dense;
//     static Shape Infer(const Dense&, Shapes in);
//     static std::vector<ParamSpec> Params(const Dense&, Shapes in);
//     static int64_t Macs(const Dense&, Shapes in, const Shape& out);
//     template <class T> static RefTensor<T> Reference(const Dense&, const RefArgs<T>&);
//     static Prepared Prepare(const Dense&, const PrepareArgs&);
//     static std::vector<Sample> Samples();
//   };
//
// Params and Macs may be left out: no parameters, no multiply-adds. An op that is never run has
// kUnsupported, a sentence, in place of Reference and Prepare. An op that computes on bytes, too,
// has
//
//     static std::string RefusesTypes(const Dense&, const PrepareArgs&);
//
// which is asked where some values are of bytes: the reason why not, or empty. One that computes on
// bfloat16 has
//
//     static std::string RefusesBf16(const Dense&, const PrepareArgs&);
//     static Prepared PrepareBf16(const Dense&, const PrepareArgs&);   // inference only
template <class D>
OpDef MakeOpDef() {
  using F = typename D::Fields;
  OpDef def;
  def.name = OpName(Op(F{}));
  def.infer = [](const Op& op, Shapes in) { return D::Infer(std::get<F>(op), in); };
  def.params = [](const Op& op, Shapes in) -> std::vector<ParamSpec> {
    if constexpr (requires { &D::Params; }) return D::Params(std::get<F>(op), in);
    return {};
  };
  def.counts_macs = requires { &D::Macs; };
  def.macs = [](const Op& op, Shapes in, const Shape& out) -> int64_t {
    if constexpr (requires { &D::Macs; }) return D::Macs(std::get<F>(op), in, out);
    return 0;
  };
  if constexpr (requires { D::kUnsupported; }) {
    def.unsupported = D::kUnsupported;
  } else {
#if !LINNET_RUNTIME
    def.reference = [](const Op& op, const RefArgs<double>& a) {
      return D::Reference(std::get<F>(op), a);
    };
    def.reference_complex = [](const Op& op, const RefArgs<std::complex<double>>& a) {
      return D::Reference(std::get<F>(op), a);
    };
    def.reference_counted = [](const Op& op, const RefArgs<Counted>& a) {
      return D::Reference(std::get<F>(op), a);
    };
#endif
    def.prepare = [](const Op& op, const PrepareArgs& a) {
      ExpectTypes(op, a);
      if constexpr (requires { &D::PrepareBf16; }) {
        if (AnyBf16(a)) return D::PrepareBf16(std::get<F>(op), a);
      }
      return D::Prepare(std::get<F>(op), a);
    };
  }
  def.refuses_types = [](const Op& op, const PrepareArgs& a) -> std::string {
    if (AllFloat32(a)) return "";
    if (AnyBf16(a)) {
      if (AnyU8(a)) return "bytes and bfloat16 do not meet in one operation";
      if constexpr (requires { &D::RefusesBf16; }) return D::RefusesBf16(std::get<F>(op), a);
      return "it does not compute on bfloat16";
    }
    if constexpr (requires { &D::RefusesTypes; }) return D::RefusesTypes(std::get<F>(op), a);
    return "it computes on float32 only";
  };
#if !LINNET_RUNTIME
  def.samples = [] { return D::Samples(); };
#endif
  return def;
}

// A value as a matrix [rows, channels]: [N,H,W,C] or [N,C].
inline int64_t Channels(const Shape& shape) { return shape[shape.rank() - 1]; }
inline int64_t Rows(const Shape& shape) { return shape.elements() / Channels(shape); }

// Numbers from one pixel to the next.
inline int64_t InStride(const ForwardArgs& args, size_t i) {
  const bool dense = args.in_stride.empty() || args.in_stride[i] == 0;
  return dense ? Channels(args.in[i].shape()) : args.in_stride[i];
}
inline int64_t OutStride(const ForwardArgs& args) {
  return args.out_stride == 0 ? Channels(args.out.shape()) : args.out_stride;
}

// The numbers behind a handle: that a Tensor is const does not make them so.
inline float* MutableData(Tensor tensor) { return tensor.data(); }

// For Prepared::packed: memory where there is none yet, so that a layer that is given its packed
// weights never has any of its own.
inline Tensor Unallocated(Shape shape, DType dtype = DType::kF32) {
  return Tensor::View(nullptr, shape, dtype);
}
inline Tensor& Allocated(Tensor& tensor) {
  if (!tensor) tensor = Tensor(tensor.shape(), tensor.dtype());
  return tensor;
}

// Error (kUsage) unless there are 'count' inputs of rank 'rank' (0: any).
void ExpectInputs(Shapes in, int count, int rank, const char* what);

}  // namespace linnet

#endif  // LINNET_OPS_OP_DEF_H_
