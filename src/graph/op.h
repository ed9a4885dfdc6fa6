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
#include <vector>

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
  // Where values are bytes, what an activation that is looked up in a table is applied to has a
  // scale and a zero point of its own. 0: not said.
  float scale = 0;
  int zero_point = 0;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("act", self.kind, "activation applied to the result");
    v("act_alpha", self.alpha, "slope of leaky_relu, scale of elu");
    v("act_scale", self.scale, "scale of the bytes that it is applied to");
    v("act_zero_point", self.zero_point, "zero point of the bytes that it is applied to");
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
  // Everything is fixed, and training, too, uses the running statistics: how detectors fine-tune a
  // backbone with few pictures a step (Faster R-CNN on ResNet, 1512.03385, appendix A).
  bool frozen = false;
  FusedActivation act = {};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("eps", self.eps, "added to the variance");
    v("momentum", self.momentum, "share of the batch in the running statistics");
    v("affine", self.affine, "learn a scale and a shift");
    v("frozen", self.frozen, "nothing is trained; the running statistics always count");
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

// Sum act(a + scale * b) of two values of one rank. Where one has 1 in a dimension, it is broadcast
// to the other's. 'scale' is Inception-ResNet's (1602.07261, sec. 3.3).
struct Add {
  float scale = 1;
  FusedActivation act = {};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("scale", self.scale, "factor of the second input");
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

// Local response normalisation across channels (AlexNet, sec. 3.3): y = x / (k + alpha * sum of x^2
// over 'size' neighbouring channels)^beta. Caffe and PyTorch divide their alpha by size first.
struct Lrn {
  int size = 5;
  float alpha = 1e-4f;
  float beta = 0.75f;
  float k = 2;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("size", self.size, "channels that are summed, odd; the channel itself in the middle");
    v("alpha", self.alpha, "factor of the sum of squares");
    v("beta", self.beta, "exponent");
    v("k", self.k, "added to the sum");
  }
};

// Channels [g][c] -> [c][g] (ShuffleNet, 1707.01083, sec. 3.1): output channel c * groups + g is
// input channel g * (channels / groups) + c.
struct ChannelShuffle {
  int groups = 2;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("groups", self.groups, "groups that are dealt out");
  }
};

// A run of rows, columns or channels: [begin, end) along one axis of a map. Negative numbers count
// from the end of the axis; end = 0 is its end.
enum class Axis { kHeight, kWidth, kChannel };
inline constexpr const char* kAxisNames[] = {"height", "width", "channel"};
inline std::span<const char* const> EnumNames(Axis) { return kAxisNames; }
struct Slice {
  Axis axis = Axis::kChannel;
  int begin = 0;
  int end = 0;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("axis", self.axis, "height, width or channel");
    v("begin", self.begin, "first that is kept; negative: from the end");
    v("end", self.end, "first after those kept; negative: from the end; 0: the end");
  }
};

// The maximum or the mean over the channels of each pixel: [N, H, W, C] -> [N, H, W, 1] (CBAM's
// spatial attention, 1807.06521, sec. 3).
struct ChannelPool {
  PoolKind kind = PoolKind::kAverage;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("kind", self.kind, "max or average");
  }
};

// Resampling of a map. With a second input, to its height and width; else to height,width; where
// those are 0, to 'scale' times the input's.
enum class ResizeMode { kNearest, kBilinear };
inline constexpr const char* kResizeModeNames[] = {"nearest", "bilinear"};
inline std::span<const char* const> EnumNames(ResizeMode) { return kResizeModeNames; }
struct Resize {
  ResizeMode mode = ResizeMode::kNearest;
  bool align_corners = false;  // bilinear: the corner pixels' centres coincide (Caffe's Interp)
  int height = 0;
  int width = 0;
  int scale = 2;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("mode", self.mode, "nearest or bilinear");
    v("align_corners", self.align_corners, "bilinear: corner pixels coincide");
    v("height", self.height, "rows of the result; 0: by scale");
    v("width", self.width, "columns of the result; 0: by scale");
    v("scale", self.scale, "factor of both sides");
  }
};

// A border of a constant around a map, and constant channels before and after its own. Not 'same'.
struct Pad {
  Padding padding = {};
  int channels_before = 0;
  int channels_after = 0;
  float value = 0;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("padding", self.padding, "border: n | top,left,bottom,right");
    v("channels_before", self.channels_before, "channels before the first");
    v("channels_after", self.channels_after, "channels after the last");
    v("value", self.value, "what the border holds");
  }
};

// Transposed convolution: the gradient of Conv2d with respect to its input, as a layer. Rows out =
// (in - 1) * stride - top - bottom + dilation * (kernel - 1) + output_padding + 1. Weight
// [in_channels, kh, kw, out_channels / groups].
struct ConvTranspose2d {
  int out_channels = 0;
  Pair kernel = {1, 1};
  Pair stride = {1, 1};
  Padding padding = {};
  Pair output_padding = {0, 0};
  Pair dilation = {1, 1};
  int groups = 1;
  bool bias = false;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("out_channels", self.out_channels, "channels of the result");
    v("kernel", self.kernel, "height,width of the filters");
    v("stride", self.stride, "step down,right in the result");
    v("padding", self.padding, "border taken away: n | top,left,bottom,right");
    v("output_padding", self.output_padding, "rows,columns added at the bottom,right");
    v("dilation", self.dilation, "distance between taps");
    v("groups", self.groups, "groups of channels that do not see each other");
    v("bias", self.bias, "add a bias to each output channel");
  }
};

