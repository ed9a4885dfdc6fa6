#include "archs/blocks.h"

namespace linnet {

Value ConvBnAct(Graph& graph, Value x, const ConvNames& names, const Conv2d& conv, Activation act) {
  x = graph.Emit(names.conv, conv, {x});
  x = graph.Emit(names.bn, BatchNorm{}, {x});
  return graph.Emit(names.act, Act{act}, {x});
}

Value Classifier(Graph& graph, Value x, const std::string& name, int classes, float dropout) {
  x = graph.Emit("global_pool", GlobalPool{}, {x});
  x = graph.Emit("flatten", Flatten{}, {x});
  if (dropout > 0) x = graph.Emit("dropout", Dropout{dropout}, {x});
  return graph.Emit(name, Dense{.out_features = classes}, {x});
}

void ExpectOption(const char* arch, const char* option, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    Fail(ErrorKind::kUsage, "architecture {}: {}={}: expected {} to {}", arch, option, value, low,
         high);
  }
}

}  // namespace linnet
