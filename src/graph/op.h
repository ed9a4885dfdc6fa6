// The vocabulary: what operations there are, and their fields. What an operation means (shape rule,
// reference, forward, backward) is said in ops/<op>.cc.
//
// Activations are NHWC. Where a field has two numbers they are height, width. Weights are not part
// of an operation: they are parameters, named <node>.weight and so on (ops/op_def.h).
#ifndef LINNET_GRAPH_OP_H_
#define LINNET_GRAPH_OP_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/activation.h"
#include "base/fields.h"

namespace linnet {

// Zeros around a map: an explicit number on each side, or TensorFlow's SAME, where the output has
// ceil(in / stride) rows, and of the zeros needed for that the smaller half comes first.
struct Padding {
  bool same = false;
  int top = 0, left = 0, bottom = 0, right = 0;

  static Padding All(int p) { return {false, p, p, p, p}; }
  static Padding Same() { return {true, 0, 0, 0, 0}; }
  bool operator==(const Padding&) const = default;
};
// "same", "1" (all sides), or "top,left,bottom,right".
std::string FieldToText(const Padding& padding);
bool FieldFromText(std::string_view text, Padding& padding);

using Pair = std::array<int, 2>;

// An activation fused into the operation before it: y = activation(op(x)). Architectures emit
// activations as nodes of their own; rewrites fuse them.
struct FusedActivation {
  Activation kind = Activation::kIdentity;
  float alpha = 0.01f;  // leaky_relu, elu
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("act", self.kind, "activation applied to the result");
    v("act_alpha", self.alpha, "slope of leaky_relu, scale of elu");
  }
};

// The input picture or feature map: [batch, height, width, channels]. Height and width are defaults
// that shape inference may override.
struct Input {
  int height = 224;
  int width = 224;
  int channels = 3;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("height", self.height, "rows");
    v("width", self.width, "columns");
    v("channels", self.channels, "channels");
  }
};

// Convolution (cross-correlation, as everywhere in the field): dense, grouped, depthwise (groups =
// input channels), pointwise (kernel 1), dilated. Weight [out_channels, kh, kw, in_channels /
// groups] (OHWI).
struct Conv2d {
  int out_channels = 0;
  Pair kernel = {1, 1};
  Pair stride = {1, 1};
  Padding padding = {};
  Pair dilation = {1, 1};
  int groups = 1;
  bool bias = false;
  // The last input is added to the result before the activation.
  bool residual = false;
  FusedActivation act = {};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("out_channels", self.out_channels, "number of filters");
    v("kernel", self.kernel, "height,width of the filters");
    v("stride", self.stride, "step down,right");
    v("padding", self.padding, "zeros around the map: n | top,left,bottom,right | same");
    v("dilation", self.dilation, "distance between taps");
    v("groups", self.groups, "groups of channels that do not see each other");
    v("bias", self.bias, "add a bias to each output channel");
    v("residual", self.residual, "add the last input before the activation");
    FusedActivation::VisitFields(self.act, v);
  }
};

// Fully connected: [N, in] -> [N, out_features]. Weight [out_features, in].
struct Dense {
  int out_features = 0;
  bool bias = true;
  FusedActivation act = {};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("out_features", self.out_features, "number of outputs");
    v("bias", self.bias, "add a bias");
    FusedActivation::VisitFields(self.act, v);
  }
};

// Batch normalisation over N, H, W (1502.03167). Running variance uses the unbiased batch variance,
// as PyTorch, cuDNN and Caffe do: running = (1 - momentum) * running + momentum * batch.
struct BatchNorm {
  float eps = 1e-5f;
  float momentum = 0.1f;
  bool affine = true;  // gamma ('weight') and beta ('bias')
  FusedActivation act = {};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("eps", self.eps, "added to the variance");
    v("momentum", self.momentum, "share of the batch in the running statistics");
    v("affine", self.affine, "learn a scale and a shift");
    FusedActivation::VisitFields(self.act, v);
  }
};

struct Act {
  Activation kind = Activation::kRelu;
  float alpha = 0.01f;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("kind", self.kind, "which function");
    v("alpha", self.alpha, "slope of leaky_relu, scale of elu");
  }
};

enum class PoolKind { kMax, kAverage };
inline constexpr const char* kPoolNames[] = {"max", "average"};
inline std::span<const char* const> EnumNames(PoolKind) { return kPoolNames; }

struct Pool {
  PoolKind kind = PoolKind::kMax;
  Pair kernel = {2, 2};
  Pair stride = {2, 2};
  Padding padding = {};
  bool ceil = false;  // round the output size up (Caffe); no window starts in the padding
  bool count_include_pad =
      false;  // average: padding counts in the divisor (PyTorch's default, Caffe)
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("kind", self.kind, "max or average");
    v("kernel", self.kernel, "height,width of the window");
    v("stride", self.stride, "step down,right");
    v("padding", self.padding, "border: n | top,left,bottom,right | same");
    v("ceil", self.ceil, "round the output size up");
    v("count_include_pad", self.count_include_pad, "average: padding counts in the divisor");
  }
};

// [N, H, W, C] -> [N, 1, 1, C].
struct GlobalPool {
  PoolKind kind = PoolKind::kAverage;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("kind", self.kind, "max or average");
  }
};

// Sum of two values of one shape.
struct Add {
  FusedActivation act = {};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    FusedActivation::VisitFields(self.act, v);
  }
};

// Product; a dimension of the second input may be 1 and is then broadcast ([N,1,1,C]:
// squeeze-and-excite).
struct Mul {
  template <class Self, class V>
  static void VisitFields(Self&, V&&) {}
};

// Concatenation of any number of values along the channels.
struct Concat {
  template <class Self, class V>
  static void VisitFields(Self&, V&&) {}
};

// [N, H, W, C] -> [N, H*W*C]. 'chw' is the order in which PyTorch and Caffe see the features, so
// that weights of a following Dense are interchangeable; 'hwc' is TensorFlow's and costs nothing.
enum class FlattenOrder { kChw, kHwc };
inline constexpr const char* kFlattenOrderNames[] = {"chw", "hwc"};
inline std::span<const char* const> EnumNames(FlattenOrder) { return kFlattenOrderNames; }
struct Flatten {
  FlattenOrder order = FlattenOrder::kChw;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("order", self.order, "order of the features");
  }
};

// Zeroes a share 'rate' of the elements in training and scales the rest by 1 / (1 - rate).
struct Dropout {
  float rate = 0.5f;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("rate", self.rate, "share of elements that are zeroed in training");
  }
};

// Over the last dimension.
struct Softmax {
  template <class Self, class V>
  static void VisitFields(Self&, V&&) {}
};

// The closed list. A struct here without a definition in ops/ fails at link time, naming the op.
using Op = std::variant<Input, Conv2d, Dense, BatchNorm, Act, Pool, GlobalPool, Add, Mul, Concat,
                        Flatten, Dropout, Softmax>;

// The name of each alternative of Op, in its order, as the text form writes it.
inline constexpr const char* kOpNames[] = {
    "input", "conv2d", "dense",  "batch_norm", "activation", "pool",   "global_pool",
    "add",   "mul",    "concat", "flatten",    "dropout",    "softmax"};
static_assert(std::size(kOpNames) == std::variant_size_v<Op>);
inline const char* OpName(const Op& op) { return kOpNames[op.index()]; }

}  // namespace linnet

#endif  // LINNET_GRAPH_OP_H_