// Deformable convolution (1703.06211; with a mask 1811.11168). Inputs: the map; the offsets
// [N, out_h, out_w, 2 * offset_groups * kh * kw], of offset group g and tap k = ky * kw + kx at
// channel 2 * (g * kh * kw + k) downwards and the next one to the right; and, if 'masked', the
// factors [N, out_h, out_w, offset_groups * kh * kw] of the taps. Bilinear, zero outside.
struct DeformConv2d {
  int out_channels = 0;
  Pair kernel = {3, 3};
  Pair stride = {1, 1};
  Padding padding = {};
  Pair dilation = {1, 1};
  int groups = 1;
  int offset_groups = 1;
  bool masked = false;
  bool bias = false;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("out_channels", self.out_channels, "number of filters");
    v("kernel", self.kernel, "height,width of the filters");
    v("stride", self.stride, "step down,right");
    v("padding", self.padding, "zeros around the map: n | top,left,bottom,right");
    v("dilation", self.dilation, "distance between taps");
    v("groups", self.groups, "groups of channels that do not see each other");
    v("offset_groups", self.offset_groups, "groups of input channels with offsets of their own");
    v("masked", self.masked, "the third input multiplies each tap (v2)");
    v("bias", self.bias, "add a bias to each output channel");
  }
};

// Stochastic depth (1603.09382): in training a sample's whole value is zero with probability
// 'rate', else divided by 1 - rate.
struct DropPath {
  float rate = 0.2f;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("rate", self.rate, "share of samples that are zeroed in training");
  }
};

// Undoes a max pooling (1311.2901, sec. 2.1): inputs are the values to place, of the pooled shape,
// and the map that was pooled. Each value goes to where its window had its maximum (the first, of
// several), the rest is zero; windows that overlap add. Fields as Pool's.
struct MaxUnpool {
  Pair kernel = {2, 2};
  Pair stride = {2, 2};
  Padding padding = {};
  bool ceil = false;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("kernel", self.kernel, "height,width of the window");
    v("stride", self.stride, "step down,right");
    v("padding", self.padding, "border: n | top,left,bottom,right | same");
    v("ceil", self.ceil, "round the pooled size up");
  }
};

// Which input maps each output map sees: "0+1+2;1+2+3" has two output maps.
struct Links {
  std::vector<std::vector<int>> sources;  // of each output map
};
std::string FieldToText(const Links& links);
bool FieldFromText(std::string_view text, Links& links);

// Convolution through a table of connections (LeNet-5's C3: LeCun et al. 1998, table I). Weight
// [number of links, kh, kw], in the order of the table; a bias for each output map.
struct PartialConv2d {
  Links links;
  Pair kernel = {5, 5};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("links", self.links, "input maps of each output map: 0+1;1+2;0+2");
    v("kernel", self.kernel, "height,width of the filters");
  }
};

// Trainable subsampling (LeNet-5's S2 and S4): the sum of each window times a weight, plus a bias,
// one of each a channel. Windows do not overlap; what is left over at the border is dropped.
struct Subsampling {
  Pair kernel = {2, 2};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("kernel", self.kernel, "height,width of the window");
  }
};

// Euclidean radial basis functions (LeNet-5's output layer): y_i = -sum over j of (x_j - w_ij)^2,
// negated so that the largest is the answer, as everywhere else. The codes w are fixed: -1 and +1.
struct Rbf {
  int out_features = 10;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("out_features", self.out_features, "number of codes");
  }
};

// Each pixel's channels divided by their Euclidean norm, times a learned scale a channel (ParseNet,
// 1506.04579; SSD's conv4_3).
struct L2Norm {
  float eps = 1e-10f;
  float init = 20;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("eps", self.eps, "added to the norm");
    v("init", self.init, "first value of the scale");
  }
};

// The closed list. A struct here without a definition in ops/ fails at link time, naming the op.
using Op = std::variant<Input, Conv2d, Dense, BatchNorm, Act, Pool, GlobalPool, Add, Mul, Concat,
                        Flatten, Dropout, Softmax, Lrn, ChannelShuffle, Slice, ChannelPool, Resize,
                        Pad, ConvTranspose2d, DeformConv2d, DropPath, MaxUnpool, PartialConv2d,
                        Subsampling, Rbf, L2Norm>;

// The name of each alternative of Op, in its order, as the text form writes it.
inline constexpr const char* kOpNames[] = {"input",
                                           "conv2d",
                                           "dense",
                                           "batch_norm",
                                           "activation",
                                           "pool",
                                           "global_pool",
                                           "add",
                                           "mul",
                                           "concat",
                                           "flatten",
                                           "dropout",
                                           "softmax",
                                           "lrn",
                                           "channel_shuffle",
                                           "slice",
                                           "channel_pool",
                                           "resize",
                                           "pad",
                                           "conv_transpose2d",
                                           "deform_conv2d",
                                           "drop_path",
                                           "max_unpool",
                                           "partial_conv2d",
                                           "subsampling",
                                           "rbf",
                                           "l2_norm"};
static_assert(std::size(kOpNames) == std::variant_size_v<Op>);
inline const char* OpName(const Op& op) { return kOpNames[op.index()]; }

}  // namespace linnet

#endif  // LINNET_GRAPH_OP_H_
