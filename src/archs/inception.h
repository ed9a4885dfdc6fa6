// What all Inception networks are drawn with: boxes such as "3x3 conv (192)", chained to branches
// whose maps are concatenated.
#ifndef LINNET_ARCHS_INCEPTION_H_
#define LINNET_ARCHS_INCEPTION_H_

#include <string>
#include <vector>

#include "archs/arch.h"
#include "archs/blocks.h"

namespace linnet {

inline constexpr Pair k1x1 = {1, 1}, k1x3 = {1, 3}, k3x1 = {3, 1}, k3x3 = {3, 3}, k5x5 = {5, 5},
                      k1x7 = {1, 7}, k7x1 = {7, 1}, k7x7 = {7, 7};

// Zeros around a map: as many as keep its size at stride 1 (PaddingRule says on which side),
// or none, which the later papers mark with V.
enum class Border { kSame, kValid };

// A convolution with what follows it.
struct ConvBox {
  std::string name;
  int channels;
  Pair kernel = k1x1;
  int stride = 1;
  Border border = Border::kSame;
};

struct InceptionOptions {
  float width = 1;
  float dropout = 0;
  bool small_input = false;
  CommonOptions common = {.size = 299};
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("width", self.width, "share of the channels of every convolution");
    v("dropout", self.dropout, "dropout before the classifier");
    v("small_input", self.small_input,
      "stem with one step of stride 2 instead of three, for pictures of 32x32 or so");
    CommonOptions::VisitFields(self.common, v);
  }
};

struct InceptionAuxOptions : InceptionOptions {
  bool aux = false;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("aux", self.aux, "auxiliary heads, whose losses count a part in training");
    InceptionOptions::VisitFields(self, v);
  }
};

template <class Options>
Options InceptionDefaults(int size, float dropout) {
  Options options;
  options.common.size = size;
  options.dropout = dropout;
  return options;
}

void CheckInceptionOptions(const char* arch, const InceptionOptions& options);

// A graph with the pen that draws boxes into it.
struct InceptionGraph {
  float width = 1;
  // What a box is besides its convolution. Without batch norm, only a bias and ReLU.
  bool bias = false;
  bool batch_norm = true;
  float eps = 1e-3f;
  // Appended to a box's name.
  ConvNames suffixes = {".conv", ".bn", ".relu"};
  PaddingRule padding = PaddingRule::kSymmetric;
  // Of average pooling with a border.
  bool count_include_pad = false;
  Graph graph = {};

  int Channels(int channels) const { return ScaledChannels(channels, width); }
  Conv2d Convolution(const ConvBox& box) const;
  // Nodes are called <prefix><box name><suffix>.
  Value Box(Value x, const std::string& prefix, const ConvBox& box);
  // One box after the other.
  Value Branch(Value x, const std::string& prefix, const std::vector<ConvBox>& boxes);
  // 3x3.
  Value MaxPool(Value x, const std::string& name, int stride, Border border);
  Value AveragePool(Value x, const std::string& name);
  Value Concatenate(const std::string& name, std::vector<Value> branches);
};

// The stem of Inception v4, which the paper's Inception-ResNet-v2 shares (1602.07261, fig. 3): 384
// channels, the picture 8 times smaller. Modules are numbered as in timm's Sequential.
Value InceptionV4Stem(InceptionGraph& net, Value x, const std::string& prefix, bool small_input);

}  // namespace linnet

#endif  // LINNET_ARCHS_INCEPTION_H_
