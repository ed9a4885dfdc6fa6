// GraphEdit: changes to a graph while its nodes are visited in order. Nodes are replaced by earlier
// ones or dropped; Finish() makes the graph whole again.
#ifndef LINNET_REWRITE_GRAPH_EDIT_H_
#define LINNET_REWRITE_GRAPH_EDIT_H_

#include <vector>

#include "graph/graph.h"

namespace linnet {

class GraphEdit {
 public:
  explicit GraphEdit(Graph& graph);

  int size() const { return static_cast<int>(graph_.nodes.size()); }
  Node& node(int i) { return graph_.nodes[i]; }
  // What node i reads as input k now, replacements followed.
  Value Input(int i, size_t k) const { return current_[graph_.nodes[i].inputs[k]]; }
  // Whether node i reads and makes float32 only. Passes leave the others as they are: which values
  // are bytes, or bfloat16, is part of what a network means.
  bool IsFloat(int i) const;
  // Whether one node reads v, once, and v is not an output of the graph.
  bool ReadOnce(Value v) const { return uses_[v] == 1; }

  // Readers of i now read 'by', an input of i that only i reads, or any input if i has no effect.
  void Replace(int i, Value by);
  // Node i takes over the place of the dropped node 'from', which only i reads.
  void MoveHere(int i, Node node, Value from);
  // Removes what was replaced or dropped.
  void Finish();

 private:
  Graph& graph_;
  std::vector<Value> current_;  // by value: itself, or what replaced it
  std::vector<int> uses_;       // reads by nodes and by the list of outputs
  std::vector<bool> dead_;
};

// Removes the nodes on which no output depends; inputs stay.
void RemoveUnused(Graph& graph);

}  // namespace linnet

#endif  // LINNET_REWRITE_GRAPH_EDIT_H_
