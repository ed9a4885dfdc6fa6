#include "ops/network.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "ops/types.h"

namespace linnet {
namespace {

Shape InputShape(const Input& input, const InputSize& size) {
  return {size.batch, size.height > 0 ? size.height : input.height,
          size.width > 0 ? size.width : input.width, input.channels};
}

// No value of a sane network has more elements (8 GiB). A hostile file's may, and the products of
// its sizes, multiply-adds among them, would overflow.
constexpr int64_t kMaxElements = int64_t{1} << 31;

void CheckSize(const Shape& shape) {
  int64_t elements = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] <= 0)
      Fail(ErrorKind::kUsage, "its shape {} has an empty dimension", shape.ToString());
    if (__builtin_mul_overflow(elements, shape[i], &elements) || elements > kMaxElements) {
      Fail(ErrorKind::kUsage, "its shape {} is too large", shape.ToString());
    }
  }
}

// FNV-1a: a stream number for a name, the same on every machine.
uint64_t HashName(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash;
}

Tensor InitParam(const ParamSpec& spec, const std::string& name, uint64_t seed) {
  Tensor tensor(spec.shape, spec.dtype);
  Rng rng(seed, HashName(name));
  if (spec.dtype == DType::kI8) {  // for measurements of time: the init is of real numbers
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      tensor.data<int8_t>()[i] = static_cast<int8_t>(static_cast<int>(rng.Below(255)) - 127);
    }
    return tensor;
  }
  float* data = tensor.data();
  const double fan = std::max(1.0, spec.fan);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    switch (spec.init) {
      case Init::kZeros:
        break;
      case Init::kOnes:
        data[i] = 1;
        break;
      case Init::kKaimingNormal:
        data[i] = rng.Normal() * static_cast<float>(std::sqrt(2 / fan));
        break;
      case Init::kNormal001:
        data[i] = rng.Normal() * 0.01f;
        break;
      case Init::kConstant:
        data[i] = spec.constant;
        break;
      case Init::kRandomSigns:
        data[i] = rng.Coin(0.5f) ? 1.0f : -1.0f;
        break;
      case Init::kValues:
        data[i] = spec.values[static_cast<size_t>(i)];
        break;
    }
  }
  return tensor;
}

// Calls f(node, its specs) for each node.
template <class F>
void ForEachSpec(const Graph& graph, const InputSize& size, F&& f) {
  const auto specs = GraphParams(graph, InferShapes(graph, size));
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ParamSpec& spec : specs[i]) f(graph.nodes[i], spec);
  }
}

// The parameters as the reference takes them: weights of bytes as the numbers they stand for.
std::vector<RefTensor<double>> ReferenceParams(const Node& node,
                                               const std::vector<ParamSpec>& specs,
                                               const ParamMap& params) {
  std::vector<RefTensor<double>> result;
  for (const ParamSpec& spec : specs) {
    const Tensor& tensor = params.at(ParamName(node, spec));
    if (spec.name == "weight_scale") {
      RefTensor<double>& weight = result.back();
      const int64_t each = weight.shape.elements() / tensor.elements();
      for (int64_t i = 0; i < weight.shape.elements(); ++i) {
        weight.data[i] *= tensor.data()[i / each];
      }
      continue;
    }
    RefTensor<double>& param = result.emplace_back(tensor.shape());
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      param.data[i] = spec.dtype == DType::kI8 ? static_cast<double>(tensor.data<int8_t>()[i])
                                               : static_cast<double>(tensor.data()[i]);
    }
  }
  return result;
}

// The nearest numbers that the type has.
void RoundTo(const ValueType& type, RefTensor<double>& value) {
  if (!type.is_u8()) return;
  const double scale = type.quantization.scale, zero_point = type.quantization.zero_point;
  for (double& x : value.data) {
    x = (std::clamp(std::nearbyint(x / scale) + zero_point, 0.0, 255.0) - zero_point) * scale;
  }
}

}  // namespace

