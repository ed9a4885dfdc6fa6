// Blocks: functions that emit the nodes which architectures repeat.
#ifndef LINNET_ARCHS_BLOCKS_H_
#define LINNET_ARCHS_BLOCKS_H_

#include <span>
#include <string>

#include "graph/graph.h"

namespace linnet {

// The multiple of 'divisor' nearest to 'channels', at least 'divisor' and never less than nine
// tenths of 'channels': the rule of MobileNet V2 and V3, MnasNet and EfficientNet (tf-slim
// nets/mobilenet/mobilenet.py).
int MakeDivisible(double channels, int divisor = 8);

// A share 'width' of the channels, to the nearest whole number, at least 1: for families whose
// paper has no rule of its own.
int ScaledChannels(int channels, float width);

// Zeros around a map that keep its size at stride 1: as many on each side (PyTorch, Caffe), or
// TensorFlow's SAME, which differs where the stride is 2 and the size even: there the first row
// gets none. Weights trained with one lose accuracy with the other.
enum class PaddingRule { kSymmetric, kSame };
inline constexpr const char* kPaddingRuleNames[] = {"symmetric", "same"};
inline std::span<const char* const> EnumNames(PaddingRule) { return kPaddingRuleNames; }

// A convolution of an odd, square kernel without bias, of 'same' size at stride 1.
inline Conv2d SquareConv(int out_channels, int kernel, int stride = 1, int groups = 1,
                         int dilation = 1, PaddingRule padding = PaddingRule::kSymmetric) {
  Conv2d conv;
  conv.out_channels = out_channels;
  conv.kernel = {kernel, kernel};
  conv.stride = {stride, stride};
  conv.padding = padding == PaddingRule::kSame && kernel > 1
                     ? Padding::Same()
                     : Padding::All(dilation * (kernel / 2));
  conv.dilation = {dilation, dilation};
  conv.groups = groups;
  return conv;
}

// Convolution, batch norm (default: PyTorch's numbers), activation (none if identity), under the
// given names.
struct ConvNames {
  std::string conv, bn, act;
};
Value ConvBnAct(Graph& graph, Value x, const ConvNames& names, const Conv2d& conv, Activation act,
                const BatchNorm& norm = {});

// The names that torchvision's sequences give: <prefix>.<first> and the two numbers that follow.
ConvNames NumberedNames(const std::string& prefix, int first = 0);

// The strides of a body as they are passed, changed for small pictures or for dense prediction.
struct Strides {
  // So many of the first strides of 2 become 1: pictures of 32x32 would vanish.
  int skip = 0;
  // Not 0: once the map is so many times smaller than the picture, strides become dilations of all
  // that follows (DeepLab, 1606.00915, sec. 3.1). A power of 2. As in tf-slim, the convolution that
  // loses its stride keeps the dilation of those before it.
  int output_stride = 0;

  struct Step {
    int stride, dilation;
  };
  Step Next(int stride);

  int current = 1, dilation = 1;  // how far they have come
};
// Error (kUsage) unless output_stride is 0, 8, 16 or 32.
void ExpectOutputStride(const char* arch, int output_stride);

// Global average pooling, dropout (none at rate 0), and a fully connected layer called 'name'.
Value Classifier(Graph& graph, Value x, const std::string& name, int classes, float dropout);

// The end of AlexNet and ZFNet, with Caffe's names: fc6 and fc7 with ReLU and dropout, fc8.
struct HiddenLayers {
  int units = 4096;
  float dropout = 0.5f;
};
Value FullyConnectedHead(Graph& graph, Value x, const HiddenLayers& hidden, int classes);

// Error (kUsage) unless low <= value <= high.
void ExpectOption(const char* arch, const char* option, double value, double low, double high);

}  // namespace linnet

#endif  // LINNET_ARCHS_BLOCKS_H_
