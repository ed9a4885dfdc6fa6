// The packed form of an int8 layer: what its channels need (Int8Channels), then its weights in
// panels. Private to the kernels folder.
#ifndef LINNET_KERNELS_INT8_PACK_H_
#define LINNET_KERNELS_INT8_PACK_H_

#include <cstddef>
#include <cstdint>

#include "kernels/int8_conv.h"
#include "kernels/int8_kernels.h"

namespace linnet::kernels {

// A packed layer of 'panels' panels of 'panel' channels.
struct Int8Layout {
  int64_t panel = 0, panels = 0;
  size_t weight_bytes = 0;

  size_t channel_bytes() const;
  size_t bytes() const { return channel_bytes() + weight_bytes; }
  Int8Channels Channels(const void* packed, int64_t i) const;
  const int8_t* Weights(const void* packed) const {
    return static_cast<const int8_t*>(packed) + channel_bytes();
  }
};

// Error (kInternal) unless all scales are finite and not negative, and all biases finite.
void CheckInt8Weights(const Int8Weights& weights, int64_t channels);

// The input as its kernels multiply it.
inline Quantization SumsOf(const Int8Kernels& kernels, const Quantization& src) {
  return {src.scale, src.zero_point - kernels.offset};
}

// Writes the arrays of panel 'i'. 'weight_sums': the sums of the channels' fitted weights. 'dst' is
// null where the sums are to become float32.
struct PanelOfChannels {
  int64_t i = 0;
  int vectors = 0;              // of its sums
  int64_t first = 0, cols = 0;  // its channels among those of 'weights'
  bool twice = false;           // its upper half has the same channels
};
void PackChannels(const Int8Layout& layout, const PanelOfChannels& panel, const Quantization& src,
                  const Int8Weights& weights, const int32_t* weight_sums, const Quantization* dst,
                  void* packed);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_PACK_H_
