// What each operation becomes in ONNX. Part of io/onnx.h.
#ifndef LINNET_IO_ONNX_OPS_H_
#define LINNET_IO_ONNX_OPS_H_

#include <string>
#include <vector>

#include "graph/graph.h"
#include "io/onnx_builder.h"
#include "ops/network.h"

namespace linnet {

// A node that is being written.
struct OnnxSite {
  OnnxBuilder& onnx;
  const Node& node;
  const ParamMap& params;
  std::vector<std::string> in;  // the names of its inputs in ONNX
  std::vector<Shape> shapes;    // theirs, as Linnet has them
  Shape out;
  const Quantization* bytes = nullptr;  // of the first input, if it is rounded to bytes

  const Tensor& Param(const std::string& name) const { return params.at(node.name + "." + name); }
};

// Adds the ONNX nodes of the site's node and returns the name of the last one's result. An
// operation that has no effect in inference adds none and returns its input. Error (kUsage) naming
// node and operation where ONNX has no form.
std::string WriteOnnx(const OnnxSite& site);

}  // namespace linnet

#endif  // LINNET_IO_ONNX_OPS_H_
