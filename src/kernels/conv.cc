#include "kernels/conv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/conv_indirect.h"
#include "kernels/matmul_block.h"
#include "kernels/matmul_grad.h"
#include "kernels/matmul_kernels.h"

namespace linnet::kernels {
namespace {

std::string KernelName(const char* what, const MicroKernels& kernels, int64_t n) {
  const int64_t vectors =
      std::min<int64_t>(kernels.max_vectors, DivUp(std::max<int64_t>(1, n), kernels.lanes));
  return fmt::format("{}_f32 {} {}x{}", what, kernels.target, kernels.rows[vectors],
                     vectors * kernels.lanes);
}

// One PixelMap's product, for all groups: floats a tap, columns, and the cut of one group.
struct Product {
  const PixelMap* map;
  int64_t groups, k, n;
  int64_t depth() const { return Taps(*map) * k; }
  Cut cut(const MicroKernels& kernels, int threads) const {
    // Groups are shared out first: threads would not get rows of their own.
    return CutProduct(kernels, GridPixels(*map), n, depth(), GridPixels(*map) * k,
                      groups == 1 ? threads : 1);
  }
  // Of a block, however it is cut.
  size_t pointer_bytes() const {
    return PointerBytes(*map, std::min(MostBlockRows(depth()), GridPixels(*map)));
  }
};

void RunIndirect(const MicroKernels& kernels, const Product& product, const PixelStrides& strides,
                 const float* src, const float* packed, float* dst, const float* zeros,
                 bool accumulate, const Epilogue* epilogue, void* scratch, ThreadPool* pool) {
  const PixelMap& map = *product.map;
  const Cut cut = product.cut(kernels, Threads(pool));
  const int64_t panels = DivUp(product.n, kernels.panel_width());
  const size_t worker_bytes = product.pointer_bytes();
  const auto tasks = static_cast<size_t>(product.groups * cut.tasks());
  ParallelForWorker(pool, tasks, [&](size_t worker, size_t i) {
    const int64_t task = static_cast<int64_t>(i) % cut.tasks();
    const int64_t group = static_cast<int64_t>(i) / cut.tasks();
    Block block;
    block.first_row = task / cut.panel_blocks * cut.block_rows;
    block.rows = std::min(cut.block_rows, GridPixels(map) - block.first_row);
    const Pointers pointers = MakePointers(
        map, strides, src + group * (map.src_c / product.groups), dst + group * product.n, zeros,
        block.first_row, block.rows, static_cast<char*>(scratch) + worker * worker_bytes);
    block.a = pointers.src;
    block.c = pointers.dst;
    block.taps = Taps(map);
    block.k = product.k;
    block.packed = packed + static_cast<int64_t>(map.packed_offset) +
                   group * PackedFloats(kernels, product.depth(), product.n);
    block.n = product.n;
    block.first_panel = task % cut.panel_blocks * cut.block_panels;
    block.last_panel = std::min(panels, block.first_panel + cut.block_panels);
    block.accumulate = accumulate;
    Epilogue of_group;
    if (epilogue != nullptr) {
      of_group = *epilogue;
      if (of_group.bias != nullptr) of_group.bias += group * product.n;
      if (of_group.residual != nullptr) of_group.residual += group * product.n;
      block.epilogue = &of_group;
    }
    RunBlock(kernels, block);
  });
}

Product ForwardProduct(const ConvShape& s, const PixelMap& map) {
  return {&map, s.groups, map.span * (s.c / s.groups), s.k / s.groups};
}

Product InputGradProduct(const ConvShape& s, const PixelMap& map) {
  return {&map, s.groups, s.k / s.groups, s.c / s.groups};
}

}  // namespace

ConvShape WithOutput(ConvShape s) {
  const bool positive = s.n > 0 && s.h > 0 && s.w > 0 && s.c > 0 && s.k > 0 && s.kh > 0 &&
                        s.kw > 0 && s.stride_h > 0 && s.stride_w > 0 && s.dilation_h > 0 &&
                        s.dilation_w > 0 && s.groups > 0;
  const bool padded = s.pad_top >= 0 && s.pad_left >= 0 && s.pad_bottom >= 0 && s.pad_right >= 0;
  Check(positive && padded,
        "convolution: a field of the shape is not positive, or a padding is negative");
  Check(s.c % s.groups == 0 && s.k % s.groups == 0,
        "convolution: groups={} does not divide {} input and {} output channels", s.groups, s.c,
        s.k);
  const int64_t h = s.h + s.pad_top + s.pad_bottom - s.dilation_h * (s.kh - 1) - 1;
  const int64_t w = s.w + s.pad_left + s.pad_right - s.dilation_w * (s.kw - 1) - 1;
  Check(h >= 0 && w >= 0,
        "convolution: kernel {}x{} (dilation {}x{}) is larger than the padded input {}x{}", s.kh,
        s.kw, s.dilation_h, s.dilation_w, s.h + s.pad_top + s.pad_bottom,
        s.w + s.pad_left + s.pad_right);
  s.oh = h / s.stride_h + 1;
  s.ow = w / s.stride_w + 1;
  return s;
}

// ---- forward ----

Conv2dForward::Conv2dForward(const ConvShape& shape)
    : shape_(WithOutput(shape)), kernels_(GetMicroKernels()), map_(ForwardMap(shape_)) {
  zeros_.assign(static_cast<size_t>(map_.span * shape_.c / shape_.groups), 0.0f);
  name_ = KernelName(IsPointwise(shape_) ? "matmul" : "conv", *kernels_, shape_.k / shape_.groups);
}

size_t Conv2dForward::packed_bytes() const {
  const Product product = ForwardProduct(shape_, map_);
  return static_cast<size_t>(shape_.groups * PackedFloats(*kernels_, product.depth(), product.n)) *
         sizeof(float);
}

size_t Conv2dForward::ScratchBytes(int threads) const {
  return threads * ForwardProduct(shape_, map_).pointer_bytes();
}

void Conv2dForward::Pack(const float* weights, float* packed, ThreadPool* pool) const {
  const Product product = ForwardProduct(shape_, map_);
  const int64_t depth = product.depth(), width = kernels_->panel_width();
  const int64_t panels = DivUp(product.n, width);
  ParallelFor(pool, static_cast<size_t>(shape_.groups * panels), [&](size_t i) {
    const int64_t group = static_cast<int64_t>(i) / panels;
    const int64_t column = static_cast<int64_t>(i) % panels * width;
    const int64_t cols = std::min(width, product.n - column);
    kernels_->pack_transposed(
        weights + (group * product.n + column) * depth, depth, depth, cols,
        RoundUp(cols, kernels_->lanes),
        packed + group * PackedFloats(*kernels_, depth, product.n) + column * depth);
  });
}

void Conv2dForward::Run(const float* src, const float* packed, float* dst, const Epilogue& epilogue,
                        void* scratch, ThreadPool* pool) const {
  Run(src, shape_.c, packed, dst, shape_.k, epilogue, scratch, pool);
}

void Conv2dForward::Run(const float* src, int64_t src_stride, const float* packed, float* dst,
                        int64_t dst_stride, const Epilogue& epilogue, void* scratch,
                        ThreadPool* pool) const {
  if (IsPointwise(shape_)) {
    return RunProduct(*kernels_, GridPixels(map_), shape_.k, shape_.c, src, src_stride, packed, dst,
                      dst_stride, false, &epilogue, pool);
  }
  RunIndirect(*kernels_, ForwardProduct(shape_, map_), {src_stride, dst_stride}, src, packed, dst,
              zeros_.data(), false, &epilogue, scratch, pool);
}

bool Conv2dForward::TakesStridedSource() const { return map_.span == 1; }

bool Conv2dForward::TakesRows() const { return shape_.n == 1 && IsPointwise(shape_); }

void Conv2dForward::RunRows(int64_t first, int64_t last, const float* src, int64_t src_stride,
                            const float* packed, float* dst, int64_t dst_stride,
                            const Epilogue& epilogue, ThreadPool* pool) const {
  const int64_t pixel = first * shape_.ow;
  Epilogue of_rows = epilogue;
  if (of_rows.residual != nullptr) of_rows.residual += pixel * of_rows.residual_stride;
  RunProduct(*kernels_, (last - first) * shape_.ow, shape_.k, shape_.c, src + pixel * src_stride,
             src_stride, packed, dst + pixel * dst_stride, dst_stride, false, &of_rows, pool);
}

// ---- gradient of the input ----

namespace {

// Kernel positions along one axis by which the input pixels 'phase', phase + stride, ... reach the
// output, and the output position of the first of those pixels; the next pixel's is one further.
struct AxisTap {
  int64_t position, offset;
};
std::vector<AxisTap> AxisTaps(int64_t phase, int64_t kernel, int64_t stride, int64_t dilation,
                              int64_t pad) {
  std::vector<AxisTap> taps;
  for (int64_t i = 0; i < kernel; ++i) {
    const int64_t distance = phase + pad - i * dilation;
    if (distance % stride == 0) taps.push_back({i, distance / stride});
  }
  return taps;
}

}  // namespace

Conv2dInputGrad::Conv2dInputGrad(const ConvShape& shape)
    : shape_(WithOutput(shape)), kernels_(GetMicroKernels()) {
  const ConvShape& s = shape_;
  size_t packed = 0;
  for (int64_t py = 0; py < std::min(s.stride_h, s.h); ++py) {
    const auto rows = AxisTaps(py, s.kh, s.stride_h, s.dilation_h, s.pad_top);
    for (int64_t px = 0; px < std::min(s.stride_w, s.w); ++px) {
      const auto columns = AxisTaps(px, s.kw, s.stride_w, s.dilation_w, s.pad_left);
      PixelMap map;
      map.n = s.n;
      map.grid_h = DivUp(s.h - py, s.stride_h);
      map.grid_w = DivUp(s.w - px, s.stride_w);
      map.src_h = s.oh;
      map.src_w = s.ow;
      map.src_c = s.k;
      map.dst_h = s.h;
      map.dst_w = s.w;
      map.dst_c = s.c;
      map.dst_y0 = py;
      map.dst_x0 = px;
      map.dst_step_y = s.stride_h;
      map.dst_step_x = s.stride_w;
      map.packed_offset = packed;
      std::vector<int64_t> positions;
      for (const AxisTap& y : rows) {
        for (const AxisTap& x : columns) {
          map.taps.push_back({y.offset, x.offset});
          positions.push_back(y.position * s.kw + x.position);
        }
      }
      const Product product = InputGradProduct(s, map);
      packed += static_cast<size_t>(s.groups * PackedFloats(*kernels_, product.depth(), product.n));
      maps_.push_back(std::move(map));
      map_taps_.push_back(std::move(positions));
    }
  }
  packed_floats_ = packed;
  zeros_.assign(static_cast<size_t>(s.k / s.groups), 0.0f);
  name_ = KernelName(IsPointwise(s) ? "matmul" : "conv", *kernels_, s.c / s.groups);
}

size_t Conv2dInputGrad::packed_bytes() const { return packed_floats_ * sizeof(float); }

size_t Conv2dInputGrad::ScratchBytes(int threads) const {
  size_t bytes = 0;
  for (const PixelMap& map : maps_) {
    bytes = std::max(bytes, InputGradProduct(shape_, map).pointer_bytes());
  }
  return static_cast<size_t>(threads) * bytes;
}

void Conv2dInputGrad::Pack(const float* weights, float* packed, ThreadPool* pool) const {
  const int64_t all_taps = shape_.kh * shape_.kw;
  const int64_t k = shape_.k / shape_.groups, n = shape_.c / shape_.groups;
  const int64_t width = kernels_->panel_width();
  const int64_t panels = DivUp(n, width);
  const auto per_map = static_cast<size_t>(shape_.groups * panels);
  ParallelFor(pool, maps_.size() * per_map, [&](size_t i) {
    const size_t map = i / per_map;
    const int64_t group = static_cast<int64_t>(i % per_map) / panels;
    const int64_t column = static_cast<int64_t>(i % per_map) % panels * width;
    const int64_t cols = std::min(width, n - column);
    const int64_t panel_width = RoundUp(cols, kernels_->lanes);
    const int64_t depth = Taps(maps_[map]) * k;
    float* row = packed + maps_[map].packed_offset + group * PackedFloats(*kernels_, depth, n) +
                 column * depth;
    for (const int64_t tap : map_taps_[map]) {
      const float* from = weights + (group * k * all_taps + tap) * n + column;
      for (int64_t o = 0; o < k; ++o, row += panel_width, from += all_taps * n) {
        std::copy_n(from, cols, row);
        std::fill(row + cols, row + panel_width, 0.0f);
      }
    }
  });
}

void Conv2dInputGrad::Run(const float* d_dst, const float* packed, float* d_src, bool accumulate,
                          void* scratch, ThreadPool* pool) const {
  if (IsPointwise(shape_)) {
    return RunProduct(*kernels_, GridPixels(maps_[0]), shape_.c, shape_.k, d_dst, shape_.k, packed,
                      d_src, shape_.c, accumulate, nullptr, pool);
  }
  for (const PixelMap& map : maps_) {
    if (accumulate && map.taps.empty()) continue;
    RunIndirect(*kernels_, InputGradProduct(shape_, map), DensePixels(map), d_dst, packed, d_src,
                zeros_.data(), accumulate, nullptr, scratch, pool);
  }
}

}  // namespace linnet::kernels
