// Blocks: functions that emit the nodes which architectures repeat.
#ifndef LINNET_ARCHS_BLOCKS_H_
#define LINNET_ARCHS_BLOCKS_H_

#include <string>

#include "graph/graph.h"

namespace linnet {

// A convolution of a square kernel with 'same' size at stride 1: symmetric padding, as PyTorch has
// it.
inline Conv2d SquareConv(int out_channels, int kernel, int stride = 1, int groups = 1) {
  Conv2d conv;
  conv.out_channels = out_channels;
  conv.kernel = {kernel, kernel};
  conv.stride = {stride, stride};
  conv.padding = Padding::All(kernel / 2);
  conv.groups = groups;
  return conv;
}

// Convolution, batch norm, activation, under the given names.
struct ConvNames {
  std::string conv, bn, act;
};
Value ConvBnAct(Graph& graph, Value x, const ConvNames& names, const Conv2d& conv, Activation act);

// Global average pooling, dropout (none at rate 0), and a fully connected layer called 'name'.
Value Classifier(Graph& graph, Value x, const std::string& name, int classes, float dropout);

// Error (kUsage) unless low <= value <= high.
void ExpectOption(const char* arch, const char* option, double value, double low, double high);

}  // namespace linnet

#endif  // LINNET_ARCHS_BLOCKS_H_
