#include "compress/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "graph/value_type.h"
#include "ops/types.h"

namespace linnet {
namespace {

// Any type of bytes, to ask whether an operation computes on bytes at all.
const ValueType kSomeBytes = ValueType::U8({1.0f / 64, 100});

const Act kConversion = {.kind = Activation::kIdentity};

std::string Refuses(const Op& op, Shapes in, const Shape& out, std::span<const ValueType> in_types,
                    const ValueType& out_type) {
  return DefOf(op).refuses_types(op, {in, out, false, 1, in_types, out_type});
}

bool TakesBytes(const Op& op, const std::vector<Shape>& in, const Shape& out) {
  if (in.empty()) return false;
  const std::vector<ValueType> types(in.size(), kSomeBytes);
  return Refuses(op, in, out, types, kSomeBytes).empty();
}

FusedActivation* FusedActivationOf(Op& op) {
  if (Conv2d* conv = std::get_if<Conv2d>(&op)) return &conv->act;
  if (Dense* dense = std::get_if<Dense>(&op)) return &dense->act;
  if (Add* add = std::get_if<Add>(&op)) return &add->act;
  return nullptr;
}

// An activation that the operation cannot take on bytes becomes a node of its own.
Graph SplitActivations(const Graph& graph, const InputSize& size) {
  const std::vector<Shape> shapes = InferShapes(graph, size);
  Graph split;
  split.name = graph.name;
  std::vector<Value> place;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node node = graph.nodes[i];
    const std::vector<Shape> in = InputShapes(node, shapes);
    for (Value& input : node.inputs) input = place[input];
    FusedActivation* fused = FusedActivationOf(node.op);
    FusedActivation act;
    if (fused != nullptr && !TakesBytes(node.op, in, shapes[i])) std::swap(act, *fused);
    place.push_back(split.Emit(node.name, node.op, node.inputs));
    if (act.kind != Activation::kIdentity) {
      place.back() =
          split.Emit(FreeName(graph, node.name + ".act"), Act{act.kind, act.alpha}, {place.back()});
    }
  }
  for (const Output& output : graph.outputs) split.outputs.emplace_back(place[output.value]);
  return split;
}

// Takes from the bias by how much rounding has moved the mean of each result:
// sum over taps and inputs of (rounded - exact weight) * mean of the input.
void CorrectBias(const Tensor& exact, const QuantizedWeights& rounded,
                 std::span<const double> input_mean, int64_t groups, Tensor& bias) {
  const int64_t out = bias.elements(), each = exact.elements() / out;
  const int64_t in = Channels(exact.shape());
  for (int64_t o = 0; o < out; ++o) {
    const int64_t first_input = o / (out / groups) * in;
    double moved = 0;
    for (int64_t k = 0; k < each; ++k) {
      const int64_t at = o * each + k;
      const double difference =
          rounded.weight.data<int8_t>()[at] * double{rounded.scale.data()[o]} - exact.data()[at];
      moved += difference * input_mean[static_cast<size_t>(first_input + k % in)];
    }
    bias.data()[o] -= static_cast<float>(moved);
  }
}

// The terms of a sum reach further than the sum, and one that saturates makes it wrong
// (kernels/int8_requantize.h).
bool IsSum(const Op& op) {
  const Conv2d* conv = std::get_if<Conv2d>(&op);
  return std::holds_alternative<Add>(op) || (conv != nullptr && conv->residual);
}

// Where an activation that is looked up still changes: below and above, its result stays what it
// is (for those that come near to it only, within a level of a byte), and levels would be wasted.
struct Reach {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

Reach ReachOf(Activation kind) {
  switch (kind) {
    case Activation::kHardSigmoid:
      return {-3, 3};
    case Activation::kHardSwish:
      return {.low = -3};
    case Activation::kSigmoid:
      return {-7, 7};
    case Activation::kTanh:
      return {-4, 4};
    case Activation::kSwish:
      return {.low = -8};
    default:
      return {};
  }
}

class Quantizer {
 public:
  Quantizer(const Network& network, std::span<const Observation> observed,
            const QuantizeOptions& options)
      : from_(network),
        observed_(observed),
        options_(options),
        shapes_(InferShapes(network.graph, network.size)),
        users_(Users(network.graph)),
        floats_(network.graph.nodes.size(), -1),
        bytes_(network.graph.nodes.size(), -1) {
    to_.graph.name = network.graph.name;
    to_.params = network.params;
    to_.size = network.size;
  }

