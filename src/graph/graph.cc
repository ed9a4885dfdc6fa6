#include "graph/graph.h"

#include <algorithm>

namespace linnet {
namespace {

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-' || c == '/';
}

}  // namespace

Value Graph::Emit(std::string node_name, Op op, std::vector<Value> inputs, ValueType type) {
  if (node_name.empty() || !std::all_of(node_name.begin(), node_name.end(), IsNameCharacter)) {
    Fail(ErrorKind::kUsage, "'{}' is not a name: use letters, digits and _ . - /", node_name);
  }
  if (node_name == "name" || node_name == "return") {
    Fail(ErrorKind::kUsage, "a node cannot be called '{}', a word of the graph's text", node_name);
  }
  if (Find(node_name) >= 0) {
    Fail(ErrorKind::kUsage, "there are two nodes called '{}'; names must differ", node_name);
  }
  const Value value = static_cast<Value>(nodes.size());
  for (const Value input : inputs) {
    if (input < 0 || input >= value) {
      Fail(ErrorKind::kUsage, "{}: input {} does not come before it", node_name, input);
    }
  }
  nodes.push_back({std::move(node_name), std::move(op), std::move(inputs), type});
  return value;
}

Value Graph::Find(std::string_view node_name) const {
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].name == node_name) return static_cast<Value>(i);
  }
  return -1;
}

std::string FreeName(const Graph& graph, std::string name) {
  while (graph.Find(name) >= 0) name += "_";
  return name;
}

std::vector<bool> NeededByResults(const Graph& graph) {
  std::vector<bool> needed(graph.nodes.size(), false);
  for (const Output& output : graph.outputs) {
    if (output.auxiliary == 0) needed[output.value] = true;
  }
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const Value input : graph.nodes[i].inputs) needed[input] = true;
  }
  return needed;
}

bool EndsInSoftmax(const Graph& graph) {
  Value value = graph.outputs[0];
  while (std::holds_alternative<Flatten>(graph.nodes[value].op)) {
    value = graph.nodes[value].inputs[0];
  }
  return std::holds_alternative<Softmax>(graph.nodes[value].op);
}

bool IsQuantized(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [](const Node& node) { return node.type.is_u8(); });
}

std::vector<std::vector<int>> Users(const Graph& graph) {
  std::vector<std::vector<int>> users(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const Value input : graph.nodes[i].inputs) users[input].push_back(static_cast<int>(i));
  }
  return users;
}

bool operator==(const Graph& a, const Graph& b) { return GraphToText(a) == GraphToText(b); }

}  // namespace linnet
