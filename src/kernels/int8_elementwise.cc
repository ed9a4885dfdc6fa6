#include "kernels/int8_elementwise.h"

#include <cmath>
#include <vector>

#include "base/error.h"
#include "kernels/elementwise_table.h"
#include "kernels/int8_kernels.h"

namespace linnet::kernels {
namespace {

void ApplyTable(const Int8Kernels& kernels, const Int8Output& output, int64_t n, uint8_t* dst) {
  if (output.has_table) {
    kernels.lookup({.n = n, .table = output.table.data(), .src = dst, .dst = dst});
  }
}

}  // namespace

void QuantizeForward(int64_t n, const Quantization& q, const float* src, uint8_t* dst,
                     ThreadPool* pool) {
  const Int8Kernels& kernels = *GetInt8Kernels();
  const float inverse = 1.0f / q.scale;
  ForRuns(pool, n, [&](int64_t first, int64_t count) {
    kernels.quantize(count, inverse, q.zero_point, src + first, dst + first);
  });
}

void DequantizeForward(int64_t n, const Quantization& q, const uint8_t* src, float* dst,
                       ThreadPool* pool) {
  const Int8Kernels& kernels = *GetInt8Kernels();
  ForRuns(pool, n, [&](int64_t first, int64_t count) {
    kernels.dequantize(count, q, src + first, dst + first);
  });
}

void LookupForward(int64_t rows, int64_t width, const std::array<uint8_t, 256>& table,
                   const uint8_t* src, int64_t src_stride, uint8_t* dst, int64_t dst_stride,
                   ThreadPool* pool) {
  const Int8Kernels& kernels = *GetInt8Kernels();
  if (src_stride == width && dst_stride == width) {
    ForRuns(pool, rows * width, [&](int64_t first, int64_t count) {
      kernels.lookup({.n = count, .table = table.data(), .src = src + first, .dst = dst + first});
    });
    return;
  }
  ForRowRuns(pool, rows, width, [&](int64_t first, int64_t count) {
    kernels.lookup({count, width, table.data(), src + first * src_stride, src_stride,
                    dst + first * dst_stride, dst_stride});
  });
}

void ShuffleBytes(int64_t rows, int64_t channels, int64_t groups, const uint8_t* src, uint8_t* dst,
                  ThreadPool* pool) {
  const Int8Kernels& kernels = *GetInt8Kernels();
  const int64_t each = channels / groups;
  ForRowRuns(pool, rows, channels, [&](int64_t first, int64_t count) {
    for (int64_t at = first * channels; at < (first + count) * channels; at += channels) {
      if (groups == 2) {
        kernels.zip(each, src + at, src + at + each, dst + at);
        continue;
      }
      for (int64_t g = 0; g < groups; ++g) {
        for (int64_t c = 0; c < each; ++c) dst[at + c * groups + g] = src[at + g * each + c];
      }
    }
  });
}

AddInt8::AddInt8(const Quantization& a, const Quantization& b, const Int8Epilogue& epilogue)
    : output_(MakeInt8Output(epilogue)) {
  const double step = output_.quantization.scale;
  a_ = MakeByteTerm(a.zero_point, a.scale / step);
  b_ = MakeByteTerm(b.zero_point, b.scale / step);
}

void AddInt8::Run(int64_t n, const uint8_t* a, const uint8_t* b, uint8_t* dst,
                  ThreadPool* pool) const {
  const Int8Kernels& kernels = *GetInt8Kernels();
  ForRuns(pool, n, [&](int64_t first, int64_t count) {
    kernels.add(count, a_, b_, output_, a + first, b + first, dst + first);
    ApplyTable(kernels, output_, count, dst + first);
  });
}

MulInt8::MulInt8(const Quantization& map, const Quantization& gate, const Int8Epilogue& epilogue)
    : map_zero_(map.zero_point),
      gate_zero_(gate.zero_point),
      doublings_(0),
      output_(MakeInt8Output(epilogue)) {
  // Of one step of the gate, as MakeByteTerm; the largest gate must fit 15 bits.
  double multiplier = static_cast<double>(map.scale) * gate.scale / output_.quantization.scale *
                      (1 << kFractionBits) * 32768 / 128;
  Check(std::isfinite(multiplier), "int8: scales {} and {} of a product", map.scale, gate.scale);
  const int most = std::max(gate.zero_point, 255 - gate.zero_point);
  for (; multiplier * most > 32767 && doublings_ < 9; multiplier /= 2) ++doublings_;
  factor_ = static_cast<int64_t>(
      std::floor(std::min(multiplier, 32767.0 / std::max(most, 1)) * 4294967296.0));
}

void MulInt8::Run(int64_t n, int64_t pixels, int64_t c, const uint8_t* map, const uint8_t* gate,
                  uint8_t* dst, ThreadPool* pool) const {
  const Int8Kernels& kernels = *GetInt8Kernels();
  constexpr int64_t kPixels = 64, kChannels = 512;  // of a task
  const ByteTerm term{map_zero_, 0, doublings_};
  const int64_t runs = (pixels + kPixels - 1) / kPixels, blocks = (c + kChannels - 1) / kChannels;
  ParallelFor(pool, static_cast<size_t>(n * runs * blocks), [&](size_t item) {
    const int64_t image = static_cast<int64_t>(item) / (runs * blocks);
    const int64_t pixel = static_cast<int64_t>(item) / blocks % runs * kPixels;
    const int64_t channel = static_cast<int64_t>(item) % blocks * kChannels;
    const int64_t rows = std::min(kPixels, pixels - pixel);
    const int64_t count = std::min(kChannels, c - channel);
    int16_t multipliers[kChannels];
    for (int64_t i = 0; i < count; ++i) {
      const int64_t steps = gate[image * c + channel + i] - gate_zero_;
      multipliers[WidenedPosition(kernels.lanes, i)] =
          static_cast<int16_t>((steps * factor_ + (int64_t{1} << 31)) >> 32);
    }
    const int64_t at = (image * pixels + pixel) * c + channel;
    kernels.scale(rows, count, c, term, multipliers, output_, map + at, dst + at);
    if (!output_.has_table) return;
    kernels.lookup({rows, count, output_.table.data(), dst + at, c, dst + at, c});
  });
}

}  // namespace linnet::kernels