  Network Go() {
    const Graph& graph = from_.graph;
    for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
      if (WantsBytes(i) && EmitBytes(i)) continue;
      Node node = graph.nodes[i];
      for (Value& input : node.inputs) input = AsFloat(input);
      floats_[i] = to_.graph.Emit(node.name, node.op, node.inputs);
    }
    for (const Output& output : graph.outputs) to_.graph.outputs.emplace_back(AsFloat(output));
    return std::move(to_);
  }

 private:
  const Node& node(Value v) const { return from_.graph.nodes[v]; }

  bool IsOutput(Value v) const {
    return std::count(from_.graph.outputs.begin(), from_.graph.outputs.end(), v) > 0;
  }

  // Layers do; what lies between them goes along where a value is of bytes already.
  bool WantsBytes(int i) const {
    const Node& n = node(i);
    if (n.inputs.empty() || options_.keep_float.contains(n.name)) return false;
    if (DefOf(n.op).counts_macs) return true;
    return std::any_of(n.inputs.begin(), n.inputs.end(), [&](Value v) { return floats_[v] < 0; });
  }

  ValueType Calibrated(Value v) const {
    const Quantization q = Calibrate(observed_[v].histogram, options_.calibration);
    // What only an activation reads is of interest as far as that reaches.
    const bool read_once = users_[v].size() == 1 && !IsOutput(v);
    const Act* act = read_once ? std::get_if<Act>(&node(users_[v][0]).op) : nullptr;
    if (act == nullptr || IsSum(node(v).op)) return ValueType::U8(q);
    const Reach reach = ReachOf(act->kind);
    const double low = -double{q.scale} * q.zero_point;
    const double high = double{q.scale} * (255 - q.zero_point);
    return ValueType::U8(CoverRange(std::max(low, reach.low), std::min(high, reach.high)));
  }
  ValueType BytesOf(Value v) const {
    return bytes_[v] >= 0 ? to_.graph.nodes[bytes_[v]].type : Calibrated(v);
  }
  Value AsFloat(Value v) {
    if (floats_[v] < 0)
      floats_[v] =
          to_.graph.Emit(FreeName(from_.graph, node(v).name + ".f32"), kConversion, {bytes_[v]});
    return floats_[v];
  }
  Value AsBytes(Value v) {
    if (bytes_[v] < 0) {
      bytes_[v] = to_.graph.Emit(FreeName(from_.graph, node(v).name + ".u8"), kConversion,
                                 {floats_[v]}, Calibrated(v));
    }
    return bytes_[v];
  }

  // Whether nothing reads node i's value as bytes.
  bool ReadAsFloat(int i) const {
    if (IsOutput(i)) return true;
    return std::all_of(users_[i].begin(), users_[i].end(), [&](int user) {
      const Node& n = node(user);
      return options_.keep_float.contains(n.name) ||
             !TakesBytes(n.op, InputShapes(n, shapes_), shapes_[user]);
    });
  }

  // The first type of its value that the node takes: float32 where it is read so, the calibrated
  // one, that of its input (operations that move bytes keep it).
  bool ChooseType(int i, ValueType& type) const {
    const Node& n = node(i);
    const std::vector<Shape> in = InputShapes(n, shapes_);
    std::vector<ValueType> in_types;
    for (const Value v : n.inputs) in_types.push_back(BytesOf(v));
    std::vector<ValueType> candidates = {Calibrated(i), in_types[0]};
    if (ReadAsFloat(i)) candidates.insert(candidates.begin(), ValueType{});
    for (const ValueType& candidate : candidates) {
      type = candidate;
      if (Refuses(n.op, in, shapes_[i], in_types, type).empty()) return true;
    }
    return false;
  }

