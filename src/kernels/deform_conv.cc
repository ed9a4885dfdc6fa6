#include "kernels/deform_conv.h"

#include <algorithm>
#include <cmath>

#include "kernels/epilogue.h"
#include "kernels/matmul_block.h"
#include "kernels/taps.h"

namespace linnet::kernels {
namespace {

// Channels of a run: enough for the vectors, few enough for two threads to share a map's gradient.
constexpr int64_t kRunChannels = 128;
// Floats of a block's columns: forward, each worker's own, in the L2; backward, all workers'.
constexpr int64_t kBlockFloats = 128 << 10, kGradientFloats = 256 << 10;
constexpr int64_t kMaxRows = 512;

}  // namespace

// The pixels around a point, the derivatives of their weights as the point moves, and its mask.
struct DeformConv::Point {
  Taps taps;
  float down[4], right[4];
  float mask = 1;
};

DeformConv::DeformConv(const DeformConvShape& shape)
    : shape_(shape),
      table_(&GetTaps()),
      product_(shape.depth() / shape.groups, shape.k / shape.groups),
      gradient_product_(shape.k / shape.groups, shape.depth() / shape.groups),
      block_rows_(BlockRows(kBlockFloats)),
      gradient_rows_(BlockRows(kGradientFloats)) {
  const int64_t group_c = shape.c / shape.groups, offset_c = shape.c / shape.offset_groups;
  for (int64_t c = 0; c < shape.c; c += runs_.back().count) {
    const int64_t group = c / group_c, offset_group = c / offset_c;
    const int64_t end =
        std::min({(group + 1) * group_c, (offset_group + 1) * offset_c, c + kRunChannels});
    runs_.push_back({.offset_group = offset_group,
                     .channel = c,
                     .count = end - c,
                     .column = group * group_depth() + c - group * group_c,
                     .tap_step = group_c,
                     .first = c % offset_c == 0});
  }
}

int64_t DeformConv::BlockRows(int64_t floats) const {
  return std::min(shape_.pixels(), std::clamp<int64_t>(floats / shape_.depth(), 8, kMaxRows));
}

// ---- weights ----

size_t DeformConv::packed_bytes() const {
  return static_cast<size_t>(shape_.groups) * product_.packed_bytes();
}

size_t DeformConv::packed_gradient_bytes() const {
  return static_cast<size_t>(shape_.groups) * gradient_product_.packed_bytes();
}

void DeformConv::Pack(const float* weights, float* packed, ThreadPool* pool) const {
  for (int64_t g = 0; g < shape_.groups; ++g) {
    product_.PackTransposed(weights + g * group_k() * group_depth(), packed, pool);
    packed += product_.packed_bytes() / sizeof(float);
  }
}

void DeformConv::PackGradient(const float* weights, float* packed, ThreadPool* pool) const {
  for (int64_t g = 0; g < shape_.groups; ++g) {
    gradient_product_.Pack(weights + g * group_k() * group_depth(), packed, pool);
    packed += gradient_product_.packed_bytes() / sizeof(float);
  }
}

// ---- points ----

const float* DeformConv::ImageOf(const float* map, int64_t pixel) const {
  return map + pixel / (shape_.out_h * shape_.out_w) * shape_.h * shape_.w * shape_.c;
}

int64_t DeformConv::MaskIndex(int64_t pixel, const Run& run, int64_t tap) const {
  return (pixel * shape_.offset_groups + run.offset_group) * shape_.taps() + tap;
}

DeformConv::Point DeformConv::PointOf(const Inputs& in, int64_t pixel, const Run& run,
                                      int64_t tap) const {
  const DeformConvShape& s = shape_;
  const int64_t at = MaskIndex(pixel, run, tap);
  Point point;
  if (in.masks != nullptr) point.mask = in.masks[at];
  // The offset is split, not the position: so the fractions are exact.
  const float down = in.offsets[2 * at], right = in.offsets[2 * at + 1];
  const float whole_down = std::floor(down), whole_right = std::floor(right);
  constexpr float kFar = 1 << 30;
  if (!(std::abs(down) < kFar && std::abs(right) < kFar)) return point;
  const int64_t oy = pixel / s.out_w % s.out_h, ox = pixel % s.out_w;
  const int64_t y0 = oy * s.stride_h - s.pad_top + tap / s.kernel_w * s.dilation_h +
                     static_cast<int64_t>(whole_down);
  const int64_t x0 = ox * s.stride_w - s.pad_left + tap % s.kernel_w * s.dilation_w +
                     static_cast<int64_t>(whole_right);
  const float share_y[] = {1 - (down - whole_down), down - whole_down};
  const float share_x[] = {1 - (right - whole_right), right - whole_right};
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      const int64_t y = y0 + i, x = x0 + j;
      if (y < 0 || y >= s.h || x < 0 || x >= s.w) continue;
      point.down[point.taps.count] = i == 0 ? -share_x[j] : share_x[j];
      point.right[point.taps.count] = j == 0 ? -share_y[i] : share_y[i];
      point.taps.Add((y * s.w + x) * s.c, share_y[i] * share_x[j]);
    }
  }
  return point;
}

