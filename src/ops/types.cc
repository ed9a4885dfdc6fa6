#include "ops/types.h"

#include <algorithm>
#include <cmath>

#include "ops/network.h"

namespace linnet {

namespace {

// Whether f holds for an input's type or the result's.
template <class F>
bool AnyType(const PrepareArgs& args, F&& f) {
  return f(args.out_type) || std::any_of(args.in_types.begin(), args.in_types.end(), f);
}

}  // namespace

bool AnyU8(const PrepareArgs& args) {
  return AnyType(args, [](const ValueType& type) { return type.is_u8(); });
}

bool AllU8(const PrepareArgs& args) {
  return !args.in_types.empty() &&
         !AnyType(args, [](const ValueType& type) { return !type.is_u8(); });
}

bool AnyBf16(const PrepareArgs& args) {
  return AnyType(args, [](const ValueType& type) { return type.is_bf16(); });
}

bool AllFloat32(const PrepareArgs& args) {
  return !AnyType(args, [](const ValueType& type) { return type.dtype != DType::kF32; });
}

void ExpectTypes(const Op& op, const PrepareArgs& args) {
  const std::string reason = DefOf(op).refuses_types(op, args);
  if (reason.empty()) return;
  std::string types;
  for (size_t i = 0; i < args.in.size(); ++i) types += TypeToText(args.in_type(i)) + ", ";
  Fail(ErrorKind::kUsage, "it does not take {}to give {}: {}", types, TypeToText(args.out_type),
       reason);
}

std::vector<ValueType> InputTypes(const Graph& graph, const Node& node) {
  std::vector<ValueType> types;
  for (const Value input : node.inputs) types.push_back(graph.nodes[input].type);
  return types;
}

void CheckTypes(const Graph& graph, const std::vector<Shape>& shapes) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    std::string wrong = WrongType(node.type);
    if (wrong.empty() && std::holds_alternative<Input>(node.op) && node.type != ValueType{}) {
      wrong = "the input of a network is float32";
    } else if (wrong.empty()) {
      const std::vector<Shape> in = InputShapes(node, shapes);
      const std::vector<ValueType> types = InputTypes(graph, node);
      wrong = DefOf(node.op).refuses_types(node.op, {in, shapes[i], false, 1, types, node.type});
    }
    if (!wrong.empty()) {
      Fail(ErrorKind::kUsage, "node '{}' ({}) : {}: {}", node.name, OpName(node.op),
           TypeToText(node.type), wrong);
    }
  }
  for (const Value output : graph.outputs) {
    if (graph.nodes[output].type != ValueType{}) {
      Fail(ErrorKind::kUsage, "the output '{}' is {}; expected f32", graph.nodes[output].name,
           TypeToText(graph.nodes[output].type));
    }
  }
}

std::vector<ParamSpec> QuantizedSpecs(std::vector<ParamSpec> specs) {
  const auto weight = std::find_if(specs.begin(), specs.end(),
                                   [](const ParamSpec& spec) { return spec.name == "weight"; });
  if (weight == specs.end()) return specs;
  weight->dtype = DType::kI8;
  weight->trainable = weight->decay = false;
  const ParamSpec scale = {.name = "weight_scale",
                           .shape = {weight->shape[0]},
                           .init = Init::kConstant,
                           .trainable = false,
                           .constant = 1.0f / 127};
  specs.insert(weight + 1, scale);
  return specs;
}

std::string WrongNumbers(const ParamSpec& spec, const Tensor& tensor) {
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (spec.dtype == DType::kI8) {
      if (tensor.data<int8_t>()[i] == -128) return "expected -127 to 127, found -128";
    } else if (spec.name == "weight_scale") {
      if (const std::string wrong = WrongScale(tensor.data()[i]); !wrong.empty()) return wrong;
    } else if (!std::isfinite(tensor.data()[i])) {
      return fmt::format("found {}", tensor.data()[i]);
    }
  }
  return "";
}

}  // namespace linnet
