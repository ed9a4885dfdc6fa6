#include "kernels/int8_register_rows.h"

#include <algorithm>
#include <cstring>

#include "kernels/matmul_block.h"

namespace linnet::kernels {
namespace {

// Of a copied row. An odd number of cache lines, so that rows do not fall into the same set.
int64_t CopyStride(const RegisterSide& side) { return side.steps() * kStepBytes | kStepBytes; }

size_t PointerBytes(const RegisterSide& side, int64_t block_rows) {
  const int64_t registers = DivUp(block_rows, side.rows);
  const auto bytes = registers * side.steps() * static_cast<int64_t>(sizeof(RegisterRows));
  return static_cast<size_t>(RoundUp(bytes, 64));
}

// Whether a register can be loaded from the rows as they are. 'bytes': what is read of each.
bool Even(const RegisterSide& side, const uint8_t* const* a, int64_t bytes) {
  const int64_t stride = a[1] - a[0];
  for (int64_t i = 2; i < side.rows; ++i) {
    if (a[i] - a[i - 1] != stride) return false;
  }
  if (stride == 0) return true;  // padding
  return a[0] >= side.begin && a[0] < side.end && a[side.rows - 1] + bytes <= side.end;
}

// The first layer has three quads a tap, too few for a call.
inline void CopyQuads(const uint8_t* from, int64_t quads, uint8_t* to) {
  if (quads != 3) {
    std::memcpy(to, from, static_cast<size_t>(4 * quads));
    return;
  }
  std::memcpy(to, from, 8);
  std::memcpy(to + 8, from + 8, 4);
}

}  // namespace

size_t RegisterSide::ScratchBytes(int64_t block_rows) const {
  const int64_t copies = RoundUp(block_rows, rows) * CopyStride(*this);
  return PointerBytes(*this, block_rows) + static_cast<size_t>(copies);
}

const RegisterRows* RegisterSide::Make(const uint8_t* const* pointers, int64_t block_rows,
                                       void* scratch) const {
  auto* out = static_cast<RegisterRows*>(scratch);
  auto* copy = static_cast<uint8_t*>(scratch) + PointerBytes(*this, block_rows);
  const int64_t stride = CopyStride(*this), all = steps();
  const int64_t tap_steps = DivUp(tap_bytes(), kStepBytes);
  const bool whole_steps = taps == 1 || tap_bytes() % kStepBytes == 0;
  for (int64_t first = 0; first < block_rows; first += rows, out += all, copy += rows * stride) {
    const int64_t count = std::min<int64_t>(rows, block_rows - first);
    for (int64_t i = 0; i < all; ++i) out[i] = {copy + i * kStepBytes, stride};
    for (int64_t tap = 0; tap < taps; ++tap) {
      const uint8_t* const* a = pointers + tap * block_rows + first;
      if (whole_steps && count == rows && Even(*this, a, tap_steps * kStepBytes)) {
        for (int64_t i = 0; i < tap_steps; ++i) {
          out[tap * tap_steps + i] = {a[0] + i * kStepBytes, a[1] - a[0]};
        }
        continue;
      }
      uint8_t* to = copy + tap * tap_bytes();
      for (int64_t i = 0; i < count; ++i) CopyQuads(a[i], quads, to + i * stride);
    }
  }
  return static_cast<const RegisterRows*>(scratch);
}

int RowsOfRegister(int64_t pixels, int64_t line) {
  // Fewer rows are less work for as many loads of the right side.
  constexpr int kMost = 16, kLeast = 12;
  for (int rows = kMost; line > 0 && rows >= kLeast; --rows) {
    if (line % rows == 0) return rows;
  }
  int best = kMost;
  for (int rows = kMost; rows >= kLeast; --rows) {
    if (RoundUp(pixels, rows) < RoundUp(pixels, best)) best = rows;
  }
  return best;
}

}  // namespace linnet::kernels
