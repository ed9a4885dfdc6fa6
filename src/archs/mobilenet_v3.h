// The body of MobileNet V3, which SSDLite builds on too.
#ifndef LINNET_ARCHS_MOBILENET_V3_H_
#define LINNET_ARCHS_MOBILENET_V3_H_

#include <span>

#include "archs/inverted_residual.h"

namespace linnet {

// A row of tables 1 and 2 of 1905.02244.
struct MobileNetV3Row {
  int kernel;
  int expanded;      // channels of the depthwise convolution
  double expansion;  // the same over the input's channels, as the authors' code says it
  int out;
  bool squeeze;
  Activation act;
  int stride;
};
std::span<const MobileNetV3Row> MobileNetV3Large();
std::span<const MobileNetV3Row> MobileNetV3Small();

// Where the width multiplier is not 1: whether a block's inner channels follow its scaled input
// (tf-slim, Keras, timm) or are scaled themselves (torchvision).
enum class Expansion { kRelative, kAbsolute };
inline constexpr const char* kExpansionNames[] = {"relative", "absolute"};
inline std::span<const char* const> EnumNames(Expansion) { return kExpansionNames; }

struct MobileNetV3Style {
  double width = 1;
  Expansion expansion = Expansion::kRelative;
  bool minimalistic = false;  // no squeeze-and-excite, no hard swish, no 5x5
  PaddingRule padding = PaddingRule::kSymmetric;
  // torchvision's numbers, which are TensorFlow's: decay 0.99.
  BatchNorm norm = {.eps = 1e-3f, .momentum = 0.01f};

  Activation ActOf(Activation act) const { return minimalistic ? Activation::kRelu : act; }
};
InvertedResidual MobileNetV3Block(const MobileNetV3Row& row, int in, Strides::Step step,
                                  const MobileNetV3Style& style);

}  // namespace linnet

#endif  // LINNET_ARCHS_MOBILENET_V3_H_
