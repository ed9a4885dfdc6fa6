#include "archs/blocks.h"

#include <algorithm>
#include <cmath>

namespace linnet {

int MakeDivisible(double channels, int divisor) {
  const int nearest =
      std::max(divisor, static_cast<int>(channels + divisor / 2.0) / divisor * divisor);
  return nearest < 0.9 * channels ? nearest + divisor : nearest;
}

int ScaledChannels(int channels, float width) {
  return std::max(1, static_cast<int>(std::lround(static_cast<float>(channels) * width)));
}

Value ConvBnAct(Graph& graph, Value x, const ConvNames& names, const Conv2d& conv, Activation act,
                const BatchNorm& norm) {
  x = graph.Emit(names.conv, conv, {x});
  x = graph.Emit(names.bn, norm, {x});
  return act == Activation::kIdentity ? x : graph.Emit(names.act, Act{act}, {x});
}

ConvNames NumberedNames(const std::string& prefix, int first) {
  const auto at = [&](int i) { return fmt::format("{}.{}", prefix, i); };
  return {at(first), at(first + 1), at(first + 2)};
}

Strides::Step Strides::Next(int stride) {
  if (stride > 1 && skip > 0) {
    --skip;
    return {1, dilation};
  }
  if (current == output_stride) {
    const Step step = {1, dilation};
    dilation *= stride;
    return step;
  }
  current *= stride;
  return {stride, 1};
}

void ExpectOutputStride(const char* arch, int output_stride) {
  for (const int allowed : {0, 8, 16, 32}) {
    if (output_stride == allowed) return;
  }
  Fail(ErrorKind::kUsage,
       "architecture {}: output_stride={}: expected 0 (all strides), 8, 16 or 32", arch,
       output_stride);
}

Value Classifier(Graph& graph, Value x, const std::string& name, int classes, float dropout) {
  x = graph.Emit("global_pool", GlobalPool{}, {x});
  x = graph.Emit("flatten", Flatten{}, {x});
  if (dropout > 0) x = graph.Emit("dropout", Dropout{dropout}, {x});
  return graph.Emit(name, Dense{.out_features = classes}, {x});
}

Value FullyConnectedHead(Graph& graph, Value x, const HiddenLayers& hidden, int classes) {
  x = graph.Emit("flatten", Flatten{}, {x});
  for (const std::string n : {"6", "7"}) {
    x = graph.Emit("fc" + n, Dense{.out_features = hidden.units}, {x});
    x = graph.Emit("relu" + n, Act{}, {x});
    x = graph.Emit("drop" + n, Dropout{hidden.dropout}, {x});
  }
  return graph.Emit("fc8", Dense{.out_features = classes}, {x});
}

void ExpectOption(const char* arch, const char* option, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    Fail(ErrorKind::kUsage, "architecture {}: {}={}: expected {} to {}", arch, option, value, low,
         high);
  }
}

}  // namespace linnet
