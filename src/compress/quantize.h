// From a float32 network to one that computes on bytes: post-training quantization.
//
// Weights become int8, symmetric by output channel; values become uint8 with the scale and zero
// point that calibration gives. Where an operation stays in float32, conversions (identity
// activations between types) stand around it, so that the graph says all.
#ifndef LINNET_COMPRESS_QUANTIZE_H_
#define LINNET_COMPRESS_QUANTIZE_H_

#include <set>
#include <span>
#include <string>
#include <vector>

#include "compress/calibrate.h"
#include "compress/observe.h"
#include "rewrite/rewrite.h"

namespace linnet {

// The network as it will be quantized: batch norms folded, activations fused as far as the
// operations take them on bytes. 'size': for which it will run; zeros: the graph's own.
Network PrepareForQuantization(const Graph& graph, const ParamMap& params,
                               const InputSize& size = {});

// Layers of a prepared network whose products can be done on bytes, by name, in order.
std::vector<std::string> QuantizableLayers(const Network& network);

struct QuantizeOptions {
  Calibration calibration = Calibration::kMse;
  // Rounding the weights moves the mean of a layer's results; the bias takes it back
  // (1906.04721, sec. 4.2).
  bool bias_correction = true;
  std::set<std::string> keep_float;  // layers that stay in float32
};

// 'network': of PrepareForQuantization. 'observed': of its values.
Network Quantize(const Network& network, std::span<const Observation> observed,
                 const QuantizeOptions& options);

// The int8 weights of a layer and the scale of each output channel (the first dimension).
struct QuantizedWeights {
  Tensor weight, scale;
};
QuantizedWeights QuantizeWeights(const Tensor& weight);

}  // namespace linnet

#endif  // LINNET_COMPRESS_QUANTIZE_H_