void DeformConv::GatherColumn(const Inputs& in, int64_t pixel, float* column) const {
  const float* image = ImageOf(in.map, pixel);
  for (const Run& run : runs_) {
    for (int64_t tap = 0; tap < shape_.taps(); ++tap) {
      const Point point = PointOf(in, pixel, run, tap);
      table_->gather(point.taps, image + run.channel, run.count, point.mask,
                     column + run.column + tap * run.tap_step);
    }
  }
}

// ---- forward ----

size_t DeformConv::ScratchBytes(int threads) const {
  return static_cast<size_t>(threads * RoundUp(block_rows_ * shape_.depth(), 16)) * sizeof(float);
}

void DeformConv::Forward(const Inputs& in, const float* packed, const float* bias, float* y,
                         void* scratch, ThreadPool* pool) const {
  const int64_t pixels = shape_.pixels(), depth = shape_.depth();
  const auto blocks = static_cast<size_t>(DivUp(pixels, block_rows_));
  ParallelForWorker(pool, blocks, [&](size_t worker, size_t block) {
    const int64_t first = static_cast<int64_t>(block) * block_rows_;
    const int64_t rows = std::min(block_rows_, pixels - first);
    float* columns = static_cast<float*>(scratch) +
                     static_cast<int64_t>(worker) * RoundUp(block_rows_ * depth, 16);
    for (int64_t r = 0; r < rows; ++r) GatherColumn(in, first + r, columns + r * depth);
    for (int64_t g = 0; g < shape_.groups; ++g) {
      Epilogue epilogue;
      if (bias != nullptr) epilogue.bias = bias + g * group_k();
      product_.Run(rows, columns + g * group_depth(), depth,
                   packed + g * static_cast<int64_t>(product_.packed_bytes() / sizeof(float)),
                   y + first * shape_.k + g * group_k(), shape_.k, epilogue, nullptr);
    }
  });
}

// ---- backward ----

size_t DeformConv::GradientScratchBytes(int threads) const {
  const int64_t last =
      shape_.pixels() - (DivUp(shape_.pixels(), gradient_rows_) - 1) * gradient_rows_;
  const auto weights = [&](int64_t rows) {
    return MatMulWeightGrad(rows, group_k(), group_depth()).ScratchBytes(threads);
  };
  return static_cast<size_t>(RoundUp(gradient_rows_ * shape_.depth(), 16)) * sizeof(float) +
         std::max(weights(gradient_rows_), weights(last));
}

// With v the pixels around a point, w their weights and g the gradient of what the point sees:
// d mask = sum of w <v, g>, d offset = mask * sum of w' <v, g>.
void DeformConv::PointGradients(const Inputs& in, int64_t pixel, const float* d_column,
                                const Gradients& gradients) const {
  const float* image = ImageOf(in.map, pixel);
  for (const Run& run : runs_) {
    const auto put = [&](const Gradient& gradient, int64_t at, float value) {
      if (gradient.to == nullptr) return;
      gradient.to[at] = run.first && !gradient.add ? value : gradient.to[at] + value;
    };
    for (int64_t tap = 0; tap < shape_.taps(); ++tap) {
      const Point point = PointOf(in, pixel, run, tap);
      float dots[4] = {}, mask = 0, down = 0, right = 0;
      table_->dots(point.taps, image + run.channel, d_column + run.column + tap * run.tap_step,
                   run.count, dots);
      for (int i = 0; i < point.taps.count; ++i) {
        mask += point.taps.weight[i] * dots[i];
        down += point.down[i] * dots[i];
        right += point.right[i] * dots[i];
      }
      const int64_t at = MaskIndex(pixel, run, tap);
      put(gradients.masks, at, mask);
      put(gradients.offsets, 2 * at, point.mask * down);
      put(gradients.offsets, 2 * at + 1, point.mask * right);
    }
  }
}

