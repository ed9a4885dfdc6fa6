#include "compress/sensitivity.h"

#include <algorithm>

namespace linnet {

std::vector<LayerError> MeasureSensitivity(const Network& network,
                                           std::span<const Observation> observed,
                                           const QuantizeOptions& options,
                                           std::span<const Tensor> pictures, ThreadPool* pool,
                                           const ProgressSink& sink,
                                           const std::function<void()>& before_each) {
  const std::vector<float> expected = Answers(network, pictures, pool);
  const std::vector<std::string> layers = QuantizableLayers(network);
  std::vector<LayerError> errors;
  Progress progress(sink, "measuring layers", static_cast<int64_t>(layers.size()), "layers");
  for (size_t i = 0; i < layers.size(); ++i) {
    if (options.keep_float.contains(layers[i])) continue;
    before_each();
    QuantizeOptions alone = options;
    alone.keep_float.insert(layers.begin(), layers.end());
    alone.keep_float.erase(layers[i]);
    const Network quantized = Quantize(network, observed, alone);
    errors.push_back({layers[i], RelativeError(expected, Answers(quantized, pictures, pool))});
    progress.Update(static_cast<int64_t>(i) + 1);
  }
  progress.Finish();
  std::stable_sort(errors.begin(), errors.end(),
                   [](const LayerError& a, const LayerError& b) { return a.error > b.error; });
  return errors;
}

}  // namespace linnet
