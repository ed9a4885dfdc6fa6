// Values in bfloat16, for the operations that compute on them.
#ifndef LINNET_REWRITE_BFLOAT16_H_
#define LINNET_REWRITE_BFLOAT16_H_

#include <vector>

#include "graph/graph.h"
#include "ops/network.h"

namespace linnet {

// The same network with values of bfloat16 wherever an operation takes and makes them; around the
// others stand conversions (identity activations). Its input and its outputs stay float32, values
// of bytes what they are. Parameters are the same. 'shapes': of every value.
Graph InBfloat16(const Graph& graph, const std::vector<Shape>& shapes);

}  // namespace linnet

#endif  // LINNET_REWRITE_BFLOAT16_H_
