#include "cost/draw.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text_table.h"
#include "base/units.h"

namespace linnet {
namespace {

std::string BlockPrefix(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

// Drawn together with what it follows.
bool Follows(const Graph& graph, size_t node) {
  const Op& op = graph.nodes[node].op;
  const bool minor = std::holds_alternative<BatchNorm>(op) || std::holds_alternative<Act>(op) ||
                     std::holds_alternative<Dropout>(op) || std::holds_alternative<Softmax>(op) ||
                     std::holds_alternative<Flatten>(op);
  return minor && graph.nodes[node].inputs == std::vector<Value>{static_cast<Value>(node) - 1};
}

std::string KernelText(const Pair& kernel, const Pair& stride) {
  std::string text = fmt::format("{}x{}", kernel[0], kernel[1]);
  if (stride[0] != stride[1]) return text + fmt::format(" s{},{}", stride[0], stride[1]);
  return stride[0] == 1 ? text : text + fmt::format(" s{}", stride[0]);
}

std::string ConvText(const Conv2d& conv, int64_t in_channels) {
  std::string text = "conv";
  if (conv.groups > 1) {
    text = conv.groups == in_channels ? "depthwise" : fmt::format("conv of {} groups", conv.groups);
  } else if (conv.kernel == Pair{1, 1}) {
    text = "pointwise";
  }
  if (text != "pointwise" || conv.stride != Pair{1, 1}) {
    text += " " + KernelText(conv.kernel, conv.stride);
  }
  const auto [down, across] = conv.dilation;
  if (down != across) {
    text += fmt::format(" d{},{}", down, across);
  } else if (down != 1) {
    text += fmt::format(" d{}", down);
  }
  if (conv.residual) text += " + residual";
  return text;
}

std::string PercentText(int64_t part, int64_t whole) {
  if (whole == 0 || part == 0) return "";
  return fmt::format("{:.1f}", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string NumberText(int64_t number) { return number == 0 ? "" : fmt::format("{}", number); }

}  // namespace

std::vector<BlockRange> Blocks(const Graph& graph, const Cost& cost) {
  std::vector<BlockRange> blocks;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::string prefix = BlockPrefix(graph.nodes[i].name);
    const bool joins = i > 0 && prefix == BlockPrefix(graph.nodes[i - 1].name) &&
                       (!prefix.empty() || Follows(graph, i));
    if (!joins) blocks.push_back({prefix.empty() ? graph.nodes[i].name : prefix, i, i});
    blocks.back().end = i + 1;
    blocks.back().params += cost.layers[i].params;
    blocks.back().macs += cost.layers[i].macs;
  }
  return blocks;
}

std::string OpText(const Graph& graph, const Cost& cost, size_t node) {
  const Op& op = graph.nodes[node].op;
  if (const auto* conv = std::get_if<Conv2d>(&op)) {
    return ConvText(*conv, cost.layers[graph.nodes[node].inputs[0]].output.c());
  }
  if (const auto* act = std::get_if<Act>(&op)) return FieldToText(act->kind);
  if (const auto* pool = std::get_if<Pool>(&op)) {
    return FieldToText(pool->kind) + " pool " + KernelText(pool->kernel, pool->stride);
  }
  if (const auto* pool = std::get_if<GlobalPool>(&op)) {
    return "global " + FieldToText(pool->kind) + " pool";
  }
  return OpName(op);
}

std::string ShapeText(const Shape& shape) {
  std::string text;
  for (int i = 1; i < shape.rank(); ++i) text += (i > 1 ? "x" : "") + std::to_string(shape[i]);
  return text;
}

std::string DrawTable(const Graph& graph, const Cost& cost) {
  TextTable table("lllrrr", {"layer", "operation", "output", "params", "MACs", "MACs %"});
  const auto row = [&](const std::string& name, size_t i) {
    const LayerCost& layer = cost.layers[i];
    table.Row({name, OpText(graph, cost, i), ShapeText(layer.output), NumberText(layer.params),
               NumberText(layer.macs), PercentText(layer.macs, cost.training_macs)});
  };
  for (const BlockRange& block : Blocks(graph, cost)) {
    const bool dotted = !BlockPrefix(graph.nodes[block.begin].name).empty();
    if (dotted) {
      table.Row({block.name, "", ShapeText(cost.layers[block.end - 1].output),
                 NumberText(block.params), NumberText(block.macs),
                 PercentText(block.macs, cost.training_macs)});
    }
    for (size_t i = block.begin; i < block.end; ++i) {
      const std::string& name = graph.nodes[i].name;
      row(dotted ? "  " + name.substr(block.name.size() + 1) : name, i);
    }
  }
  table.Rule();
  table.Row({"total", "", "", std::to_string(cost.params), std::to_string(cost.training_macs)});
  if (cost.macs != cost.training_macs) {
    table.Row({"without auxiliary heads", "", "", "", std::to_string(cost.macs),
               PercentText(cost.macs, cost.training_macs)});
  }
  return fmt::format(
      "{}\n{}: {} parameters ({} as float32), {} MACs, at most {} of activations at once\n",
      table.ToString(), graph.name, CountText(cost.params), BytesText(4 * cost.params),
      CountText(cost.macs), BytesText(cost.peak_activation_bytes));
}

std::string DrawDot(const Graph& graph, const Cost& cost) {
  std::string text =
      "digraph network {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n";
  for (const BlockRange& block : Blocks(graph, cost)) {
    const bool cluster = block.end - block.begin > 1;
    if (cluster) {
      text += fmt::format("  subgraph \"cluster_{0}\" {{\n  label=\"{0}\";\n", block.name);
    }
    for (size_t i = block.begin; i < block.end; ++i) {
      const std::string macs =
          cost.layers[i].macs > 0 ? "\\n" + CountText(cost.layers[i].macs) + " MACs" : "";
      text += fmt::format("  \"{}\" [label=\"{}\\n{}{}\"];\n", graph.nodes[i].name,
                          graph.nodes[i].name, OpText(graph, cost, i), macs);
    }
    if (cluster) text += "  }\n";
  }
  for (const Node& node : graph.nodes) {
    for (const Value input : node.inputs) {
      text += fmt::format("  \"{}\" -> \"{}\" [label=\"{}\"];\n", graph.nodes[input].name,
                          node.name, ShapeText(cost.layers[input].output));
    }
  }
  return text + "}\n";
}

nlohmann::ordered_json DrawJson(const Graph& graph, const Cost& cost) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const LayerCost& layer : cost.layers) {
    nlohmann::ordered_json output = nlohmann::ordered_json::array();
    for (int i = 0; i < layer.output.rank(); ++i) output.push_back(layer.output[i]);
    layers.push_back({{"name", layer.name},
                      {"op", layer.op},
                      {"output", std::move(output)},
                      {"params", layer.params},
                      {"macs", layer.macs}});
  }
  return {{"name", graph.name},
          {"params", cost.params},
          {"running_stats", cost.running_stats},
          {"macs", cost.macs},
          {"training_macs", cost.training_macs},
          {"peak_activation_bytes", cost.peak_activation_bytes},
          {"layers", std::move(layers)}};
}

}  // namespace linnet
