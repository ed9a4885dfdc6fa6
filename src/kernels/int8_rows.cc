#include "kernels/int8_rows.h"

#include <algorithm>
#include <cstring>

#include "kernels/matmul_block.h"

namespace linnet::kernels {
namespace {

// Source pixels whose quads can reach past the end: the last three, of one channel.
constexpr int64_t kLastPixels = 4;

// The pixels of one output row that are being pointed to, and where their copies go.
struct Filling {
  const ByteRows& rows;
  const uint8_t* src;  // of the whole input
  const uint8_t* end;
  int64_t channel;  // the first of the group
  int64_t image, y, x0, x1;
};

const uint8_t* CopyWithPadding(const Filling& f, const uint8_t* line, int64_t sx, uint8_t* copy) {
  const PixelMap& map = *f.rows.map;
  const int64_t begin = std::max<int64_t>(sx, 0), end = std::min(sx + map.span, map.src_w);
  std::memcpy(copy, f.rows.padding, static_cast<size_t>(f.rows.read_bytes()));
  if (begin < end) {
    std::memcpy(copy + (begin - sx) * map.src_c, line + begin * map.src_c,
                static_cast<size_t>((end - begin) * map.src_c));
  }
  return copy;
}

// Merged spans: one group, and a copy for each pixel that needs one.
void FillSpans(const Filling& f, const PixelTap& tap, const uint8_t** out, uint8_t* copies) {
  const PixelMap& map = *f.rows.map;
  const int64_t sy = f.y * map.step_y + tap.dy;
  if (sy < 0 || sy >= map.src_h) {
    std::fill_n(out, f.x1 - f.x0, f.rows.padding);
    return;
  }
  const uint8_t* line = f.src + (f.image * map.src_h + sy) * map.src_w * map.src_c;
  const int64_t read = f.rows.read_bytes();
  for (int64_t x = f.x0; x < f.x1; ++x, ++out, copies += read) {
    const int64_t sx = x * map.step_x + tap.dx;
    const bool inside = sx >= 0 && sx + map.span <= map.src_w;
    const uint8_t* pixel = line + sx * map.src_c;
    *out = inside && f.end - pixel >= read ? pixel : CopyWithPadding(f, line, sx, copies);
  }
}

// Single pixels: only the last ones of the whole input need copies, which all taps share.
void FillPixels(const Filling& f, const PixelTap& tap, const uint8_t** out, uint8_t* copies) {
  const PixelMap& map = *f.rows.map;
  const int64_t sy = f.y * map.step_y + tap.dy;
  if (sy < 0 || sy >= map.src_h) {
    std::fill_n(out, f.x1 - f.x0, f.rows.padding);
    return;
  }
  const uint8_t* line = f.src + (f.image * map.src_h + sy) * map.src_w * map.src_c + f.channel;
  const int64_t read = f.rows.read_bytes();
  for (int64_t x = f.x0; x < f.x1; ++x, ++out) {
    const int64_t sx = x * map.step_x + tap.dx;
    if (sx < 0 || sx >= map.src_w) {
      *out = f.rows.padding;
      continue;
    }
    const uint8_t* pixel = line + sx * map.src_c;
    if (f.end - pixel < read) {
      uint8_t* copy = copies + (f.end - pixel) / map.src_c * read;
      std::memcpy(copy, pixel, static_cast<size_t>(f.rows.tap_bytes()));
      pixel = copy;
    }
    *out = pixel;
  }
}

}  // namespace

size_t ByteRows::ScratchBytes(int64_t rows) const {
  const int64_t pointers = RoundUp(Taps(*map) * rows * 8, 64);
  const int64_t copies = map->span > 1 ? Taps(*map) * rows : kLastPixels;
  return static_cast<size_t>(pointers + RoundUp(copies * read_bytes(), 64));
}

const uint8_t** ByteRows::Make(const uint8_t* src, int64_t group, int64_t first, int64_t rows,
                               void* scratch) const {
  auto* pointers = static_cast<const uint8_t**>(scratch);
  auto* copies = static_cast<uint8_t*>(scratch) + RoundUp(Taps(*map) * rows * 8, 64);
  const uint8_t* end = src + map->n * map->src_h * map->src_w * map->src_c;
  for (int64_t row = 0; row < rows;) {
    const int64_t pixel = first + row, line = pixel / map->grid_w;
    Filling filling{*this,
                    src,
                    end,
                    group * (map->src_c / groups),
                    line / map->grid_h,
                    line % map->grid_h,
                    pixel % map->grid_w,
                    0};
    filling.x1 = std::min(map->grid_w, filling.x0 + rows - row);
    for (int64_t t = 0; t < Taps(*map); ++t) {
      const PixelTap& tap = map->taps[static_cast<size_t>(t)];
      const int64_t at = t * rows + row;
      if (map->span > 1) {
        FillSpans(filling, tap, pointers + at, copies + at * read_bytes());
      } else {
        FillPixels(filling, tap, pointers + at, copies);
      }
    }
    row += filling.x1 - filling.x0;
  }
  return pointers;
}

}  // namespace linnet::kernels
