#include "kernels/int8_pack.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kernels/matmul_block.h"

namespace linnet::kernels {
namespace {

// A bias is at most this, so that kMaxInt8Depth products of at most 255 * 127, the bias and half a
// shift's unit fit into 32 bits.
constexpr double kMaxBias = 1 << 29;

// The arrays of all panels, one after another.
struct Arrays {
  int32_t* has_left;  // one a panel
  int32_t *bias, *left, *shift;
  float* scale;
  int16_t* multiplier;
};
Arrays ArraysOf(const Int8Layout& layout, void* packed) {
  const int64_t channels = layout.panels * layout.panel;
  Arrays a;
  a.has_left = static_cast<int32_t*>(packed);
  a.bias = a.has_left + RoundUp(layout.panels, 16);
  a.left = a.bias + channels;
  a.shift = a.left + channels;
  a.scale = reinterpret_cast<float*>(a.shift + channels);
  a.multiplier = reinterpret_cast<int16_t*>(a.scale + channels);
  return a;
}

// The position among the sums of the value that is the q-th int16 of the panel.
int64_t SumOfWord(int64_t lanes, int64_t q) {
  const int64_t word = q % (2 * lanes);
  const int64_t vector = q / (2 * lanes) * 2 + word % 8 / 4;
  return vector * lanes + word / 8 * 4 + word % 4;
}

}  // namespace

size_t Int8Layout::channel_bytes() const {
  const int64_t of_channel = 4 * sizeof(int32_t) + sizeof(int16_t);
  return static_cast<size_t>(RoundUp(RoundUp(panels, 16) * 4 + panels * panel * of_channel, 64));
}

Int8Channels Int8Layout::Channels(const void* packed, int64_t i) const {
  const Arrays a = ArraysOf(*this, const_cast<void*>(packed));
  const int64_t at = i * panel;
  return {a.bias + at, a.has_left[i] != 0 ? a.left + at : nullptr, a.shift + at, a.multiplier + at,
          a.scale + at};
}

int8_t Int8Channel::Weight(int8_t w) const {
  return shrink == 1 ? w : static_cast<int8_t>(std::nearbyint(w * shrink));
}

Int8Channel FitChannel(const Quantization& src, const Int8Weights& weights, int64_t channel) {
  const double bias = weights.bias == nullptr ? 0.0 : weights.bias[channel];
  Int8Channel fit;
  fit.scale = static_cast<double>(src.scale) * weights.scales[channel];
  if (fit.scale <= 0 || std::abs(bias) > fit.scale * kMaxBias) {
    const double coarser = bias == 0 ? 1.0 : std::abs(bias) / kMaxBias;
    fit.shrink = fit.scale / coarser;
    fit.scale = coarser;
  }
  fit.bias = static_cast<int32_t>(std::nearbyint(bias / fit.scale));
  return fit;
}

void CheckInt8Weights(const Int8Weights& weights, int64_t channels) {
  for (int64_t i = 0; i < channels; ++i) {
    Check(std::isfinite(weights.scales[i]) && weights.scales[i] >= 0,
          "int8: the weights of channel {} have the scale {}", i, weights.scales[i]);
    const float bias = weights.bias == nullptr ? 0 : weights.bias[i];
    Check(std::isfinite(bias), "int8: the bias of channel {} is {}", i, bias);
  }
}

void PackChannels(const Int8Layout& layout, const PanelOfChannels& panel, const Quantization& src,
                  const Int8Weights& weights, const int32_t* weight_sums, const Quantization* dst,
                  void* packed) {
  const Arrays all = ArraysOf(layout, packed);
  const int64_t lanes = layout.panel / Int8Kernels::kVectors, at = panel.i * layout.panel;
  int32_t multipliers[256] = {};  // in order of sums
  all.has_left[panel.i] = 0;
  for (int64_t p = 0; p < layout.panel; ++p) {
    int64_t channel = ChannelOfSum(lanes, panel.vectors, p);
    if (panel.twice) channel %= layout.panel / 2;
    const bool exists = p < panel.vectors * lanes && channel < panel.cols;
    all.bias[at + p] = all.left[at + p] = all.shift[at + p] = 0;
    if (!exists) continue;
    const Int8Channel fit = FitChannel(src, weights, panel.first + channel);
    int32_t bias = fit.bias - src.zero_point * weight_sums[channel];
    if (dst != nullptr) {
      const Requantizer r = MakeRequantizer(fit.scale / dst->scale);
      bias += Half(r);
      all.left[at + p] = r.left;
      all.shift[at + p] = r.shift;
      multipliers[p] = r.multiplier;
      all.has_left[panel.i] |= r.left != 0;
    }
    all.bias[at + p] = bias;
    all.scale[at + channel] = static_cast<float>(fit.scale);
  }
  for (int64_t q = 0; q < layout.panel; ++q) {
    all.multiplier[at + q] = static_cast<int16_t>(multipliers[SumOfWord(lanes, q)]);
  }
}

}  // namespace linnet::kernels
