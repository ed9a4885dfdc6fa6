// Graph: a network as plain data. Operations in topological order; no weights, shapes or buffers.
//
// Text form, which can be written by hand:
//
//   linnet-graph 1
//   name tiny
//   image = input(height=32, width=32)
//   conv = conv2d(image, out_channels=16, kernel=3, stride=2, padding=1)
//   bn = batch_norm(conv)
//   relu = activation(bn)
//   pool = global_pool(relu)
//   flat = flatten(pool)
//   fc = dense(flat, out_features=10)
//   return fc
//
// Fields left out have the defaults of graph/op.h; '#' begins a comment; several values may be
// returned (auxiliary heads, feature pyramids).
#ifndef LINNET_GRAPH_GRAPH_H_
#define LINNET_GRAPH_GRAPH_H_

#include <string>
#include <string_view>
#include <vector>

#include "graph/op.h"

namespace linnet {

// Each node makes one value, known by the node's index.
using Value = int;

struct Node {
  std::string name;  // unique; dots separate the blocks it belongs to: "blocks.3.0.conv_dw"
  Op op;
  std::vector<Value> inputs;  // all less than the node's own index
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<Value> outputs;

  // Appends a node and returns its value. Error (kUsage) if the name is taken or not a name, or an
  // input does not exist.
  Value Emit(std::string node_name, Op op, std::vector<Value> inputs = {});
  // The value called 'node_name', or -1.
  Value Find(std::string_view node_name) const;
};

// Nodes that read each value, by value.
std::vector<std::vector<int>> Users(const Graph& graph);

std::string GraphToText(const Graph& graph);
// Error (kUsage) naming the line and what was expected there.
Graph GraphFromText(std::string_view text);
bool operator==(const Graph& a, const Graph& b);

}  // namespace linnet

#endif  // LINNET_GRAPH_GRAPH_H_
