// One function an operation. Maps are NHWC here and NCHW there, so 'channel' is axis 1.
#include "io/onnx_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "io/weight_layout.h"
#include "kernels/int8_conv.h"
#include "ops/window.h"

namespace linnet {
namespace {

using Names = std::vector<std::string>;

constexpr int64_t kChannel = 1;

[[noreturn]] void NoForm(const OnnxSite& site, const char* reason) {
  Fail(ErrorKind::kUsage, "'{}' ({}) cannot be written as ONNX: {}", site.node.name,
       OpName(site.node.op), reason);
}

Ints PairInts(const Pair& pair) { return {pair[0], pair[1]}; }

// ---- activations ----

std::string Clip6(OnnxBuilder& onnx, const std::string& x) {
  return onnx.Add("Clip", {x, onnx.Float("least", 0), onnx.Float("most", 6)});
}

std::string ScaledTanh(OnnxBuilder& onnx, const std::string& x) {
  const std::string scaled =
      onnx.Add("Mul", {x, onnx.Float("slope", static_cast<float>(kScaledTanhS))});
  const std::string tanh = onnx.Add("Tanh", {scaled});
  return onnx.Add("Mul", {tanh, onnx.Float("amplitude", static_cast<float>(kScaledTanhA))});
}

std::string Activated(OnnxBuilder& onnx, Activation kind, float alpha, const std::string& x) {
  switch (kind) {
    case Activation::kIdentity:
      return x;
    case Activation::kRelu:
      return onnx.Add("Relu", {x});
    case Activation::kRelu6:
      return Clip6(onnx, x);
    case Activation::kLeakyRelu:
      return onnx.Add("LeakyRelu", {x}, {{"alpha", alpha}});
    case Activation::kElu:
      return onnx.Add("Elu", {x}, {{"alpha", alpha}});
    case Activation::kSelu:
      return onnx.Add("Selu", {x});
    case Activation::kSigmoid:
      return onnx.Add("Sigmoid", {x});
    case Activation::kTanh:
      return onnx.Add("Tanh", {x});
    case Activation::kHardSigmoid:
      return onnx.Add("HardSigmoid", {x}, {{"alpha", 1 / 6.0f}, {"beta", 0.5f}});
    case Activation::kHardSwish:
      return onnx.Add("HardSwish", {x});
    case Activation::kSwish:
      return onnx.Add("Mul", {x, onnx.Add("Sigmoid", {x})});
    case Activation::kScaledTanh:
      return ScaledTanh(onnx, x);
  }
  return x;
}

// What is looked up in a table of bytes is rounded before.
std::string Activated(const OnnxSite& site, const FusedActivation& act, const std::string& x) {
  const bool rounded = act.scale > 0;
  return Activated(site.onnx, act.kind, act.alpha,
                   rounded ? site.onnx.Rounded(x, {act.scale, act.zero_point}, "act_") : x);
}

std::string Write(const Act& op, const OnnxSite& site) {
  return Activated(site.onnx, op.kind, op.alpha, site.in[0]);
}

// ---- layers with weights ----

// The weights of a layer whose first input is rounded to bytes: int8, symmetric, one scale for each
// output channel, the first dimension.
struct ByteWeights {
  std::vector<int8_t> values;
  std::vector<float> scales;
};

ByteWeights ToBytes(const Tensor& weight) {
  ByteWeights bytes;
  const int64_t channels = weight.shape()[0], each = weight.elements() / channels;
  for (int64_t c = 0; c < channels; ++c) {
    const std::span<const float> filter(weight.data() + c * each, static_cast<size_t>(each));
    float largest = 0;
    for (const float w : filter) largest = std::max(largest, std::abs(w));
    bytes.scales.push_back(largest > 0 ? largest / 127 : 1);
    for (const float w : filter) {
      bytes.values.push_back(static_cast<int8_t>(std::lround(w / bytes.scales.back())));
    }
  }
  return bytes;
}

// A quantized layer has them as they are.
ByteWeights ByteWeightsOf(const OnnxSite& site, const Tensor& weight) {
  if (weight.dtype() != DType::kI8) return ToBytes(weight);
  const Tensor& scale = site.Param("weight_scale");
  return {{weight.data<int8_t>(), weight.data<int8_t>() + weight.elements()},
          {scale.data(), scale.data() + scale.elements()}};
}

// The bias in steps of the sums that it is added to. A channel whose weights are so small that it
// would not fit into 32 bits gets coarser ones, as in our own kernels.
std::vector<int32_t> FitToBias(const Tensor& bias, const Quantization& source, ByteWeights& bytes) {
  std::vector<int32_t> sums;
  const size_t channels = bytes.scales.size(), each = bytes.values.size() / channels;
  for (size_t c = 0; c < channels; ++c) {
    const kernels::Int8Channel fit = kernels::FitChannel(
        source, {bytes.values.data(), bytes.scales.data(), bias.data()}, static_cast<int64_t>(c));
    sums.push_back(fit.bias);
    if (fit.shrink == 1) continue;
    for (size_t i = c * each; i < (c + 1) * each; ++i)
      bytes.values[i] = fit.Weight(bytes.values[i]);
    bytes.scales[c] = static_cast<float>(fit.scale / source.scale);
  }
  return sums;
}

// The inputs of a layer: the value, the weights, the bias if there is one. On bytes the bias is
// int32 in steps of the product of the scales, as the sum that it is added to.
Names LayerInputs(const OnnxSite& site, const Tensor& weight, bool bias) {
  Names inputs = {site.in[0]};
  if (site.bytes == nullptr) {
    inputs.push_back(site.onnx.Floats("weight", weight));
    if (bias) inputs.push_back(site.onnx.Floats("bias", site.Param("bias")));
    return inputs;
  }
  Ints dims;
  for (int i = 0; i < weight.shape().rank(); ++i) dims.push_back(weight.shape()[i]);
  ByteWeights bytes = ByteWeightsOf(site, weight);
  std::vector<int32_t> sums;
  if (bias) sums = FitToBias(site.Param("bias"), *site.bytes, bytes);
  inputs.push_back(site.onnx.Scaled("weight", dims, bytes.values, bytes.scales));
  if (!bias) return inputs;
  for (float& scale : bytes.scales) scale *= site.bytes->scale;
  inputs.push_back(site.onnx.Scaled("bias", sums, bytes.scales));
  return inputs;
}

using Attributes = std::vector<OnnxAttribute>;

// What windows have in common, and 'more'.
Attributes WindowAttributes(const Pair& kernel, const Pair& stride, const Ints& pads,
                            std::initializer_list<OnnxAttribute> more = {}) {
  Attributes attributes = {
      {"kernel_shape", PairInts(kernel)}, {"strides", PairInts(stride)}, {"pads", pads}};
  attributes.insert(attributes.end(), more);
  return attributes;
}

// A convolution with the weights 'oihw'.
std::string Convolved(const OnnxSite& site, const Tensor& oihw, bool bias,
                      const Attributes& attributes) {
  return site.onnx.Add("Conv", LayerInputs(site, oihw, bias), attributes);
}

std::string Write(const Conv2d& op, const OnnxSite& site) {
  const Window window = FitWindow(
      {.kernel = op.kernel, .stride = op.stride, .dilation = op.dilation, .padding = op.padding},
      site.shapes[0]);
  const Attributes attributes =
      WindowAttributes(op.kernel, op.stride, {window.top, window.left, window.bottom, window.right},
                       {{"dilations", PairInts(op.dilation)}, {"group", op.groups}});
  std::string y = Convolved(site, ToOihw(site.Param("weight")), op.bias, attributes);
  if (op.residual) y = site.onnx.Add("Add", {y, site.in.back()});
  return Activated(site, op.act, y);
}

std::string Write(const ConvTranspose2d& op, const OnnxSite& site) {
  const Padding& p = op.padding;
  const Attributes attributes =
      WindowAttributes(op.kernel, op.stride, {p.top, p.left, p.bottom, p.right},
                       {{"output_padding", PairInts(op.output_padding)},
                        {"dilations", PairInts(op.dilation)},
                        {"group", op.groups}});
  Names inputs = {site.in[0], site.onnx.Floats("weight", ToOihw(site.Param("weight")))};
  if (op.bias) inputs.push_back(site.onnx.Floats("bias", site.Param("bias")));
  return site.onnx.Add("ConvTranspose", std::move(inputs), attributes);
}

// A dense convolution, with zeros for the links that the table lacks. One that it has twice adds.
std::string Write(const PartialConv2d& op, const OnnxSite& site) {
  const auto maps = static_cast<int64_t>(op.links.sources.size());
  const int64_t taps = int64_t{op.kernel[0]} * op.kernel[1];
  Tensor oihw(Shape{maps, site.shapes[0].c(), op.kernel[0], op.kernel[1]});
  const float* filter = site.Param("weight").data();
  for (int64_t o = 0; o < maps; ++o) {
    for (const int i : op.links.sources[o]) {
      float* tap = oihw.data() + (o * site.shapes[0].c() + i) * taps;
      for (int64_t t = 0; t < taps; ++t) tap[t] += *filter++;
    }
  }
  return Convolved(site, oihw, true, WindowAttributes(op.kernel, {1, 1}, {0, 0, 0, 0}));
}

// A depthwise convolution whose filters have one weight in all their taps.
std::string Write(const Subsampling& op, const OnnxSite& site) {
  const Tensor& weight = site.Param("weight");
  Tensor oihw(Shape{weight.elements(), 1, op.kernel[0], op.kernel[1]});
  const int64_t taps = int64_t{op.kernel[0]} * op.kernel[1];
  for (int64_t i = 0; i < oihw.elements(); ++i) oihw.data()[i] = weight.data()[i / taps];
  return Convolved(
      site, oihw, true,
      WindowAttributes(op.kernel, op.kernel, {0, 0, 0, 0}, {{"group", weight.elements()}}));
}

std::string Write(const Dense& op, const OnnxSite& site) {
  return Activated(
      site, op.act,
      site.onnx.Add("Gemm", LayerInputs(site, site.Param("weight"), op.bias), {{"transB", 1}}));
}

std::string Write(const BatchNorm& op, const OnnxSite& site) {
  const Shape channels = site.Param("running_mean").shape();
  Tensor ones(channels);
  std::fill_n(ones.data(), ones.elements(), 1.0f);
  const Names inputs = {site.in[0],
                        site.onnx.Floats("weight", op.affine ? site.Param("weight") : ones),
                        site.onnx.Floats("bias", op.affine ? site.Param("bias") : Tensor(channels)),
                        site.onnx.Floats("running_mean", site.Param("running_mean")),
                        site.onnx.Floats("running_var", site.Param("running_var"))};
  return Activated(site, op.act,
                   site.onnx.Add("BatchNormalization", inputs, {{"epsilon", op.eps}}));
}

// -sum of (x - w)^2 over the features: [N,F] -> [N,1,F] -> [N,O,F] -> [N,O].
std::string Write(const Rbf&, const OnnxSite& site) {
  OnnxBuilder& onnx = site.onnx;
  const std::string rows = onnx.Add("Unsqueeze", {site.in[0], onnx.Integers("axes", {1})});
  const std::string difference =
      onnx.Add("Sub", {rows, onnx.Floats("weight", site.Param("weight"))});
  const std::string sum =
      onnx.Add("ReduceSumSquare", {difference}, {{"axes", Ints{2}}, {"keepdims", 0}});
  return onnx.Add("Neg", {sum});
}

std::string Write(const L2Norm& op, const OnnxSite& site) {
  OnnxBuilder& onnx = site.onnx;
  const std::string norm = onnx.Add("ReduceL2", {site.in[0]}, {{"axes", Ints{kChannel}}});
  const std::string divisor = onnx.Add("Add", {norm, onnx.Float("eps", op.eps)});
  const std::string unit = onnx.Add("Div", {site.in[0], divisor});
  const Tensor& weight = site.Param("weight");
  return onnx.Add("Mul", {unit, onnx.Floats("weight", weight.Reshaped({weight.elements(), 1, 1}))});
}

// ---- pooling and normalising ----

// The zeros after the map with which rounding down gives 'out' windows along it.
int64_t PadAfter(int64_t out, int stride, int kernel, int64_t size, int before) {
  return std::max<int64_t>(0, (out - 1) * stride + kernel - size - before);
}

std::string Write(const Pool& op, const OnnxSite& site) {
  const Shape& in = site.shapes[0];
  const Window window = FitWindow(
      {.kernel = op.kernel, .stride = op.stride, .padding = op.padding, .ceil = op.ceil}, in);
  Ints pads = {window.top, window.left, window.bottom, window.right};
  if (op.ceil) {  // of what ceil_mode says of windows that begin in the padding, tools disagree
    pads[2] = PadAfter(window.out_h, op.stride[0], op.kernel[0], in.h(), window.top);
    pads[3] = PadAfter(window.out_w, op.stride[1], op.kernel[1], in.w(), window.left);
  }
  const bool beyond = pads[2] > window.bottom || pads[3] > window.right;
  if (beyond && op.kind == PoolKind::kAverage && op.count_include_pad) {
    NoForm(site, "ceil=true with count_include_pad=true");
  }
  if (op.kind == PoolKind::kMax) {
    return site.onnx.Add("MaxPool", {site.in[0]}, WindowAttributes(op.kernel, op.stride, pads));
  }
  return site.onnx.Add("AveragePool", {site.in[0]},
                       WindowAttributes(op.kernel, op.stride, pads,
                                        {{"count_include_pad", op.count_include_pad ? 1 : 0}}));
}

std::string Write(const GlobalPool& op, const OnnxSite& site) {
  return site.onnx.Add(op.kind == PoolKind::kMax ? "GlobalMaxPool" : "GlobalAveragePool",
                       {site.in[0]});
}

std::string Write(const ChannelPool& op, const OnnxSite& site) {
  return site.onnx.Add(op.kind == PoolKind::kMax ? "ReduceMax" : "ReduceMean", {site.in[0]},
                       {{"axes", Ints{kChannel}}});
}

// ONNX divides alpha by the number of channels, as Caffe does. More channels than there are on
// either side change nothing, but ONNX Runtime takes memory for them.
std::string Write(const Lrn& op, const OnnxSite& site) {
  const int64_t size = std::min<int64_t>(op.size, 2 * site.out.c() - 1);
  return site.onnx.Add("LRN", {site.in[0]},
                       {{"size", size},
                        {"alpha", op.alpha * static_cast<float>(size)},
                        {"beta", op.beta},
                        {"bias", op.k}});
}

std::string Write(const Softmax&, const OnnxSite& site) {
  return site.onnx.Add("Softmax", {site.in[0]}, {{"axis", kChannel}});
}

// ---- joining, cutting, moving ----

std::string Write(const Add& op, const OnnxSite& site) {
  std::string second = site.in[1];
  if (op.scale != 1) {
    second = site.onnx.Add("Mul", {second, site.onnx.Float("factor", op.scale)});
  }
  return Activated(site, op.act, site.onnx.Add("Add", {site.in[0], second}));
}

std::string Write(const Mul&, const OnnxSite& site) { return site.onnx.Add("Mul", site.in); }

std::string Write(const Concat&, const OnnxSite& site) {
  return site.onnx.Add("Concat", site.in, {{"axis", kChannel}});
}

std::string Write(const Slice& op, const OnnxSite& site) {
  constexpr int64_t kAxes[] = {2, 3, kChannel};  // of Axis
  const int64_t end = op.end == 0 ? std::numeric_limits<int64_t>::max() : op.end;
  return site.onnx.Add("Slice", {site.in[0], site.onnx.Integers("begin", {op.begin}),
                                 site.onnx.Integers("end", {end}),
                                 site.onnx.Integers("axis", {kAxes[static_cast<int>(op.axis)]})});
}

std::string Write(const ChannelShuffle& op, const OnnxSite& site) {
  const Shape& s = site.out;
  OnnxBuilder& onnx = site.onnx;
  const Ints groups = {s.n(), op.groups, s.c() / op.groups, s.h(), s.w()};
  const std::string apart = onnx.Add("Reshape", {site.in[0], onnx.Integers("groups", groups)});
  const std::string dealt = onnx.Add("Transpose", {apart}, {{"perm", Ints{0, 2, 1, 3, 4}}});
  return onnx.Add("Reshape", {dealt, onnx.Integers("map", {s.n(), s.c(), s.h(), s.w()})});
}

std::string Write(const Flatten& op, const OnnxSite& site) {
  const Shape& in = site.shapes[0];
  std::string map = site.in[0];
  if (op.order == FlattenOrder::kHwc && in.c() > 1 && in.h() * in.w() > 1) {
    map = site.onnx.Add("Transpose", {map}, {{"perm", Ints{0, 2, 3, 1}}});
  }
  return site.onnx.Add("Flatten", {map}, {{"axis", 1}});
}

std::string Write(const Pad& op, const OnnxSite& site) {
  const Padding& p = op.padding;
  const Ints pads = {0, op.channels_before, p.top, p.left, 0, op.channels_after, p.bottom, p.right};
  return site.onnx.Add(
      "Pad", {site.in[0], site.onnx.Integers("pads", pads), site.onnx.Float("value", op.value)});
}

// Of 'axis', whose size goes from 'from' to 'to', what the nearest rule takes.
std::string Taken(const OnnxSite& site, const char* name, const std::string& input, int64_t axis,
                  int64_t from, int64_t to) {
  Ints places;
  for (int64_t i = 0; i < to; ++i) places.push_back(i * from / to);
  return site.onnx.Add("Gather", {input, site.onnx.Integers(name, places)}, {{"axis", axis}});
}

std::string Write(const Resize& op, const OnnxSite& site) {
  const Shape &s = site.out, &from = site.shapes[0];
  // Tools divide by a factor that is rounded, which misses a source pixel where it is not whole.
  if (op.mode == ResizeMode::kNearest && (s.h() % from.h() != 0 || s.w() % from.w() != 0)) {
    const std::string rows = Taken(site, "rows", site.in[0], 2, from.h(), s.h());
    return Taken(site, "columns", rows, 3, from.w(), s.w());
  }
  const std::string sizes = site.onnx.Integers("sizes", {s.n(), s.c(), s.h(), s.w()});
  const bool nearest = op.mode == ResizeMode::kNearest;
  const std::string where = nearest            ? "asymmetric"
                            : op.align_corners ? "align_corners"
                                               : "half_pixel";
  return site.onnx.Add("Resize", {site.in[0], "", "", sizes},
                       {{"mode", std::string(nearest ? "nearest" : "linear")},
                        {"coordinate_transformation_mode", where},
                        {"nearest_mode", std::string("floor")}});
}

// ---- without effect, or without a form ----

std::string Write(const Dropout&, const OnnxSite& site) { return site.in[0]; }
std::string Write(const DropPath&, const OnnxSite& site) { return site.in[0]; }

std::string Write(const Input&, const OnnxSite& site) {
  site.onnx.AddInput(site.node.name, site.out);
  return site.node.name;
}

std::string Write(const DeformConv2d&, const OnnxSite& site) {
  NoForm(site, "opset 17 has no deformable convolution");
}
std::string Write(const MaxUnpool&, const OnnxSite& site) {
  NoForm(site, "MaxUnpool there wants the places of the maxima, not the map that was pooled");
}

}  // namespace

std::string WriteOnnx(const OnnxSite& site) {
  return std::visit([&](const auto& op) { return Write(op, site); }, site.node.op);
}

}  // namespace linnet
