// Types of values through the network: what a quantized layer's parameters are, and whether every
// operation takes what it is given.
#ifndef LINNET_OPS_TYPES_H_
#define LINNET_OPS_TYPES_H_

#include <vector>

#include "ops/op_def.h"

namespace linnet {

// The types of a node's inputs.
std::vector<ValueType> InputTypes(const Graph& graph, const Node& node);

// Error (kUsage) naming the node if a type is wrong, an operation does not take its types, or the
// input or an output of the network is not float32. 'shapes': of every value.
void CheckTypes(const Graph& graph, const std::vector<Shape>& shapes);

// A layer whose input is of bytes has, in place of its "weight", that as int8, symmetric by output
// channel, and its "weight_scale" [output channels]: the weight is I8 * scale.
std::vector<ParamSpec> QuantizedSpecs(std::vector<ParamSpec> specs);

// What is wrong with the numbers of a parameter of a layer that computes on bytes; empty: nothing.
// -128 has no counterpart in a symmetric range, and kernels make use of its absence.
std::string WrongNumbers(const ParamSpec& spec, const Tensor& tensor);

}  // namespace linnet

#endif  // LINNET_OPS_TYPES_H_
