// Inputs that grow during a training: smaller pictures in the first epochs, which cost less and
// teach nearly as much (2104.00298, sec. 4).
#ifndef LINNET_TRAIN_GROWTH_H_
#define LINNET_TRAIN_GROWTH_H_

#include <cstdint>
#include <string>

#include "ops/network.h"
#include "train/options.h"

namespace linnet {

// From this part of the epochs on inputs are full; of fewer epochs than these all are.
inline constexpr double kGrown = 0.75;
inline constexpr int64_t kLeastGrowingEpochs = 4;

// The size of the inputs in 'epoch' (from 0) of 'epochs': from options.start_size of 'full' evenly
// up to all of it. The shorter side is a multiple of 8, but for that of 'full'; the other keeps the
// shape.
InputSize SizeInEpoch(const TrainOptions& options, const InputSize& full, int64_t epoch,
                      int64_t epochs);

// The work of a picture of this size as a share of that of a full one: it goes with the pixels.
double WorkOf(const InputSize& size, const InputSize& full);

// The mean of it over the epochs from 'first' on.
double MeanWork(const TrainOptions& options, const InputSize& full, int64_t epochs,
                int64_t first = 0);

// Why the network cannot be trained on inputs that grow to 'full'; empty: it can.
std::string CannotGrow(const Graph& graph, const TrainOptions& options, const InputSize& full);

}  // namespace linnet

#endif  // LINNET_TRAIN_GROWTH_H_
