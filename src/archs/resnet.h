// The network of 1512.03385, table 1, as a design: what ResNeXt, Wide ResNet and SENet change.
#ifndef LINNET_ARCHS_RESNET_H_
#define LINNET_ARCHS_RESNET_H_

#include <array>
#include <string>

#include "archs/arch.h"
#include "archs/residual.h"

namespace linnet {

struct ResNetDesign {
  std::array<int, 4> blocks = {};  // units of each stage
  bool bottleneck = true;
  // ResNeXt's cardinality, and the channels of a group where the first stage has 64 (its 'd').
  int groups = 1, base_width = 64;
  bool halve_first_1x1 = false;  // SENet-154
  bool deep_stem = false;        // three 3x3 of 64, 64, 128 channels in place of one 7x7
  int shortcut_kernel = 1;       // of the projections with a stride
  float dropout = 0;             // before the classifier
};

struct ResNetOptions {
  bool v1 = false;
  Shortcut shortcut = Shortcut::kProjection;
  int output_stride = 32;
  Attention attention = Attention::kNone;
  bool small_input = false;
  CommonOptions common;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("v1", self.v1, "bottlenecks: stride in the first 1x1, as the paper, not in the 3x3 (v1.5)");
    v("shortcut", self.shortcut,
      "a: zeros, b: projections, c: always projections; none: plain net");
    v("output_stride", self.output_stride, "8, 16 or 32: dilation replaces the later strides");
    v("attention", self.attention, "se and cbam in each unit, bam after the first three stages");
    v("small_input", self.small_input, "3x3 stem, no stride or pooling: for 32x32 pictures or so");
    CommonOptions::VisitFields(self.common, v);
  }
};

// Names as torchvision's resnet. Error (kUsage) for an output stride that is not 8, 16 or 32.
Graph BuildResNet(const ResNetDesign& design, const ResNetOptions& options);

}  // namespace linnet

#endif  // LINNET_ARCHS_RESNET_H_
