// Row pointers: which source pixel each tap sees, for a block of grid pixels. Private to the
// kernels folder.
#ifndef LINNET_KERNELS_CONV_INDIRECT_H_
#define LINNET_KERNELS_CONV_INDIRECT_H_

#include <cstddef>
#include <cstdint>

#include "kernels/conv.h"

namespace linnet::kernels {

using internal::PixelMap;
using internal::PixelTap;

// The map of the forward pass, which the gradient of weights shares. Neighbouring taps of a kernel
// row are read as one row of kw * c floats where c is so small that a row of its own would not be
// worth it (the stem).
PixelMap ForwardMap(const ConvShape& shape);

// Is it a matrix product of the pixels as they lie?
bool IsPointwise(const ConvShape& shape);

inline int64_t GridPixels(const PixelMap& map) { return map.n * map.grid_h * map.grid_w; }
inline int64_t Taps(const PixelMap& map) { return static_cast<int64_t>(map.taps.size()); }

// Bytes of scratch for the pointers of 'rows' grid pixels, and for rows of a span that is partly
// padding.
size_t PointerBytes(const PixelMap& map, int64_t rows);

// Pointers for grid pixels [first, first + rows), made in 'scratch' (PointerBytes, 64-byte
// aligned). 'src' and 'dst' are offset to the group's first channel ('dst' may be null: no pointers
// then); 'zeros': span * channels floats.
struct Pointers {
  const float** src;  // [taps][rows]
  float** dst;        // [rows]
};
// Floats from one pixel to the next. Where a tap reads several pixels as one row (span > 1), the
// source's have to touch.
struct PixelStrides {
  int64_t src, dst;
};
inline PixelStrides DensePixels(const PixelMap& map) { return {map.src_c, map.dst_c}; }
Pointers MakePointers(const PixelMap& map, const PixelStrides& strides, const float* src,
                      float* dst, const float* zeros, int64_t first, int64_t rows, void* scratch);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_CONV_INDIRECT_H_
