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

#include <map>
#include <string>

#include "base/quantization.h"
#include "io/model_file.h"
#include "rewrite/rewrite.h"

namespace linnet {

// Values of float32 that are to be rounded to bytes, by the names of their nodes in NetworkForOnnx.
using ByteValues = std::map<std::string, Quantization>;

// The network that is written, for inputs of 'size'; zeros: the graph's own.
Network NetworkForOnnx(const Graph& graph, const ParamMap& params, const InputSize& size = {});

// The file's bytes. Inputs and outputs have the names of their nodes, weights those of the
// parameters. Behind a value of the type u8, or of 'bytes', stand QuantizeLinear and
// DequantizeLinear, and a layer that reads one has int8 weights: what is called a QDQ model. Error
// (kUsage) naming node and operation for what ONNX cannot say.
std::string ToOnnx(const Graph& graph, const ParamMap& params, const InputSize& size = {},
                   const ByteValues& bytes = {});

// The same at the size of the model's pipeline, with "linnet.pipeline" and "linnet.labels" (as in
// io/model_file.h) among the file's metadata.
std::string ToOnnx(const Model& model, int batch = 1);

}  // namespace linnet

#endif  // LINNET_IO_ONNX_H_
