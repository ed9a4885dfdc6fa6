// Row pointers of int8 convolutions: the bytes each tap reads, for a block of output pixels; as
// conv_indirect.h, which makes the map. Private to the kernels folder.
//
// A tap reads whole groups of four bytes (quads); what lies behind its channels meets weights that
// are zero. A pixel whose quads would reach past the end of the input, and a span of pixels that is
// partly padding, are copied to scratch.
#ifndef LINNET_KERNELS_INT8_ROWS_H_
#define LINNET_KERNELS_INT8_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/conv_indirect.h"

namespace linnet::kernels {

struct ByteRows {
  const PixelMap* map = nullptr;
  int64_t groups = 1;
  const uint8_t* padding = nullptr;  // read_bytes() of the zero point

  int64_t tap_bytes() const { return map->span * (map->src_c / groups); }
  int64_t quads() const { return (tap_bytes() + 3) / 4; }
  int64_t read_bytes() const { return 4 * quads(); }
  // Of the pointers of 'rows' pixels and the copies that they may need.
  size_t ScratchBytes(int64_t rows) const;
  // Pointers [taps][rows] for output pixels [first, first + rows) of group 'group', in scratch.
  const uint8_t** Make(const uint8_t* src, int64_t group, int64_t first, int64_t rows,
                       void* scratch) const;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_ROWS_H_
