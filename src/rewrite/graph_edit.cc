#include "rewrite/graph_edit.h"

#include <numeric>

namespace linnet {
namespace {

// Drops the nodes marked dead; 'current' says which value each old one has become.
void Compact(Graph& graph, const std::vector<bool>& dead, const std::vector<Value>& current) {
  std::vector<Value> place(graph.nodes.size(), -1);
  std::vector<Node> nodes;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (dead[i]) continue;
    place[i] = static_cast<Value>(nodes.size());
    nodes.push_back(std::move(graph.nodes[i]));
    for (Value& input : nodes.back().inputs) input = place[current[input]];
  }
  graph.nodes = std::move(nodes);
  for (Output& output : graph.outputs) output.value = place[current[output.value]];
}

}  // namespace

GraphEdit::GraphEdit(Graph& graph)
    : graph_(graph),
      current_(graph.nodes.size()),
      uses_(graph.nodes.size()),
      dead_(graph.nodes.size()) {
  std::iota(current_.begin(), current_.end(), 0);
  for (const Node& node : graph.nodes) {
    for (const Value input : node.inputs) ++uses_[input];
  }
  for (const Value output : graph.outputs) ++uses_[output];
}

bool GraphEdit::IsFloat(int i) const {
  const Node& node = graph_.nodes[i];
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    if (graph_.nodes[Input(i, k)].type.dtype != DType::kF32) return false;
  }
  return node.type.dtype == DType::kF32;
}

void GraphEdit::Replace(int i, Value by) {
  for (size_t k = 0; k < graph_.nodes[i].inputs.size(); ++k) --uses_[Input(i, k)];
  uses_[by] += uses_[i];
  current_[i] = by;
  dead_[i] = true;
}

void GraphEdit::MoveHere(int i, Node node, Value from) {
  for (size_t k = 0; k < graph_.nodes[i].inputs.size(); ++k) --uses_[Input(i, k)];
  for (size_t k = 0; k < graph_.nodes[from].inputs.size(); ++k) --uses_[Input(from, k)];
  dead_[from] = true;
  graph_.nodes[i] = std::move(node);
  for (size_t k = 0; k < graph_.nodes[i].inputs.size(); ++k) ++uses_[Input(i, k)];
}

void GraphEdit::Finish() { Compact(graph_, dead_, current_); }

void RemoveUnused(Graph& graph) {
  std::vector<bool> dead(graph.nodes.size(), true);
  for (const Value output : graph.outputs) dead[output] = false;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    if (std::holds_alternative<Input>(graph.nodes[i].op)) dead[i] = false;
    if (dead[i]) continue;
    for (const Value input : graph.nodes[i].inputs) dead[input] = false;
  }
  std::vector<Value> current(graph.nodes.size());
  std::iota(current.begin(), current.end(), 0);
  Compact(graph, dead, current);
}

}  // namespace linnet
