// Picture kernels on interleaved 8-bit RGB: resampling with antialiasing, and the step from bytes
// to normalised floats.
//
// Resampling follows Pillow's convolution resampling, so that networks trained elsewhere see the
// pictures they know: two separable passes (horizontal first), the filter's support widened by the
// scale when shrinking, weights in 22-bit fixed point, 8-bit rounding between the passes. The
// result is the same bits on every instruction set and equals Pillow's within 1/255.
#ifndef LINNET_KERNELS_RESIZE_H_
#define LINNET_KERNELS_RESIZE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace linnet::kernels {

enum class ResizeFilter {
  kBox,       // support 0.5: the mean of the covered pixels
  kBilinear,  // support 1: triangle
  kBicubic,   // support 2: Keys 1981 with a = -0.5
  kLanczos,   // support 3: sinc windowed by sinc
};

inline constexpr const char* kResizeFilterNames[] = {"box", "bilinear", "bicubic", "lanczos"};
inline std::span<const char* const> EnumNames(ResizeFilter) { return kResizeFilterNames; }

// The part of the source that becomes the whole output, in source pixels: [x0, x1) x [y0, y1), with
// fractions. Pixels outside the box but inside the picture still count at its borders, as if the
// whole picture had been resized and then cropped.
struct ResizeBox {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  bool operator==(const ResizeBox&) const = default;
};

// The weights of one axis: output i is sum_k weights[i * taps + k] * source[first[i] + k], k <
// count[i].
struct ResizeAxis {
  int source = 0, output = 0;
  double begin = 0, end = 0;
  ResizeFilter filter = ResizeFilter::kBox;
  int taps = 0;
  std::vector<int32_t> first, count, weights;  // weights scaled by 2^22
};

// Sets 'axis' for resampling [begin, end) of 'source' samples to 'output' samples; does nothing if
// it is so already.
void PrepareResizeAxis(int source, double begin, double end, int output, ResizeFilter filter,
                       ResizeAxis& axis);

// Working memory of ResizeRgb: it grows on first use and is reused, so that pictures of one size
// need no allocation and no weights after the first. One per thread.
struct ResizeScratch {
  ResizeAxis x, y;
  std::vector<uint8_t> rows;
  std::vector<uint8_t> last_row;
};

// Resamples 'box' of src [src_height, src_width, 3] to dst [dst_height, dst_width, 3]. The sizes
// must be positive and the box inside the picture, with a positive area (checked: internal Error).
void ResizeRgb(const uint8_t* src, int src_width, int src_height, const ResizeBox& box,
               ResizeFilter filter, uint8_t* dst, int dst_width, int dst_height,
               ResizeScratch& scratch);

// dst[i] = src[i] * scale[i % channels] + bias[i % channels], for 'pixels' pixels of 'channels' (1
// or 3). Multiplication and addition are rounded apart, so the bits are the same on every
// instruction set.
void NormalizeBytes(const uint8_t* src, size_t pixels, int channels, const float* scale,
                    const float* bias, float* dst);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_RESIZE_H_
