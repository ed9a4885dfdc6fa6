// What YOLO shares with Darknet: its convolutions and the body of Darknet-53.
#ifndef LINNET_ARCHS_DARKNET_H_
#define LINNET_ARCHS_DARKNET_H_

#include <array>
#include <string>

#include "graph/graph.h"

namespace linnet {

// Convolution, batch norm and leaky ReLU of slope 0.1, named <name>.conv, <name>.bn, <name>.act.
Value DarknetConv(Graph& graph, Value x, const std::string& name, const Conv2d& conv);

// Darknet-53 without its classifier. The maps of the last three stages: 256, 512 and 1024 channels,
// of 1/8, 1/16 and 1/32 of the picture's size. 'small_input': of 1/2, 1/4 and 1/8.
std::array<Value, 3> Darknet53Body(Graph& graph, Value x, bool small_input = false);

}  // namespace linnet

#endif  // LINNET_ARCHS_DARKNET_H_
