#include "compress/equalize.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace linnet {
namespace {

struct LayerPair {
  int first = 0, second = 0;  // nodes
};

FusedActivation* ActOf(Op& op) {
  if (Conv2d* conv = std::get_if<Conv2d>(&op)) return conv->residual ? nullptr : &conv->act;
  if (Dense* dense = std::get_if<Dense>(&op)) return &dense->act;
  return nullptr;
}

bool CommutesWithFactors(Activation kind) {
  return kind == Activation::kIdentity || kind == Activation::kRelu ||
         kind == Activation::kLeakyRelu || kind == Activation::kRelu6;
}

// How a layer's weights lie for its input channels: those of channel i are
// weight[o, t, i] for each o and t, or weight[i, t] where each channel is by itself.
struct Weights {
  float* data = nullptr;
  int64_t out = 0, taps = 0, in = 0;
  bool depthwise = false;

  int64_t input_channels() const { return depthwise ? out : in; }
  // Calls f(weight&) for each that reads input channel i.
  template <class F>
  void ForInput(int64_t i, F&& f) const {
    if (depthwise) return ForOutput(i, f);
    for (int64_t row = 0; row < out * taps; ++row) f(data[row * in + i]);
  }
  template <class F>
  void ForOutput(int64_t o, F&& f) const {
    for (int64_t k = 0; k < taps * in; ++k) f(data[o * taps * in + k]);
  }
};

// No weights if the layer is none of a kind that can be equalised.
Weights WeightsOf(const Node& node, ParamMap& params) {
  const Conv2d* conv = std::get_if<Conv2d>(&node.op);
  if (conv == nullptr && !std::holds_alternative<Dense>(node.op)) return {};
  Tensor& tensor = params.at(node.name + ".weight");
  const Shape& shape = tensor.shape();
  if (conv == nullptr) return {tensor.data(), shape[0], 1, shape[1], false};
  const bool depthwise = conv->groups > 1;
  if (depthwise && (conv->groups != conv->out_channels || shape[3] != 1)) return {};
  return {tensor.data(), shape[0], shape[1] * shape[2], shape[3], depthwise};
}

std::vector<LayerPair> FindPairs(Graph& graph, ParamMap& params) {
  const auto users = Users(graph);
  const auto returned = [&](int i) {
    return std::count(graph.outputs.begin(), graph.outputs.end(), i) > 0;
  };
  std::vector<LayerPair> pairs;
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    const FusedActivation* act = ActOf(graph.nodes[i].op);
    if (act == nullptr || !CommutesWithFactors(act->kind) || users[i].size() != 1 || returned(i)) {
      continue;
    }
    int value = i, next = users[i][0];
    // A leaky ReLU is a node of its own where the layer shall be of bytes.
    if (const Act* alone = std::get_if<Act>(&graph.nodes[next].op)) {
      if (alone->kind != Activation::kLeakyRelu || users[next].size() != 1 || returned(next)) {
        continue;
      }
      value = next, next = users[next][0];
    }
    const Weights first = WeightsOf(graph.nodes[i], params);
    const Weights second = WeightsOf(graph.nodes[next], params);
    if (first.data == nullptr || second.data == nullptr) continue;
    if (graph.nodes[next].inputs[0] != value || second.input_channels() != first.out) continue;
    pairs.push_back({i, next});
  }
  return pairs;
}

float* BiasOf(const Node& node, ParamMap& params) {
  const auto found = params.find(node.name + ".bias");
  return found == params.end() ? nullptr : found->second.data();
}

// Returns the largest change of a factor, as a part of it. 'total': by channel, the product of the
// factors so far.
double EqualizePair(const Weights& first, float* bias, const Weights& second,
                    std::vector<float>& total) {
  double largest = 0;
  for (int64_t c = 0; c < first.out; ++c) {
    float range1 = 0, range2 = 0;
    first.ForOutput(c, [&](float w) { range1 = std::max(range1, std::abs(w)); });
    second.ForInput(c, [&](float w) { range2 = std::max(range2, std::abs(w)); });
    if (range1 == 0 || range2 == 0) continue;
    // A channel that is all but dead would have its bias blown up for nothing.
    const float s = std::clamp(total[c] * std::sqrt(range1 / range2), 1e-2f, 1e2f) / total[c];
    total[c] *= s;
    first.ForOutput(c, [&](float& w) { w /= s; });
    if (bias != nullptr) bias[c] /= s;
    second.ForInput(c, [&](float& w) { w *= s; });
    largest = std::max(largest, std::abs(s - 1.0));
  }
  return largest;
}

}  // namespace

int EqualizeLayers(Network& network) {
  for (auto& [name, tensor] : network.params) tensor = tensor.Clone();
  const std::vector<LayerPair> pairs = FindPairs(network.graph, network.params);
  std::vector<std::vector<float>> totals;
  for (const LayerPair& pair : pairs) {
    FusedActivation* act = ActOf(network.graph.nodes[pair.first].op);
    if (act->kind == Activation::kRelu6) act->kind = Activation::kRelu;
    const Weights first = WeightsOf(network.graph.nodes[pair.first], network.params);
    totals.emplace_back(static_cast<size_t>(first.out), 1.0f);
  }
  constexpr int kMaxRounds = 20;  // a layer may be in two pairs
  double change = 1;
  for (int round = 0; round < kMaxRounds && change > 1e-3; ++round) {
    change = 0;
    for (size_t i = 0; i < pairs.size(); ++i) {
      const Node& first = network.graph.nodes[pairs[i].first];
      const Node& second = network.graph.nodes[pairs[i].second];
      change = std::max(
          change, EqualizePair(WeightsOf(first, network.params), BiasOf(first, network.params),
                               WeightsOf(second, network.params), totals[i]));
    }
  }
  return static_cast<int>(pairs.size());
}

}  // namespace linnet