bool ReadsBytes(const Graph& graph, const Node& node) {
  return !node.inputs.empty() && graph.nodes[node.inputs[0]].type.is_u8();
}

std::vector<Shape> InputShapes(const Node& node, const std::vector<Shape>& shapes) {
  std::vector<Shape> in;
  for (const Value input : node.inputs) in.push_back(shapes[input]);
  return in;
}

std::vector<Shape> InferShapes(const Graph& graph, const InputSize& size) {
  std::vector<Shape> shapes;
  for (const Node& node : graph.nodes) {
    try {
      const Input* input = std::get_if<Input>(&node.op);
      shapes.push_back(input != nullptr ? InputShape(*input, size)
                                        : DefOf(node.op).infer(node.op, InputShapes(node, shapes)));
      CheckSize(shapes.back());
      for (const ParamSpec& spec : DefOf(node.op).params(node.op, InputShapes(node, shapes))) {
        CheckSize(spec.shape);
      }
    } catch (const Error& error) {
      Fail(error.kind(), "node '{}' ({}): {}", node.name, OpName(node.op), error.what());
    }
  }
  return shapes;
}

std::vector<std::vector<ParamSpec>> GraphParams(const Graph& graph,
                                                const std::vector<Shape>& shapes) {
  std::vector<std::vector<ParamSpec>> specs;
  for (const Node& node : graph.nodes) {
    specs.push_back(DefOf(node.op).params(node.op, InputShapes(node, shapes)));
    if (ReadsBytes(graph, node)) specs.back() = QuantizedSpecs(std::move(specs.back()));
  }
  return specs;
}

std::string ParamName(const Node& node, const ParamSpec& spec) {
  return node.name + "." + spec.name;
}

ParamMap InitParams(const Graph& graph, uint64_t seed) {
  ParamMap params;
  ForEachSpec(graph, {}, [&](const Node& node, const ParamSpec& spec) {
    const std::string name = ParamName(node, spec);
    params[name] = InitParam(spec, name, seed);
  });
  return params;
}

void CheckParams(const Graph& graph, const ParamMap& params, const InputSize& size) {
  ForEachSpec(graph, size, [&](const Node& node, const ParamSpec& spec) {
    const std::string name = ParamName(node, spec);
    const auto found = params.find(name);
    if (found == params.end()) {
      Fail(ErrorKind::kFile, "parameter '{}' {} is missing", name, spec.shape.ToString());
    }
    const Tensor& tensor = found->second;
    if (!(tensor.shape() == spec.shape) || tensor.dtype() != spec.dtype) {
      Fail(ErrorKind::kFile, "parameter '{}': expected {} {}, found {} {}", name,
           DTypeName(spec.dtype), spec.shape.ToString(), DTypeName(tensor.dtype()),
           tensor.shape().ToString());
    }
    if (!ReadsBytes(graph, node)) return;
    if (const std::string wrong = WrongNumbers(spec, tensor); !wrong.empty()) {
      Fail(ErrorKind::kFile, "parameter '{}': {}", name, wrong);
    }
  });
}

std::vector<RefTensor<double>> RunReference(const Graph& graph, const ParamMap& params,
                                            const RefTensor<double>& input) {
  const InputSize size{input.shape[0], input.shape[1], input.shape[2]};
  const std::vector<Shape> shapes = InferShapes(graph, size);
  const auto specs = GraphParams(graph, shapes);
  std::vector<RefTensor<double>> values;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (std::holds_alternative<Input>(node.op)) {
      values.push_back(input);
      continue;
    }
    std::vector<RefTensor<double>> in;
    for (const Value value : node.inputs) in.push_back(values[value]);
    const auto node_params = ReferenceParams(node, specs[i], params);
    values.push_back(DefOf(node.op).reference(node.op, {in, node_params, shapes[i]}));
    RoundTo(node.type, values.back());
  }
  std::vector<RefTensor<double>> outputs;
  for (const Value output : graph.outputs) outputs.push_back(values[output]);
  return outputs;
}

}  // namespace linnet
