// The inverted residual block of MobileNet V2 (1801.04381, sec. 3.3): thin at its ends, wide where
// the depthwise convolution works. With squeeze-and-excite it is the MBConv of MnasNet (1807.11626,
// fig. 7), MobileNet V3 and EfficientNet.
#ifndef LINNET_ARCHS_INVERTED_RESIDUAL_H_
#define LINNET_ARCHS_INVERTED_RESIDUAL_H_

#include <string>

#include "archs/blocks.h"

namespace linnet {

struct InvertedResidual {
  int in = 0, expanded = 0, out = 0;  // channels; expanded = in: there is no 1x1 before
  int kernel = 3;
  Strides::Step step = {1, 1};
  Activation act = Activation::kRelu6;
  int squeeze = 0;  // channels inside squeeze-and-excite; 0: there is none
  Activation squeeze_act = Activation::kRelu, squeeze_gate = Activation::kSigmoid;
  bool skip = true;     // add the input where stride and channels allow it
  float drop_path = 0;  // share of samples that take the shortcut only
  BatchNorm norm;
  PaddingRule padding = PaddingRule::kSymmetric;

  bool expands() const { return expanded != in; }
};

// project.act is not used: the projection is linear (sec. 3.2). Where the input is added, the nodes
// are <block>.drop_path and <block>.add.
struct InvertedResidualNames {
  std::string block;
  ConvNames expand, depthwise, project;
  std::string squeeze;
  std::string reduce = "fc1", excite = "fc2";  // within squeeze
};
// torchvision's names in MobileNet V3 and EfficientNet: <block>.block.0.0 and so on, counting the
// parts that are there.
InvertedResidualNames TorchvisionNames(const std::string& block, const InvertedResidual& parts);
// timm's: <block>.conv_pw, bn1, conv_dw, bn2, se, conv_pwl, bn3.
InvertedResidualNames TimmNames(const std::string& block, const InvertedResidual& parts);

Value EmitInvertedResidual(Graph& graph, Value x, const InvertedResidualNames& names,
                           const InvertedResidual& block);

}  // namespace linnet

#endif  // LINNET_ARCHS_INVERTED_RESIDUAL_H_
