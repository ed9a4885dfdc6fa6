// Members of the zoo made small enough to run: one of each structure, at the smallest input that
// still is one.
#ifndef LINNET_TESTS_ZOO_SMALL_MEMBER_H_
#define LINNET_TESTS_ZOO_SMALL_MEMBER_H_

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "archs/members.h"
#include "ops/network.h"

namespace linnet::testing {

// Whether every map has at least 2x2 pixels, but those that a global pooling has made: batch norm
// over two pictures of one pixel each would leave nothing but a sign.
inline bool MapsAreMaps(const Graph& graph) {
  const std::vector<Shape> shapes = InferShapes(graph);
  std::vector<bool> pooled;  // by node: made of what a global pooling has made
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    bool from_pooled = !node.inputs.empty();
    for (const Value input : node.inputs) from_pooled = from_pooled && pooled[input];
    pooled.push_back(from_pooled || std::holds_alternative<GlobalPool>(node.op));
    if (pooled[i] || shapes[i].rank() != 4) continue;
    if (shapes[i].h() < 2 || shapes[i].w() < 2) return false;
  }
  return true;
}

inline std::optional<Graph> BuildAt(ArchSpec spec, int size) {
  SetOption(spec, "size", std::to_string(size));
  try {
    Graph graph = BuildArch(spec);
    if (MapsAreMaps(graph)) return graph;
  } catch (const Error&) {  // too small, or an architecture of one size
  }
  return std::nullopt;
}

// At the smallest size that serves, or at its own where none of these does.
inline Graph BuildSmall(const ArchSpec& spec) {
  for (const int size : {8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256}) {
    if (auto graph = BuildAt(spec, size)) return *std::move(graph);
  }
  return BuildArch(spec);
}

// The graph's wiring without its widths: what two members share that differ in the number of
// channels, classes or pixels alone.
inline std::string Structure(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) {
    text += OpName(node.op);
    for (const Value input : node.inputs) text += " " + std::to_string(input);
    if (const Conv2d* conv = std::get_if<Conv2d>(&node.op)) {
      text += fmt::format(" {}x{}/{} {} {} {}", conv->kernel[0], conv->kernel[1], conv->stride[0],
                          FieldToText(conv->padding), conv->groups > 1, conv->bias);
    } else if (const Act* act = std::get_if<Act>(&node.op)) {
      text += " " + FieldToText(act->kind);
    }
    text += "\n";
  }
  return text;
}

// Of each structure among the variants the first, and the architecture without options where it
// has no variants.
inline std::vector<ArchSpec> Structures(const Arch& arch) {
  std::vector<ArchSpec> specs;
  if (arch.variants.empty()) specs.push_back({arch.name, {}});
  std::set<std::string> seen;
  for (const Variant& variant : arch.variants) {
    const ArchSpec spec = SpecOf(arch, variant);
    if (seen.insert(Structure(BuildArch(spec))).second) specs.push_back(spec);
  }
  return specs;
}

}  // namespace linnet::testing

#endif  // LINNET_TESTS_ZOO_SMALL_MEMBER_H_
