#include "ranges.h"

#include <algorithm>

#include "ops/network.h"
#include "worker.h"

namespace linnet::peers {

std::vector<Observation> ObserveOn(const linnet::Network& network,
                                   const std::vector<float>& picture) {
  Tensor input(InferShapes(network.graph)[0]);
  const std::vector<float> hwc = ToHwc(picture, input.shape().c());
  if (static_cast<int64_t>(hwc.size()) != input.elements()) {
    throw std::runtime_error("the picture is not " + input.shape().ToString());
  }
  std::copy(hwc.begin(), hwc.end(), input.data());
  return Observe(network, {&input, 1}, nullptr, {});
}

}  // namespace linnet::peers
