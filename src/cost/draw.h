// Draw: a network as a table, as Graphviz DOT, as SVG, as JSON.
//
// Each takes the graph and its cost, whose layers give the shapes.
#ifndef LINNET_COST_DRAW_H_
#define LINNET_COST_DRAW_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cost/cost.h"

namespace linnet {

// Nodes [begin, end) of the graph that are drawn as one: those whose names share all but the part
// after the last dot, or an operation and the batch norm, activation ... after it.
struct BlockRange {
  std::string name;
  size_t begin = 0, end = 0;
  int64_t params = 0, macs = 0;
};
std::vector<BlockRange> Blocks(const Graph& graph, const Cost& cost);

// "depthwise 3x3 s2", "pointwise", "relu6".
std::string OpText(const Graph& graph, const Cost& cost, size_t node);
// "112x112x64": without the batch.
std::string ShapeText(const Shape& shape);

// Rows by block, with sums at the end.
std::string DrawTable(const Graph& graph, const Cost& cost);
// For Graphviz: a cluster a block.
std::string DrawDot(const Graph& graph, const Cost& cost);
// A row a block with its share of multiply-adds and parameters; arcs for values read further on.
std::string DrawSvg(const Graph& graph, const Cost& cost);
// {name, params, running_stats, macs, training_macs, peak_activation_bytes, layers: [{name, op,
// output, params, macs}]}
nlohmann::ordered_json DrawJson(const Graph& graph, const Cost& cost);

}  // namespace linnet

#endif  // LINNET_COST_DRAW_H_
