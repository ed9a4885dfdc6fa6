#include "kernels/int8_pool.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/int8_kernels.h"
#include "kernels/pool_window.h"

namespace linnet::kernels {
namespace {

struct Window {
  PoolExtent y, x;
  bool empty() const { return y.begin >= y.end || x.begin >= x.end; }
  int64_t inside() const { return (y.end - y.begin) * (x.end - x.begin); }
};
Window WindowOf(const PoolShape& s, int64_t oy, int64_t ox) {
  return {PoolExtentOf(oy, s.stride_h, s.kernel_h, s.pad_top, s.pad_bottom, s.h),
          PoolExtentOf(ox, s.stride_w, s.kernel_w, s.pad_left, s.pad_right, s.w)};
}

// What the mean of a window that is not empty divides by.
int64_t CountOf(const PoolShape& s, const Window& window) {
  return s.count_include_pad ? window.y.padded * window.x.padded : window.inside();
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
                 .rows = window.y.end - window.y.begin,
                 .columns = window.x.end - window.x.begin,
                 .row_stride = s.w * s.c,
                 .src = image + (window.y.begin * s.w + window.x.begin) * s.c,
                 .dst = to});
  });
}

AveragePoolInt8::AveragePoolInt8(const PoolShape& shape, const Quantization& src,
                                 const Quantization& dst)
    : shape_(shape),
      src_(src),
      output_(MakeInt8Output({.dst = dst})),
      scale_(static_cast<double>(src.scale) / dst.scale) {
  const int64_t most =
      std::min(int64_t{shape.kernel_h} * shape.kernel_w, std::max<int64_t>(shape.h * shape.w, 1));
  Check(most <= kMostAveraged, "int8: an average of {} pixels", most);
  for (int64_t count = 1; count <= most; ++count) by_count_.push_back(MakeFor(count));
}

Requantizer AveragePoolInt8::MakeFor(int64_t count) const {
  return MakeRequantizer(scale_ / static_cast<double>(count));
}

void AveragePoolInt8::Run(const uint8_t* src, uint8_t* dst, ThreadPool* pool) const {
  const PoolShape& s = shape_;
  const Int8Kernels& kernels = *GetInt8Kernels();
  ForOutputs(s, src, dst, pool, [&](const Window& window, const uint8_t* image, uint8_t* to) {
    if (window.empty()) {
      std::memset(to, output_.quantization.zero_point, static_cast<size_t>(s.c));
      return;
    }
    const int64_t count = CountOf(s, window);
    const Requantizer r = count <= static_cast<int64_t>(by_count_.size())
                              ? by_count_[static_cast<size_t>(count) - 1]
                              : MakeFor(count);
    const auto bias = static_cast<int32_t>(Half(r) - window.inside() * src_.zero_point);
    for (int64_t c = 0; c < s.c; c += kBlock) {
      const int64_t channels = std::min(kBlock, s.c - c);
      int32_t sums[kBlock] = {};
      for (int64_t y = window.y.begin; y < window.y.end; ++y) {
        kernels.sum_rows(channels, window.x.end - window.x.begin, s.c,
                         image + (y * s.w + window.x.begin) * s.c + c, sums);
      }
      kernels.requantize(channels, bias, r, output_, sums, to + c);
    }
  });
}

GlobalAverageInt8::GlobalAverageInt8(const GlobalPoolShape& shape, const Quantization& src,
                                     const Quantization& dst)
    : shape_(shape), src_(src), output_(MakeInt8Output({.dst = dst})) {
  Check(shape.pixels > 0 && shape.pixels <= kMostAveraged, "int8: an average of {} pixels",
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
