// Attention blocks: each weighs a map by what it sees of that map, and keeps its shape.
#ifndef LINNET_ARCHS_ATTENTION_H_
#define LINNET_ARCHS_ATTENTION_H_

#include <algorithm>
#include <span>
#include <string>

#include "graph/graph.h"

namespace linnet {

enum class Attention { kNone, kSe, kBam, kCbam };
inline constexpr const char* kAttentionNames[] = {"none", "se", "bam", "cbam"};
inline std::span<const char* const> EnumNames(Attention) { return kAttentionNames; }

// How many times narrower the gates are than the map: the default of all three papers.
inline constexpr int kAttentionReduction = 16;
inline int AttentionSqueeze(int channels) { return std::max(1, channels / kAttentionReduction); }

// What differs between the networks that squeeze and excite. Both 1x1 convolutions have a bias.
struct SqueezeExciteOptions {
  int squeeze = 0;  // channels between the two convolutions
  Activation act = Activation::kRelu;
  Activation gate = Activation::kSigmoid;
  std::string reduce = "fc1", expand = "fc2";  // torchvision's names of the convolutions
};

// Squeeze-and-excitation (1709.01507, sec. 3): x * gate(expand(act(reduce(mean of x)))). 'channels'
// are x's; nodes are called <name>.fc1 and so on.
Value SqueezeExcite(Graph& graph, Value x, const std::string& name, int channels,
                    const SqueezeExciteOptions& options);

// Bottleneck attention (1807.06514, sec. 3): x + x * sigmoid(Mc + Ms), where Mc looks at the mean
// of each channel and Ms, through two 3x3 of dilation 4, at each pixel's surroundings. Names as the
// authors' code, which multiplies Mc and Ms where the paper adds them.
Value Bam(Graph& graph, Value x, const std::string& name, int channels);

// Convolutional block attention (1807.06521, sec. 3): channels by their mean and maximum, then
// pixels by the maximum and mean over the channels. Names as the authors' code.
Value Cbam(Graph& graph, Value x, const std::string& name, int channels);

}  // namespace linnet

#endif  // LINNET_ARCHS_ATTENTION_H_
