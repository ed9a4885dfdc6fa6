#include "rewrite/bfloat16.h"

#include <algorithm>

namespace linnet {
namespace {

const Act kConversion = {.kind = Activation::kIdentity};

class Converter {
 public:
  Converter(const Graph& graph, const std::vector<Shape>& shapes)
      : from_(graph), shapes_(shapes), own_(graph.nodes.size(), -1), other_(own_) {
    to_.name = graph.name;
  }

  Graph Go() {
    for (int i = 0; i < static_cast<int>(from_.nodes.size()); ++i) {
      if (!WantsBf16(i) || !EmitBf16(i)) EmitAsItIs(i);
    }
    for (const Output& output : from_.outputs) {
      to_.outputs.emplace_back(As(output, {}), output.auxiliary);
    }
    return std::move(to_);
  }

 private:
  const ValueType& TypeOf(Value v) const { return to_.nodes[own_[v]].type; }

  bool IsOutput(int i) const {
    return std::find(from_.outputs.begin(), from_.outputs.end(), i) != from_.outputs.end();
  }

  // Layers do, and what comes after a value that is bfloat16 already.
  bool WantsBf16(int i) const {
    const Node& node = from_.nodes[i];
    const bool bytes = node.type.is_u8() || std::any_of(node.inputs.begin(), node.inputs.end(),
                                                        [&](Value v) { return TypeOf(v).is_u8(); });
    if (node.inputs.empty() || bytes) return false;
    return DefOf(node.op).counts_macs || std::any_of(node.inputs.begin(), node.inputs.end(),
                                                     [&](Value v) { return TypeOf(v).is_bf16(); });
  }

  // With its inputs as they are, if it takes them so, else with all of them in bfloat16.
  bool EmitBf16(int i) {
    const Node& node = from_.nodes[i];
    const ValueType out = IsOutput(i) ? ValueType{} : ValueType::BF16();
    std::vector<ValueType> as_are;
    for (const Value v : node.inputs) as_are.push_back(TypeOf(v));
    const std::vector<ValueType> all(node.inputs.size(), ValueType::BF16());
    const bool some = out.is_bf16() || std::any_of(as_are.begin(), as_are.end(),
                                                   [](const ValueType& t) { return t.is_bf16(); });
    return (some && Emit(i, as_are, out)) || Emit(i, all, out) || Emit(i, all, ValueType::BF16());
  }

  bool Emit(int i, const std::vector<ValueType>& in_types, const ValueType& out) {
    const Node& node = from_.nodes[i];
    const std::vector<Shape> in = InputShapes(node, shapes_);
    if (!DefOf(node.op).refuses_types(node.op, {in, shapes_[i], false, 1, in_types, out}).empty()) {
      return false;
    }
    std::vector<Value> inputs;
    for (size_t k = 0; k < in_types.size(); ++k) inputs.push_back(As(node.inputs[k], in_types[k]));
    own_[i] = to_.Emit(node.name, node.op, inputs, out);
    return true;
  }

  void EmitAsItIs(int i) {
    const Node& node = from_.nodes[i];
    std::vector<Value> inputs;
    for (const Value v : node.inputs) inputs.push_back(As(v, from_.nodes[v].type));
    own_[i] = to_.Emit(node.name, node.op, inputs, node.type);
  }

  Value As(Value v, const ValueType& type) {
    if (TypeOf(v) == type) return own_[v];
    if (other_[v] < 0) {
      const char* suffix = type.is_bf16() ? ".bf16" : ".f32";
      other_[v] =
          to_.Emit(FreeName(from_, from_.nodes[v].name + suffix), kConversion, {own_[v]}, type);
    }
    return other_[v];
  }

  const Graph& from_;
  const std::vector<Shape>& shapes_;
  Graph to_;
  // By value of 'from_': its place in 'to_' as its node makes it, and converted; -1: not there.
  std::vector<Value> own_, other_;
};

}  // namespace

Graph InBfloat16(const Graph& graph, const std::vector<Shape>& shapes) {
  return Converter(graph, shapes).Go();
}

}  // namespace linnet
