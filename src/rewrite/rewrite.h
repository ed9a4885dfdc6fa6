// Rewrites: named passes that turn a graph and its parameters into an equivalent, faster pair. Each
// can be switched off, and the network without it is its reference.
//
// Node names survive where the node does: a folded convolution keeps its name and thereby the names
// of its parameters. Tensors that do not change are shared with the input, never written.
#ifndef LINNET_REWRITE_REWRITE_H_
#define LINNET_REWRITE_REWRITE_H_

#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "ops/network.h"

namespace linnet {

struct Network {
  Graph graph;
  ParamMap params;
  InputSize size = {};  // for which it is rewritten; zeros: the graph's own
};

struct Pass {
  const char* name;
  const char* doc;
  void (*inference)(Network&);
  // The same for training, where every parameter keeps its name and meaning; null: not applied.
  void (*training)(Network&);
};

// In the order in which they run.
std::span<const Pass> Passes();

struct RewriteOptions {
  std::vector<std::string> disable;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("disable", self.disable, "rewrites to leave out, by name");
  }
};

// For inference on inputs of 'size'. The result's parameters are exactly those its graph needs.
// Error (kFile) if a parameter is missing, (kUsage) for an unknown name in 'disable'.
Network Rewrite(const Graph& graph, const ParamMap& params, const RewriteOptions& options = {},
                const InputSize& size = {});

// For training: the same parameters belong to the result as to 'graph'.
Graph RewriteForTraining(const Graph& graph, const RewriteOptions& options = {});

}  // namespace linnet

#endif  // LINNET_REWRITE_REWRITE_H_
