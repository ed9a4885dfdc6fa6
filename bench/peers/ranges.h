// Ranges of values from the one picture that all peers are timed on: enough to time, not to
// classify. Linnet's int8 network and the QDQ model of the others have them from here, so that
// both round as much.
#ifndef LINNET_BENCH_PEERS_RANGES_H_
#define LINNET_BENCH_PEERS_RANGES_H_

#include <vector>

#include "compress/observe.h"
#include "rewrite/rewrite.h"

namespace linnet::peers {

inline constexpr uint64_t kSeed = 1;  // of the weights, as `linnet convert` has it

// Every value of 'network' on the picture, by node. 'network' is observed as it is: its passes have
// run. 'picture': float32, NCHW.
std::vector<Observation> ObserveOn(const linnet::Network& network,
                                   const std::vector<float>& picture);

}  // namespace linnet::peers

#endif  // LINNET_BENCH_PEERS_RANGES_H_
