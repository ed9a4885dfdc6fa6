#include "kernels/interpolate.h"

#include <algorithm>
#include <cmath>

#include "kernels/taps.h"

namespace linnet::kernels {
namespace {

using Source = Interpolate::Source;

double Position(InterpolateMode mode, int64_t i, int64_t in, int64_t out) {
  const double at = static_cast<double>(i);
  if (mode == InterpolateMode::kBilinearAlignCorners) {
    return out > 1 ? at * static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
  }
  return std::max(0.0, (at + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5);
}

std::vector<Source> Sources(InterpolateMode mode, int64_t in, int64_t out) {
  std::vector<Source> sources;
  for (int64_t i = 0; i < out; ++i) {
    if (mode == InterpolateMode::kNearest) {
      sources.push_back({i * in / out, i * in / out, 0});
      continue;
    }
    const double position = Position(mode, i, in, out);
    const int64_t first = std::min(static_cast<int64_t>(position), in - 1);
    sources.push_back({first, std::min(first + 1, in - 1),
                       static_cast<float>(position - static_cast<double>(first))});
  }
  return sources;
}

Taps TapsOf(const Source& y, const Source& x, int64_t width, int64_t channels) {
  Taps taps;
  for (const auto& [row, row_weight] : {std::pair{y.first, 1 - y.share}, {y.second, y.share}}) {
    if (row_weight == 0) continue;
    const int64_t at = row * width;
    if (x.share != 1) taps.Add((at + x.first) * channels, row_weight * (1 - x.share));
    if (x.share != 0) taps.Add((at + x.second) * channels, row_weight * x.share);
  }
  return taps;
}

}  // namespace

Interpolate::Interpolate(const InterpolateShape& shape, InterpolateMode mode)
    : shape_(shape),
      table_(&GetTaps()),
      rows_(Sources(mode, shape.h, shape.out_h)),
      columns_(Sources(mode, shape.w, shape.out_w)) {}

void Interpolate::Forward(const float* x, float* y, ThreadPool* pool) const {
  const InterpolateShape& s = shape_;
  ParallelFor(pool, static_cast<size_t>(s.n * s.out_h), [&](size_t item) {
    const auto line = static_cast<int64_t>(item);
    const Source& row = rows_[static_cast<size_t>(line % s.out_h)];
    const float* image = x + line / s.out_h * s.h * s.w * s.c;
    float* to = y + line * s.out_w * s.c;
    for (const Source& column : columns_) {
      table_->gather(TapsOf(row, column, s.w, s.c), image, s.c, 1, to);
      to += s.c;
    }
  });
}

void Interpolate::Backward(const float* dy, bool accumulate, float* dx, ThreadPool* pool) const {
  const InterpolateShape& s = shape_;
  constexpr int64_t kBlock = 128;
  const int64_t blocks = (s.c + kBlock - 1) / kBlock;
  ParallelFor(pool, static_cast<size_t>(s.n * blocks), [&](size_t item) {
    const int64_t image = static_cast<int64_t>(item) / blocks;
    const int64_t c = static_cast<int64_t>(item) % blocks * kBlock;
    const int64_t channels = std::min(kBlock, s.c - c);
    float* to = dx + image * s.h * s.w * s.c + c;
    for (int64_t p = 0; !accumulate && p < s.h * s.w; ++p) {
      std::fill_n(to + p * s.c, channels, 0.0f);
    }
    const float* from = dy + image * s.out_h * s.out_w * s.c + c;
    for (const Source& row : rows_) {
      for (const Source& column : columns_) {
        table_->scatter(TapsOf(row, column, s.w, s.c), from, channels, 1, to);
        from += s.c;
      }
    }
  });
}

}  // namespace linnet::kernels
