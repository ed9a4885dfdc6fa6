// Weights by name from a safetensors file: one written here (OHWI), or one of another framework.
#ifndef LINNET_IO_PARAMS_FILE_H_
#define LINNET_IO_PARAMS_FILE_H_

#include <cstdint>
#include <span>
#include <string>

#include "graph/graph.h"
#include "ops/network.h"

namespace linnet {

// The parameters of 'graph'. A file with our checksum is taken as it is; any other has its weights
// as PyTorch has them, OIHW, and is transposed (a 1x1 convolution and a fully connected layer may
// stand for each other). F16 and BF16 become float32; 'num_batches_tracked' is ignored.
//
// Error (kFile) naming the file, and the parameters that are missing, unexpected, or of another
// shape.
ParamMap LoadParams(const std::string& path, const Graph& graph);
ParamMap ParamsFromBytes(std::span<const uint8_t> bytes, const std::string& where,
                         const Graph& graph);

}  // namespace linnet

#endif  // LINNET_IO_PARAMS_FILE_H_
