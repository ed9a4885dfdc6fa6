// ONNX: networks for other tools. What each of our operations becomes there stands in
// io/onnx_ops.cc.
//
// The file is as other tools expect it: maps NCHW, weights OIHW, opset 17, one picture size. It
// holds the network after the rewrites that ONNX can say: batch norm is folded (in double
// precision), auxiliary heads and dropout are gone, so that no tool has to find that out by itself.
// Activations and additions stay nodes: ONNX has no fused ones, and who runs it fuses as suits its
// kernels.
#ifndef LINNET_IO_ONNX_H_
#define LINNET_IO_ONNX_H_

#include <string>

#include "io/model_file.h"

namespace linnet {

// The file's bytes. Inputs and outputs have the names of their nodes, weights those of the
// parameters. Error (kUsage) naming node and operation for what ONNX cannot say.
std::string ToOnnx(const Graph& graph, const ParamMap& params, const InputSize& size = {});

// The same at the size of the model's pipeline, with "linnet.pipeline" and "linnet.labels" (as in
// io/model_file.h) among the file's metadata.
std::string ToOnnx(const Model& model, int batch = 1);

}  // namespace linnet

#endif  // LINNET_IO_ONNX_H_
