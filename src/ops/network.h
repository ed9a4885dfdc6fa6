// What a whole graph says about shapes and parameters, and the obvious way to run it.
#ifndef LINNET_OPS_NETWORK_H_
#define LINNET_OPS_NETWORK_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "graph/graph.h"
#include "ops/op_def.h"

namespace linnet {

// 0: the input's own number.
struct InputSize {
  int64_t batch = 1;
  int64_t height = 0;
  int64_t width = 0;
};

// The shape of every value. Error (kUsage) that names the node.
std::vector<Shape> InferShapes(const Graph& graph, const InputSize& size = {});

// The shapes of a node's inputs.
std::vector<Shape> InputShapes(const Node& node, const std::vector<Shape>& shapes);

// Whether a node's first input is of bytes: its weights, if it has some, then are, too
// (ops/types.h).
bool ReadsBytes(const Graph& graph, const Node& node);

// The parameters of every node, by node.
std::vector<std::vector<ParamSpec>> GraphParams(const Graph& graph,
                                                const std::vector<Shape>& shapes);

// Tensors by name, "<node>.<param>".
using ParamMap = std::map<std::string, Tensor>;
std::string ParamName(const Node& node, const ParamSpec& spec);

// Fresh parameters by each spec's rule; the numbers depend on the seed and the name only.
ParamMap InitParams(const Graph& graph, uint64_t seed);

// Error (kFile) naming the first parameter that is missing or has another shape or type, or, of a
// layer that computes on bytes, a number that cannot be (ops/types.h). Shapes of dense layers
// behind a flatten depend on the input's.
void CheckParams(const Graph& graph, const ParamMap& params, const InputSize& size = {});

// Runs the references in double. 'input' has the input's shape; returns the outputs in order. Where
// a value is of bytes, each number is rounded to the nearest that its type has.
std::vector<RefTensor<double>> RunReference(const Graph& graph, const ParamMap& params,
                                            const RefTensor<double>& input);

}  // namespace linnet

#endif  // LINNET_OPS_NETWORK_H_
