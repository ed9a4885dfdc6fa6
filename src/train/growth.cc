#include "train/growth.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace linnet {
namespace {

// Sizes are shares of the run: so many epochs show them all.
constexpr int64_t kSampled = 1000;

}  // namespace

InputSize SizeInEpoch(const TrainOptions& options, const InputSize& full, int64_t epoch,
                      int64_t epochs) {
  const double grown = static_cast<double>(epoch) / (kGrown * static_cast<double>(epochs));
  if (options.start_size >= 1 || grown >= 1 || epochs < kLeastGrowingEpochs) return full;
  const double share = options.start_size + (1 - options.start_size) * grown;
  const int64_t shorter = std::min(full.height, full.width);
  const int64_t rounded = std::lround(share * static_cast<double>(shorter) / 8) * 8;
  const int64_t side = std::min(std::max<int64_t>(rounded, 8), shorter);
  const auto scaled = [&](int64_t of) { return (of * side + shorter / 2) / shorter; };
  return {full.batch, scaled(full.height), scaled(full.width)};
}

double WorkOf(const InputSize& size, const InputSize& full) {
  return static_cast<double>(size.height * size.width) /
         static_cast<double>(full.height * full.width);
}

double MeanWork(const TrainOptions& options, const InputSize& full, int64_t epochs, int64_t first) {
  if (options.start_size >= 1 || first >= epochs) return 1;
  const int64_t stride = (epochs - first + kSampled - 1) / kSampled;
  double work = 0, count = 0;
  for (int64_t e = first; e < epochs; e += stride, ++count) {
    work += WorkOf(SizeInEpoch(options, full, e, epochs), full);
  }
  return work / count;
}

std::string CannotGrow(const Graph& graph, const TrainOptions& options, const InputSize& full) {
  if (options.start_size >= 1) return "";
  const auto specs = GraphParams(graph, InferShapes(graph, full));
  InputSize before = full;
  for (int64_t e = 0; e < kSampled; ++e) {
    const InputSize size = SizeInEpoch(options, full, e, kSampled);
    if (size.height == before.height && size.width == before.width) continue;
    before = size;
    try {
      const auto small = GraphParams(graph, InferShapes(graph, size));
      for (size_t i = 0; i < specs.size(); ++i) {
        for (size_t k = 0; k < specs[i].size(); ++k) {
          if (specs[i][k].shape == small[i][k].shape) continue;
          return fmt::format("'{}' depends on the size of the inputs",
                             ParamName(graph.nodes[i], specs[i][k]));
        }
      }
    } catch (const Error& error) {
      return fmt::format("at {}x{} {}", size.height, size.width, error.what());
    }
  }
  return "";
}

}  // namespace linnet
