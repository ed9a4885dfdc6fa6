#include "kernels/conv_indirect.h"

#include <algorithm>
#include <cstring>

#include "kernels/matmul_block.h"

namespace linnet::kernels {
namespace {

// A row of kernel taps of at most this many floats is read as one.
constexpr int64_t kMaxSpanFloats = 64;

size_t PointerTableBytes(const PixelMap& map, int64_t rows) {
  return static_cast<size_t>(RoundUp((Taps(map) + 1) * rows * 8, 64));
}

// A run of grid pixels within one row of the grid.
struct Run {
  int64_t image, y, x0, x1;
};

// The first x of [x0, x1) whose source pixel x * step + offset is at least 'limit', or x1.
int64_t FirstAtLeast(int64_t x0, int64_t x1, int64_t step, int64_t offset, int64_t limit) {
  const int64_t distance = limit - offset;
  return std::clamp(distance <= 0 ? int64_t{0} : DivUp(distance, step), x0, x1);
}

// One pixel whose span of source pixels begins at 'sx' and is not all inside the row.
const float* EdgePixel(const PixelMap& map, const float* row, int64_t sx, const float* zeros,
                       float* edge) {
  const int64_t begin = std::max<int64_t>(sx, 0);
  const int64_t end = std::min(sx + map.span, map.src_w);
  if (begin >= end) return zeros;
  std::fill_n(edge, map.span * map.src_c, 0.0f);
  std::copy(row + begin * map.src_c, row + end * map.src_c, edge + (begin - sx) * map.src_c);
  return edge;
}

// The source pixels of 'run' as tap 'tap' sees them, 'stride' floats apart. 'edge': a row for each
// pixel, used where a span is partly padding.
void FillTap(const PixelMap& map, int64_t stride, const Run& run, const PixelTap& tap,
             const float* src, const float* zeros, const float** out, float* edge) {
  const int64_t sy = run.y * map.step_y + tap.dy;
  if (sy < 0 || sy >= map.src_h) {
    std::fill_n(out, run.x1 - run.x0, zeros);
    return;
  }
  const int64_t edge_floats = map.span > 1 ? map.span * map.src_c : 0;
  const float* row = src + (run.image * map.src_h + sy) * map.src_w * stride;
  // [inside, outside): the pixels whose span is wholly inside the row.
  const int64_t inside = FirstAtLeast(run.x0, run.x1, map.step_x, tap.dx, 0);
  const int64_t outside =
      FirstAtLeast(inside, run.x1, map.step_x, tap.dx, map.src_w - map.span + 1);
  int64_t x = run.x0;
  const auto edge_pixel = [&] {
    const int64_t i = x - run.x0;
    out[i] = EdgePixel(map, row, x * map.step_x + tap.dx, zeros, edge + i * edge_floats);
  };
  for (; x < inside; ++x) edge_pixel();
  const float* pixel = row + (x * map.step_x + tap.dx) * stride;
  for (; x < outside; ++x, pixel += map.step_x * stride) out[x - run.x0] = pixel;
  for (; x < run.x1; ++x) edge_pixel();
}

}  // namespace

bool IsPointwise(const ConvShape& s) {
  return s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.groups == 1 &&
         s.h == s.oh && s.w == s.ow && s.pad_top == 0 && s.pad_left == 0;
}

PixelMap ForwardMap(const ConvShape& s) {
  PixelMap map;
  map.n = s.n;
  map.grid_h = map.dst_h = s.oh;
  map.grid_w = map.dst_w = s.ow;
  map.dst_c = s.k;
  map.src_h = s.h;
  map.src_w = s.w;
  map.src_c = s.c;
  map.step_y = s.stride_h;
  map.step_x = s.stride_w;
  const bool merge = s.groups == 1 && s.dilation_w == 1 && s.kw * s.c <= kMaxSpanFloats;
  map.span = merge ? s.kw : 1;
  for (int64_t y = 0; y < s.kh; ++y) {
    for (int64_t x = 0; x < s.kw; x += map.span) {
      map.taps.push_back({y * s.dilation_h - s.pad_top, x * s.dilation_w - s.pad_left});
    }
  }
  return map;
}

size_t PointerBytes(const PixelMap& map, int64_t rows) {
  const int64_t edges = map.span > 1 ? Taps(map) * rows * map.span * map.src_c : 0;
  return PointerTableBytes(map, rows) + static_cast<size_t>(RoundUp(edges * 4, 64));
}

Pointers MakePointers(const PixelMap& map, const PixelStrides& strides, const float* src,
                      float* dst, const float* zeros, int64_t first, int64_t rows, void* scratch) {
  Pointers pointers;
  pointers.src = static_cast<const float**>(scratch);
  pointers.dst = static_cast<float**>(scratch) + Taps(map) * rows;
  auto* edges =
      reinterpret_cast<float*>(static_cast<char*>(scratch) + PointerTableBytes(map, rows));
  const int64_t edge_floats = map.span > 1 ? map.span * map.src_c : 0;
  int64_t row = 0;
  while (row < rows) {
    const int64_t pixel = first + row;
    const int64_t line = pixel / map.grid_w;
    Run run{line / map.grid_h, line % map.grid_h, pixel % map.grid_w, 0};
    run.x1 = std::min(map.grid_w, run.x0 + rows - row);
    for (int64_t tap = 0; tap < Taps(map); ++tap) {
      FillTap(map, strides.src, run, map.taps[static_cast<size_t>(tap)], src, zeros,
              pointers.src + tap * rows + row, edges + (tap * rows + row) * edge_floats);
    }
    if (dst == nullptr) {
      row += run.x1 - run.x0;
      continue;
    }
    const int64_t dst_y = run.image * map.dst_h + map.dst_y0 + run.y * map.dst_step_y;
    for (int64_t x = run.x0; x < run.x1; ++x, ++row) {
      pointers.dst[row] = dst + (dst_y * map.dst_w + map.dst_x0 + x * map.dst_step_x) * strides.dst;
    }
  }
  return pointers;
}

}  // namespace linnet::kernels
