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
// Fields left out have the defaults of graph/op.h; '#' begins a comment. Several values may be
// returned: 'return p2, p3, p4' is a feature pyramid; 'return fc, aux*0.3' has an auxiliary head
// whose loss counts 0.3 in training and which is dropped where the network is run.
//
// A value that is not float32 says so after its operation:
//
//   conv = conv2d(image, out_channels=16) : u8(scale=0.0235, zero_point=128)
//
// An identity activation between values of different types converts: it quantizes, requantizes or
// dequantizes. Every other operation computes on the types that it is given.
#ifndef LINNET_GRAPH_GRAPH_H_
#define LINNET_GRAPH_GRAPH_H_

#include <string>
#include <string_view>
#include <vector>

#include "graph/op.h"
#include "graph/value_type.h"

namespace linnet {

// Each node makes one value, known by the node's index.
using Value = int;

struct Node {
  std::string name;  // unique; dots separate the blocks it belongs to: "blocks.3.0.conv_dw"
  Op op;
  std::vector<Value> inputs;  // all less than the node's own index
  ValueType type = {};        // of its value
};

// A value that the network returns.
struct Output {
  Value value = -1;
  // Of an auxiliary head, the weight of its loss (GoogLeNet, 1409.4842, sec. 5). 0: a result.
  float auxiliary = 0;

  Output(Value v, float loss_weight = 0) : value(v), auxiliary(loss_weight) {}
  operator Value() const { return value; }
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<Output> outputs;  // at least one is a result

  // Appends a node and returns its value. Error (kUsage) if the name is taken or not a name, or an
  // input does not exist.
  Value Emit(std::string node_name, Op op, std::vector<Value> inputs = {}, ValueType type = {});
  // The value called 'node_name', or -1.
  Value Find(std::string_view node_name) const;
};

// 'name', with underscores behind it if nodes of the graph are called so.
std::string FreeName(const Graph& graph, std::string name);

// By node: whether a result depends on it. The rest belongs to auxiliary heads, or is of no use.
std::vector<bool> NeededByResults(const Graph& graph);

// Whether the first output is a softmax, perhaps flattened: probabilities.
bool EndsInSoftmax(const Graph& graph);

// Whether a value is bytes.
bool IsQuantized(const Graph& graph);

// Nodes that read each value, by value.
std::vector<std::vector<int>> Users(const Graph& graph);

std::string GraphToText(const Graph& graph);
// Error (kUsage) naming the line and what was expected there.
Graph GraphFromText(std::string_view text);
bool operator==(const Graph& a, const Graph& b);

}  // namespace linnet

#endif  // LINNET_GRAPH_GRAPH_H_
