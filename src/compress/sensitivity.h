// Sensitivity: which layer's quantization disturbs the answers most.
#ifndef LINNET_COMPRESS_SENSITIVITY_H_
#define LINNET_COMPRESS_SENSITIVITY_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "compress/quantize.h"

namespace linnet {

struct LayerError {
  std::string name;
  double error = 0;  // RelativeError of the answers with this layer alone on bytes
};

// Of each quantizable layer that 'options' does not keep in float, the most sensitive first.
// 'before_each' is called before each; what it throws ends the work.
std::vector<LayerError> MeasureSensitivity(
    const Network& network, std::span<const Observation> observed, const QuantizeOptions& options,
    std::span<const Tensor> pictures, ThreadPool* pool, const ProgressSink& sink,
    const std::function<void()>& before_each = [] {});

}  // namespace linnet

#endif  // LINNET_COMPRESS_SENSITIVITY_H_
