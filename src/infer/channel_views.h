// Channel views: values that live among the channels of another one, so that joining channels
// (concat) and taking some (slice) cost nothing.
//
// The parts of a concat are written side by side in its buffer to begin with: a dense block's
// growing map (1608.06993), the branches of an inception module. A slice is its source's memory,
// begun later. Pixels of such a value lie as far apart as those of the buffer it lives in, and who
// writes or reads it has to take that (Prepared::strided_out, strided_in). Where one does not, the
// concat or the slice copies, as it does without a Plan.
//
// And pixels are spread over the cache: where one who writes or reads a value is slow because its
// pixels lie a power of two apart (Prepared::best_in_stride), and all take strides, they lie a
// little further apart.
#ifndef LINNET_INFER_CHANNEL_VIEWS_H_
#define LINNET_INFER_CHANNEL_VIEWS_H_

#include <vector>

#include "graph/graph.h"
#include "infer/layout.h"

namespace linnet {

// Where each value lives, by value.
std::vector<ChannelPlace> PlaceChannels(const Graph& graph, const std::vector<NodeMemory>& nodes);

// Every value in a buffer of its own.
std::vector<ChannelPlace> PlaceApart(const std::vector<NodeMemory>& nodes);

}  // namespace linnet

#endif  // LINNET_INFER_CHANNEL_VIEWS_H_
