// Cost: what a network needs, counted from the graph and its shapes.
#ifndef LINNET_COST_COST_H_
#define LINNET_COST_COST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ops/network.h"

namespace linnet {

struct LayerCost {
  std::string name;
  std::string op;
  Shape output;
  int64_t params = 0;         // trainable
  int64_t running_stats = 0;  // not trainable
  int64_t macs = 0;           // multiply-adds of convolutions and fully connected layers
  int64_t bytes = 0;          // inputs and parameters read, output written, each once
};

struct Cost {
  std::vector<LayerCost> layers;  // one a node, in order
  int64_t params = 0;
  int64_t running_stats = 0;
  int64_t macs = 0;           // of what is run: without auxiliary heads
  int64_t training_macs = 0;  // of a forward pass in training: with them
  // The most bytes of values alive at one step, as the graph stands (nothing fused).
  int64_t peak_activation_bytes = 0;
};

// For the given batch and input size. Error (kUsage) naming a node whose shapes do not fit.
Cost CountCost(const Graph& graph, const InputSize& size = {});

}  // namespace linnet

#endif  // LINNET_COST_COST_H_