void DeformConv::AddMapGradient(const Inputs& in, const Block& block, const Run& run,
                                float* d_map) const {
  for (int64_t r = 0; r < block.rows; ++r) {
    const int64_t pixel = block.first + r;
    float* image = d_map + (ImageOf(in.map, pixel) - in.map) + run.channel;
    for (int64_t tap = 0; tap < shape_.taps(); ++tap) {
      const Point point = PointOf(in, pixel, run, tap);
      table_->scatter(point.taps,
                      block.columns + r * shape_.depth() + run.column + tap * run.tap_step,
                      run.count, point.mask, image);
    }
  }
}

void DeformConv::BackwardBlock(const Inputs& in, const float* dy, const float* packed_gradient,
                               const Gradients& gradients, const Block& block, void* scratch,
                               ThreadPool* pool) const {
  const int64_t depth = shape_.depth();
  const float* block_dy = dy + block.first * shape_.k;
  const auto for_rows = [&](const auto& f) {
    ParallelFor(pool, static_cast<size_t>(block.rows), [&](size_t item) {
      const auto row = static_cast<int64_t>(item);
      f(block.first + row, block.columns + row * depth);
    });
  };
  if (gradients.weights != nullptr) {
    for_rows([&](int64_t pixel, float* column) { GatherColumn(in, pixel, column); });
    const MatMulWeightGrad product(block.rows, group_k(), group_depth());
    for (int64_t g = 0; g < shape_.groups; ++g) {
      product.Run(block_dy + g * group_k(), shape_.k, block.columns + g * group_depth(), depth,
                  gradients.weights + g * group_k() * group_depth(), scratch, pool);
    }
  }
  const bool points = gradients.offsets.to != nullptr || gradients.masks.to != nullptr;
  if (!points && gradients.map.to == nullptr) return;
  // The columns make room for their gradient.
  for (int64_t g = 0; g < shape_.groups; ++g) {
    gradient_product_.Run(block.rows, block_dy + g * group_k(), shape_.k, packed_gradient,
                          block.columns + g * group_depth(), depth, false, pool);
    packed_gradient += gradient_product_.packed_bytes() / sizeof(float);
  }
  if (points) {
    for_rows([&](int64_t pixel, const float* d_column) {
      PointGradients(in, pixel, d_column, gradients);
    });
  }
  if (gradients.map.to == nullptr) return;
  ParallelFor(pool, runs_.size(),
              [&](size_t i) { AddMapGradient(in, block, runs_[i], gradients.map.to); });
}

void DeformConv::Backward(const Inputs& in, const float* dy, const float* packed_gradient,
                          const Gradients& gradients, void* scratch, ThreadPool* pool) const {
  const DeformConvShape& s = shape_;
  if (gradients.map.to != nullptr && !gradients.map.add) {
    ParallelFor(pool, static_cast<size_t>(s.n * s.h), [&](size_t row) {
      std::fill_n(gradients.map.to + static_cast<int64_t>(row) * s.w * s.c, s.w * s.c, 0.0f);
    });
  }
  auto* columns = static_cast<float*>(scratch);
  float* rest = columns + RoundUp(gradient_rows_ * s.depth(), 16);
  for (int64_t first = 0; first < s.pixels(); first += gradient_rows_) {
    const int64_t rows = std::min(gradient_rows_, s.pixels() - first);
    BackwardBlock(in, dy, packed_gradient, gradients, {first, rows, columns}, rest, pool);
  }
}

}  // namespace linnet::kernels
