// The left side of a product by tile registers: where the rows of each register lie, for each step
// of 64 bytes of the sums. Private to the kernels folder.
//
// A register is loaded from rows that are evenly spaced. So are the pixels of a pointwise layer and
// those that a tap sees within a row of the map, and these are taken where they are. Others, taps
// that are no whole steps (which then follow each other without gaps), and rows that are too few
// for a register are copied, once for all panels of a block.
#ifndef LINNET_KERNELS_INT8_REGISTER_ROWS_H_
#define LINNET_KERNELS_INT8_REGISTER_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/int8_kernels.h"

namespace linnet::kernels {

struct RegisterSide {
  int rows = 0;                    // of a register
  int64_t taps = 0, quads = 0;     // of a row, as in Int8TileArgs
  const uint8_t* begin = nullptr;  // of the input; padding is readable for whole steps
  const uint8_t* end = nullptr;

  int64_t tap_bytes() const { return 4 * quads; }
  int64_t steps() const { return (taps * tap_bytes() + kStepBytes - 1) / kStepBytes; }
  // Of pointers and copies for 'block_rows' rows.
  size_t ScratchBytes(int64_t block_rows) const;
  // [registers][steps] from pointers [taps][block_rows].
  const RegisterRows* Make(const uint8_t* const* pointers, int64_t block_rows, void* scratch) const;
};

// Rows of a register for a map of 'pixels' pixels in lines of 'line', or a pointwise layer (line =
// 0): by which as few as possible are left over.
int RowsOfRegister(int64_t pixels, int64_t line);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_REGISTER_ROWS_H_
