#include "kernels/int8_pool.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/int8_kernels.h"

namespace linnet::kernels {
namespace {

// The part of a window that lies in the map, and the elements that an average with
// count_include_pad divides by.
struct Window {
  int64_t y0, y1, x0, x1, padded;
  bool empty() const { return y0 >= y1 || x0 >= x1; }
};
Window WindowOf(const PoolShape& s, int64_t oy, int64_t ox) {
  const int64_t y = oy * s.stride_h - s.pad_top, x = ox * s.stride_w - s.pad_left;
  const int64_t y_end = std::min(y + s.kernel_h, s.h + s.pad_bottom);
  const int64_t x_end = std::min(x + s.kernel_w, s.w + s.pad_right);
  return {std::max<int64_t>(y, 0), std::min(y_end, s.h), std::max<int64_t>(x, 0),
          std::min(x_end, s.w), (y_end - y) * (x_end - x)};
}

// pixel(window, image, destination) for each output pixel.
template <class F>
void ForOutputs(const PoolShape& s, const uint8_t* src, uint8_t* dst, ThreadPool* pool, F&& pixel) {
  ParallelFor(pool, static_cast<size_t>(s.n * s.out_h), [&](size_t item) {
    const auto row = static_cast<int64_t>(item);
    const uint8_t* image = src + row / s.out_h * s.h * s.w * s.c;
    for (int64_t ox = 0; ox < s.out_w; ++ox) {
      pixel(WindowOf(s, row % s.out_h, ox), image, dst + (row * s.out_w + ox) * s.c);
    }
  });
}

constexpr int64_t kBlock = 256;  // channels whose sums lie on the stack

// So many sum to less than 2^31.
constexpr int64_t kMostBytes = 1 << 23;

}  // namespace

void MaxPoolInt8(const PoolShape& s, const Quantization& q, const uint8_t* src, uint8_t* dst,
                 ThreadPool* pool) {
  const Int8Kernels& kernels = *GetInt8Kernels();
  ForOutputs(s, src, dst, pool, [&](const Window& window, const uint8_t* image, uint8_t* to) {
    if (window.empty()) {
      std::memset(to, q.zero_point, static_cast<size_t>(s.c));
      return;
    }
    kernels.max({.n = s.c,
                 .rows = window.y1 - window.y0,
                 .columns = window.x1 - window.x0,
                 .row_stride = s.w * s.c,
                 .src = image + (window.y0 * s.w + window.x0) * s.c,
                 .dst = to});
  });
}

AveragePoolInt8::AveragePoolInt8(const PoolShape& shape, const Quantization& src,
                                 const Quantization& dst)
    : shape_(shape), src_(src), output_(MakeInt8Output({.dst = dst})) {
  const int64_t most = int64_t{shape.kernel_h} * shape.kernel_w;
  Check(most < kMostBytes, "int8: an average of {} pixels", most);
  by_count_.resize(static_cast<size_t>(most) + 1);
  for (int64_t count = 1; count <= most; ++count) {
    by_count_[static_cast<size_t>(count)] =
        MakeRequantizer(static_cast<double>(src.scale) / dst.scale / static_cast<double>(count));
  }
}

void AveragePoolInt8::Run(const uint8_t* src, uint8_t* dst, ThreadPool* pool) const {
  const PoolShape& s = shape_;
  const Int8Kernels& kernels = *GetInt8Kernels();
  ForOutputs(s, src, dst, pool, [&](const Window& window, const uint8_t* image, uint8_t* to) {
    const int64_t inside = window.empty() ? 0 : (window.y1 - window.y0) * (window.x1 - window.x0);
    const int64_t count = s.count_include_pad ? window.padded : std::max<int64_t>(inside, 1);
    const Requantizer& r = by_count_[static_cast<size_t>(count)];
    const auto bias = static_cast<int32_t>(Half(r) - inside * src_.zero_point);
    for (int64_t c = 0; c < s.c; c += kBlock) {
      const int64_t channels = std::min(kBlock, s.c - c);
      int32_t sums[kBlock] = {};
      for (int64_t y = window.y0; inside > 0 && y < window.y1; ++y) {
        kernels.sum_rows(channels, window.x1 - window.x0, s.c,
                         image + (y * s.w + window.x0) * s.c + c, sums);
      }
      kernels.requantize(channels, bias, r, output_, sums, to + c);
    }
  });
}

GlobalAverageInt8::GlobalAverageInt8(const GlobalPoolShape& shape, const Quantization& src,
                                     const Quantization& dst)
    : shape_(shape), src_(src), output_(MakeInt8Output({.dst = dst})) {
  Check(shape.pixels > 0 && shape.pixels < kMostBytes, "int8: an average of {} pixels",
        shape.pixels);
  requantizer_ = MakeRequantizer(static_cast<double>(src.scale) / dst.scale /
                                 static_cast<double>(shape.pixels));
}

void GlobalAverageInt8::Run(const uint8_t* src, uint8_t* dst, ThreadPool* pool) const {
  const Int8Kernels& kernels = *GetInt8Kernels();
  const int64_t c = shape_.c, blocks = (c + kBlock - 1) / kBlock;
  const auto bias = static_cast<int32_t>(Half(requantizer_) - shape_.pixels * src_.zero_point);
  ParallelFor(pool, static_cast<size_t>(shape_.n * blocks), [&](size_t item) {
    const int64_t image = static_cast<int64_t>(item) / blocks;
    const int64_t first = static_cast<int64_t>(item) % blocks * kBlock;
    const int64_t channels = std::min(kBlock, c - first);
    int32_t sums[kBlock] = {};
    kernels.sum_rows(channels, shape_.pixels, c, src + image * shape_.pixels * c + first, sums);
    kernels.requantize(channels, bias, requantizer_, output_, sums, dst + image * c + first);
  });
}

}  // namespace linnet::kernels
