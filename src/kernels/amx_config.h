// The configuration of tile registers. Private to the kernels folder.
#ifndef LINNET_KERNELS_AMX_CONFIG_H_
#define LINNET_KERNELS_AMX_CONFIG_H_

#include <cstdint>

namespace linnet::kernels {

// Palette 1: eight tiles of at most 16 rows of 64 bytes. The layout that LDTILECFG reads.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_AMX_CONFIG_H_
