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

// A tap sees [inside, outside) of the pixels [x0, x1) with all of its span in the row.
struct Inside {
  int64_t begin, end;
};
Inside InsideOf(const Filling& f, const PixelTap& tap) {
  const PixelMap& map = *f.rows.map;
  // The first x whose source pixel x * step + dx is at least 'limit'.
  const auto first = [&](int64_t limit) {
    const int64_t distance = limit - tap.dx;
    return std::clamp(distance <= 0 ? int64_t{0} : DivUp(distance, map.step_x), f.x0, f.x1);
  };
  const int64_t begin = first(0);
  return {begin, std::max(begin, first(map.src_w - map.span + 1))};
}

// The pixels of one output row as tap 'tap' sees them. Where a span is more than one pixel,
// 'copies' has a place for each pixel; else only the last ones of the whole input need one, which
// all taps share.
void FillTap(const Filling& f, const PixelTap& tap, const uint8_t** out, uint8_t* copies) {
  const PixelMap& map = *f.rows.map;
  const int64_t sy = f.y * map.step_y + tap.dy, read = f.rows.read_bytes();
  if (sy < 0 || sy >= map.src_h) {
    std::fill_n(out, f.x1 - f.x0, f.rows.padding);
    return;
  }
  const uint8_t* line = f.src + (f.image * map.src_h + sy) * map.src_w * map.src_c + f.channel;
  const auto outside = [&](int64_t x) {
    out[x - f.x0] = map.span == 1 ? f.rows.padding
                                  : CopyWithPadding(f, line, x * map.step_x + tap.dx,
                                                    copies + (x - f.x0) * read);
  };
  const Inside inside = InsideOf(f, tap);
  for (int64_t x = f.x0; x < inside.begin; ++x) outside(x);
  const int64_t step = map.step_x * map.src_c;
  const uint8_t* pixel = line + (inside.begin * map.step_x + tap.dx) * map.src_c;
  for (int64_t x = inside.begin; x < inside.end; ++x, pixel += step) out[x - f.x0] = pixel;
  for (int64_t x = inside.end; x < f.x1; ++x) outside(x);
  // From the last pixel on, back to the first whose quads end inside of the input.
  for (int64_t x = inside.end - 1; x >= inside.begin; --x) {
    const uint8_t*& from = out[x - f.x0];
    if (f.end - from >= read) break;
    const int64_t place = map.span > 1 ? x - f.x0 : (f.end - from) / map.src_c;
    uint8_t* copy = copies + place * read;
    std::memcpy(copy, from, static_cast<size_t>(f.rows.tap_bytes()));
    from = copy;
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
      FillTap(filling, tap, pointers + at, map->span > 1 ? copies + at * read_bytes() : copies);
    }
    row += filling.x1 - filling.x0;
  }
  return pointers;
}

}  // namespace linnet::kernels