  // False if the node does not take bytes.
  bool EmitBytes(int i) {
    ValueType type;
    if (!ChooseType(i, type)) return false;
    Node n = node(i);
    for (Value& input : n.inputs) input = AsBytes(input);
    if (DefOf(n.op).counts_macs) QuantizeLayer(i, n);
    (type.is_u8() ? bytes_ : floats_)[i] = to_.graph.Emit(n.name, n.op, n.inputs, type);
    return true;
  }

  void QuantizeLayer(int i, Node& n) {
    Conv2d* conv = std::get_if<Conv2d>(&n.op);
    Dense* dense = std::get_if<Dense>(&n.op);
    Check(conv != nullptr || dense != nullptr, "a layer of bytes is conv2d or dense");
    const Tensor exact = from_.params.at(n.name + ".weight");
    const QuantizedWeights rounded = QuantizeWeights(exact);
    to_.params[n.name + ".weight"] = rounded.weight;
    to_.params[n.name + ".weight_scale"] = rounded.scale;
    if (!options_.bias_correction) return;
    bool& has_bias = conv != nullptr ? conv->bias : dense->bias;
    Tensor bias = has_bias ? from_.params.at(n.name + ".bias").Clone() : Tensor({exact.shape()[0]});
    has_bias = true;
    CorrectBias(exact, rounded, observed_[node(i).inputs[0]].channel_mean,
                conv != nullptr ? conv->groups : 1, bias);
    to_.params[n.name + ".bias"] = bias;
  }

  const Network& from_;
  std::span<const Observation> observed_;
  const QuantizeOptions& options_;
  const std::vector<Shape> shapes_;
  const std::vector<std::vector<int>> users_;
  Network to_;
  // By value of 'from_': its place in 'to_' as float32 and as bytes, -1: not there.
  std::vector<Value> floats_, bytes_;
};

}  // namespace

Network PrepareForQuantization(const Graph& graph, const ParamMap& params, const InputSize& size) {
  Network network = Rewrite(graph, params, {}, size);
  network.graph = SplitActivations(network.graph, size);
  return network;
}

std::vector<std::string> QuantizableLayers(const Network& network) {
  const std::vector<Shape> shapes = InferShapes(network.graph, network.size);
  std::vector<std::string> names;
  for (size_t i = 0; i < network.graph.nodes.size(); ++i) {
    const Node& node = network.graph.nodes[i];
    if (!DefOf(node.op).counts_macs) continue;
    if (TakesBytes(node.op, InputShapes(node, shapes), shapes[i])) names.push_back(node.name);
  }
  return names;
}

QuantizedWeights QuantizeWeights(const Tensor& weight) {
  constexpr float kLargest = 127;
  const int64_t out = weight.shape()[0], each = weight.elements() / out;
  QuantizedWeights result = {Tensor(weight.shape(), DType::kI8), Tensor({out})};
  for (int64_t o = 0; o < out; ++o) {
    const float* w = weight.data() + o * each;
    float largest = 0;
    for (int64_t k = 0; k < each; ++k) largest = std::max(largest, std::abs(w[k]));
    const float scale = std::max(largest / kLargest, kMinScale);
    result.scale.data()[o] = scale;
    for (int64_t k = 0; k < each; ++k) {
      const float level = std::clamp(std::nearbyint(w[k] / scale), -kLargest, kLargest);
      result.weight.data<int8_t>()[o * each + k] = static_cast<int8_t>(level);
    }
  }
  return result;
}

Network Quantize(const Network& network, std::span<const Observation> observed,
                 const QuantizeOptions& options) {
  return Quantizer(network, observed, options).Go();
}

}  // namespace linnet
