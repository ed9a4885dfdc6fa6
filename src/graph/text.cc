// The text form of a graph (graph.h): one line a node.
#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "graph/graph.h"

namespace linnet {
namespace {

constexpr std::string_view kHeader = "linnet-graph 1";

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// An Op with default fields for each name of kOpNames.
template <size_t... I>
Op DefaultOp(size_t index, std::index_sequence<I...>) {
  Op op;
  ((index == I ? (void)(op = std::variant_alternative_t<I, Op>{}) : (void)0), ...);
  return op;
}

Op OpFromName(std::string_view name, std::string_view where) {
  for (size_t i = 0; i < std::size(kOpNames); ++i) {
    if (name == kOpNames[i]) {
      return DefaultOp(i, std::make_index_sequence<std::variant_size_v<Op>>());
    }
  }
  std::string known;
  for (const char* op_name : kOpNames) known += (known.empty() ? "" : ", ") + std::string(op_name);
  Fail(ErrorKind::kUsage, "{}: unknown operation '{}'; there are {}", where, name, known);
}

// "a, b, kernel=3,3, stride=2" -> {"a", "b", "kernel=3,3", "stride=2"}: a comma ends an argument
// unless what follows is another number of a list.
std::vector<std::string> SplitArguments(std::string_view text) {
  std::vector<std::string> arguments;
  if (Trim(text).empty()) return arguments;
  for (const std::string_view part : SplitText(text, ',')) {
    const std::string_view piece = Trim(part);
    const bool number =
        !piece.empty() && piece.find_first_not_of("-0123456789.e") == std::string_view::npos;
    if (number && !arguments.empty() && arguments.back().find('=') != std::string::npos) {
      arguments.back() += "," + std::string(piece);
    } else {
      arguments.emplace_back(piece);
    }
  }
  return arguments;
}

class Parser {
 public:
  Graph Parse(std::string_view text) {
    for (const std::string_view raw : SplitText(text, '\n')) {
      ++line_;
      const std::string_view line = Trim(raw.substr(0, raw.find('#')));
      if (!line.empty()) ParseLine(line);
    }
    if (!header_) Fail(ErrorKind::kUsage, "expected a graph that begins with '{}'", kHeader);
    const auto is_result = [](const Output& output) { return output.auxiliary == 0; };
    if (std::none_of(graph_.outputs.begin(), graph_.outputs.end(), is_result))
      Fail(ErrorKind::kUsage, "{}: expected a line 'return NAME'", Where());
    return std::move(graph_);
  }

 private:
  std::string Where() const { return "graph line " + std::to_string(line_); }

  void ParseLine(std::string_view line) {
    if (!header_) {
      if (line != kHeader)
        Fail(ErrorKind::kUsage, "{}: expected '{}', found '{}'", Where(), kHeader, line);
      header_ = true;
    } else if (!graph_.outputs.empty()) {
      Fail(ErrorKind::kUsage, "{}: nothing may follow 'return'", Where());
    } else if (line.starts_with("name ") && !Trim(line.substr(5)).starts_with('=')) {
      if (!graph_.name.empty()) Fail(ErrorKind::kUsage, "{}: a second name", Where());
      graph_.name = Trim(line.substr(5));
    } else if (line.starts_with("return ")) {
      for (const std::string& output : SplitArguments(line.substr(7))) ParseOutput(output);
    } else {
      ParseNode(line);
    }
  }

  // "fc" or "aux*0.3".
  void ParseOutput(std::string_view text) {
    const size_t star = text.find('*');
    Output output = Lookup(std::string(Trim(text.substr(0, star))));
    if (star != std::string_view::npos &&
        (!FieldFromText(Trim(text.substr(star + 1)), output.auxiliary) ||
         !(output.auxiliary > 0 && std::isfinite(output.auxiliary)))) {
      Fail(ErrorKind::kUsage, "{}: '{}': expected NAME*WEIGHT with a weight above 0", Where(),
           text);
    }
    graph_.outputs.push_back(output);
  }

  void ParseNode(std::string_view line) {
    ValueType type;
    if (const size_t colon = line.rfind(':'); colon != std::string_view::npos) {
      type = TypeFromText(Trim(line.substr(colon + 1)), Where());
      line = Trim(line.substr(0, colon));
    }
    const size_t equals = line.find('='), open = line.find('(');
    if (equals == std::string_view::npos || open == std::string_view::npos || open < equals ||
        !line.ends_with(')')) {
      Fail(ErrorKind::kUsage, "{}: expected 'name = operation(inputs, field=value)', found '{}'",
           Where(), line);
    }
    const std::string name(Trim(line.substr(0, equals)));
    Op op = OpFromName(Trim(line.substr(equals + 1, open - equals - 1)), Where());
    std::vector<Value> inputs;
    std::set<std::string> said;
    for (const std::string& argument :
         SplitArguments(line.substr(open + 1, line.size() - open - 2))) {
      const size_t is = argument.find('=');
      if (is == std::string::npos) {
        inputs.push_back(Lookup(argument));
        continue;
      }
      const std::string where = Where() + ": " + name;
      const std::string field(Trim(std::string_view(argument).substr(0, is)));
      if (!said.insert(field).second) Fail(ErrorKind::kUsage, "{}: {} is said twice", where, field);
      std::visit(
          [&](auto& fields) {
            SetField(fields, field, Trim(std::string_view(argument).substr(is + 1)), where);
          },
          op);
    }
    try {
      values_[name] = graph_.Emit(name, std::move(op), std::move(inputs), type);
    } catch (const Error& error) {
      Fail(error.kind(), "{}: {}", Where(), error.what());
    }
  }

  Value Lookup(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      Fail(ErrorKind::kUsage, "{}: '{}' is not the name of a node above", Where(), name);
    }
    return found->second;
  }

  Graph graph_;
  std::unordered_map<std::string, Value> values_;
  int line_ = 0;
  bool header_ = false;
};

std::string NodeToText(const Graph& graph, const Node& node) {
  std::vector<std::string> arguments;
  for (const Value input : node.inputs) arguments.push_back(graph.nodes[input].name);
  std::visit(
      [&](const auto& fields) {
        for (std::string& field : ChangedFields(fields)) arguments.push_back(std::move(field));
      },
      node.op);
  std::string text = node.name + " = " + OpName(node.op) + "(";
  for (size_t i = 0; i < arguments.size(); ++i) text += (i ? ", " : "") + arguments[i];
  text += ")";
  if (!(node.type == ValueType{})) text += " : " + TypeToText(node.type);
  return text + "\n";
}

}  // namespace

std::string GraphToText(const Graph& graph) {
  std::string text = std::string(kHeader) + "\n";
  if (!graph.name.empty()) text += "name " + graph.name + "\n";
  for (const Node& node : graph.nodes) text += NodeToText(graph, node);
  text += "return ";
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const Output& output = graph.outputs[i];
    text += (i ? ", " : "") + graph.nodes[output.value].name;
    if (output.auxiliary != 0) text += "*" + FieldToText(output.auxiliary);
  }
  return text + "\n";
}

Graph GraphFromText(std::string_view text) { return Parser().Parse(text); }

}  // namespace linnet
