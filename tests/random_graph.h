// Small random networks with lively parameters, for tests that compare two ways of running one.
#ifndef LINNET_TESTS_RANDOM_GRAPH_H_
#define LINNET_TESTS_RANDOM_GRAPH_H_

#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "ops/network.h"

namespace linnet::testing {

inline Activation RandomActivation(Rng& rng) { return static_cast<Activation>(rng.Below(11)); }

inline Conv2d RandomConv(Rng& rng, int64_t channels) {
  Conv2d conv;
  const int c = static_cast<int>(channels);
  const int kernel = 1 + 2 * static_cast<int>(rng.Below(2));
  conv.kernel = {kernel, kernel};
  conv.padding = rng.Coin(0.3f) ? Padding::Same() : Padding::All(kernel / 2);
  if (rng.Coin(0.15f)) conv.stride = {2, 2};
  conv.bias = rng.Coin(0.3f);
  if (rng.Coin(0.3f)) {  // depthwise
    conv.groups = conv.out_channels = c;
  } else {
    conv.out_channels = rng.Coin(0.6f) ? 8 : 1 + static_cast<int>(rng.Below(20));
  }
  return conv;
}

// An operation on one or two of the values so far, of 'shapes'.
inline Op RandomOp(Rng& rng, const Shape& shape) {
  if (shape.rank() == 2) {
    switch (rng.Below(4)) {
      case 0:
        return Dense{.out_features = 1 + static_cast<int>(rng.Below(12)), .bias = rng.Coin(0.5f)};
      case 1:
        return BatchNorm{.affine = rng.Coin(0.8f)};
      case 2:
        return Act{RandomActivation(rng), 0.2f};
      default:
        return Softmax{};
    }
  }
  switch (rng.Below(14)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return RandomConv(rng, shape.c());
    case 4:
    case 5:
    case 6:
      return BatchNorm{.eps = 1e-3f, .affine = rng.Coin(0.8f)};
    case 7:
    case 8:
      return Act{RandomActivation(rng), 0.2f};
    case 9:
    case 10:
      return Add{};
    case 11:
      return Dropout{};
    case 12:
      return rng.Coin(0.5f) ? Op(Concat{}) : Op(Mul{});
    default:
      return Pool{
          rng.Coin(0.5f) ? PoolKind::kMax : PoolKind::kAverage, {3, 3}, {1, 1}, Padding::All(1)};
  }
}

inline std::optional<std::vector<Shape>> TryShapes(const Graph& graph) {
  try {
    return InferShapes(graph);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Mostly chains, as networks are, with branches, values read twice and several outputs.
inline Graph RandomGraph(uint64_t seed, int nodes = 16) {
  Rng rng(seed);
  Graph graph;
  graph.name = "random";
  graph.Emit("image", Input{9, 7, 8});
  const auto pick = [&] {
    const uint32_t count = static_cast<uint32_t>(graph.nodes.size());
    return static_cast<Value>(rng.Coin(0.7f) ? count - 1 : rng.Below(count));
  };
  for (int tries = 0; tries < 40 * nodes && static_cast<int>(graph.nodes.size()) < nodes; ++tries) {
    const std::vector<Shape> shapes = InferShapes(graph);
    const Value first = pick();
    Op op = RandomOp(rng, shapes[first]);
    if (shapes[first].rank() == 4 && graph.nodes.size() > 8 && rng.Coin(0.05f)) op = Flatten{};
    std::vector<Value> inputs = {first};
    const bool two = std::holds_alternative<Add>(op) || std::holds_alternative<Mul>(op) ||
                     std::holds_alternative<Concat>(op);
    if (two) inputs.push_back(pick());
    Graph next = graph;
    next.Emit("n" + std::to_string(graph.nodes.size()) + "." + OpName(op), op, inputs);
    next.outputs = {static_cast<Value>(next.nodes.size()) - 1};
    if (TryShapes(next)) graph = next;
  }
  graph.outputs = {static_cast<Value>(graph.nodes.size()) - 1};
  if (rng.Coin(0.3f)) graph.outputs.push_back(pick());
  return graph;
}

// Fresh parameters, and running statistics and biases as training would leave them.
inline ParamMap LivelyParams(const Graph& graph, uint64_t seed) {
  ParamMap params = InitParams(graph, seed);
  Rng rng(seed, 77);
  for (auto& [name, tensor] : params) {
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      float& x = tensor.data()[i];
      if (name.ends_with("running_var")) {
        x = rng.Uniform(0.3f, 2);
      } else if (name.ends_with("running_mean") || name.ends_with("bias")) {
        x = 0.3f * rng.Normal();
      } else if (tensor.shape().rank() == 1) {
        x = rng.Uniform(0.5f, 1.5f);
      }
    }
  }
  return params;
}

inline RefTensor<double> RandomInput(const Shape& shape, uint64_t seed) {
  RefTensor<double> input(shape);
  Rng rng(seed, 5);
  for (double& x : input.data) x = rng.Normal();
  return input;
}

// The largest difference, relative to the largest number of 'expected'.
template <class A, class E>
double RelativeDifference(std::span<const A> actual, std::span<const E> expected) {
  if (actual.size() != expected.size()) return INFINITY;
  double difference = 0, largest = 1e-6;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double d = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    difference = std::isnan(d) ? INFINITY : std::max(difference, d);
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return difference / largest;
}

template <class T>
double RelativeDifference(const T* actual, const RefTensor<double>& expected) {
  return RelativeDifference<T, double>({actual, expected.data.size()}, expected.data);
}

}  // namespace linnet::testing

#endif  // LINNET_TESTS_RANDOM_GRAPH_H_
