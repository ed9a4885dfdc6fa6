// Residual units, which a dozen networks repeat: with the activation after the addition
// (1512.03385) and before the convolutions (1603.05027).
#ifndef LINNET_ARCHS_RESIDUAL_H_
#define LINNET_ARCHS_RESIDUAL_H_

#include <span>
#include <string>

#include "archs/attention.h"
#include "graph/graph.h"

namespace linnet {

// How a unit's input comes to its end where the shape changes (1512.03385, sec. 4.1). Elsewhere it
// is the identity, but for c.
enum class Shortcut {
  kZeros,       // a: each second pixel, and channels of zeros; no parameters
  kProjection,  // b: a 1x1 convolution with batch norm
  kAlways,      // c: a projection in every unit
  kNone,        // a plain network: the control group
};
inline constexpr const char* kShortcutNames[] = {"a", "b", "c", "none"};
inline std::span<const char* const> EnumNames(Shortcut) { return kShortcutNames; }

// What a unit does, whichever side of its convolutions the activations are on.
struct ResidualUnit {
  int in = 0, out = 0;  // channels before and after
  // Channels of a bottleneck's 3x3 convolution; 0: a basic unit, of two 3x3.
  int width = 0;
  int reduced = 0;  // a bottleneck's channels after the first 1x1; 0: 'width'
  int stride = 1;
  bool stride_in_1x1 = false;  // a bottleneck's stride is in the first 1x1, not in the 3x3
  int groups = 1;              // of a bottleneck's 3x3
  int first_dilation = 1;      // of the unit's first 3x3; 'dilation': of the second, in basic units
  int dilation = 1;
  Shortcut shortcut = Shortcut::kProjection;
  int shortcut_kernel = 1;
  Attention attention = Attention::kNone;  // se or cbam, on the branch
  float dropout = 0;  // pre-activation: before the last 3x3 (1605.07146, sec. 2.4)

  bool changes_shape() const { return in != out || stride != 1; }
};

// relu(shortcut(x) + branch(x)); batch norm after each convolution. Names as torchvision:
// <name>.conv1, .bn1, .downsample.0; attention as <name>.se or <name>.cbam.
Value PostActivationUnit(Graph& graph, Value x, const std::string& name, const ResidualUnit& unit);

struct PreActivationNames {
  std::string norm = "norm", projection = "downsample.conv";  // timm's resnetv2
};

// shortcut(x) + branch(x); batch norm and ReLU before each convolution. Where the shape changes,
// and where 'share' says so, the shortcut begins after the unit's first ReLU; its projection has
// no batch norm.
Value PreActivationUnit(Graph& graph, Value x, const std::string& name, const ResidualUnit& unit,
                        bool share = false, const PreActivationNames& names = {});

}  // namespace linnet

#endif  // LINNET_ARCHS_RESIDUAL_H_
