// A weighted sum of up to four pixels, over their channels: bilinear sampling, forward and
// backward. Float32, NHWC. Internal to the kernels.
#ifndef LINNET_KERNELS_TAPS_H_
#define LINNET_KERNELS_TAPS_H_

#include <cstdint>

namespace linnet::kernels {

// Only pixels inside of the map.
struct Taps {
  int count = 0;           // 0 to 4
  int64_t offset[4] = {};  // floats from the map's first channel
  float weight[4] = {};

  void Add(int64_t at, float w) {
    offset[count] = at;
    weight[count++] = w;
  }
};

// The functions of the chosen instruction set.
struct TapsTable {
  // to[c] = scale * sum over taps of weight * map[offset + c]
  void (*gather)(const Taps& taps, const float* map, int64_t channels, float scale, float* to);
  // map[offset + c] += scale * weight * from[c], tap by tap
  void (*scatter)(const Taps& taps, const float* from, int64_t channels, float scale, float* map);
  // dots[tap] += sum over channels of map[offset + c] * g[c]
  void (*dots)(const Taps& taps, const float* map, const float* g, int64_t channels, float* dots);
};
const TapsTable& GetTaps();

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_TAPS_H_
