#include <algorithm>

#include "kernels/conv.h"
#include "kernels/conv_indirect.h"
#include "kernels/matmul.h"
#include "kernels/matmul_grad.h"

namespace linnet::kernels {
namespace {

// dW[n, k] of one group.
struct GroupShape {
  int64_t m, n, k;
  int64_t tap_floats;
};

GroupShape OfGroup(const ConvShape& s, const PixelMap& map) {
  const int64_t tap_floats = map.span * (s.c / s.groups);
  return {GridPixels(map), s.k / s.groups, Taps(map) * tap_floats, tap_floats};
}

// Copies columns [k0, k1) of the rows that 'pointers' gives, tap by tap, into panels.
void CopySlice(const MicroKernels& kernels, const GradCut& cut, const Pointers& pointers,
               int64_t rows, int64_t tap_floats, int64_t k0, int64_t k1, float* buffer) {
  const int64_t width = kernels.panel_width();
  for (int64_t k = k0; k < k1;) {
    const int64_t tap = k / tap_floats;
    const int64_t panel = (k - k0) / width, column = (k - k0) % width;
    const int64_t end = std::min({k1, (tap + 1) * tap_floats, k0 + (panel + 1) * width});
    kernels.copy_rows(pointers.src + tap * rows, k - tap * tap_floats, rows, end - k,
                      buffer + panel * GradCut::kSlice * cut.panel_stride + column,
                      cut.panel_stride);
    k = end;
  }
}

}  // namespace

Conv2dWeightGrad::Conv2dWeightGrad(const ConvShape& shape)
    : shape_(WithOutput(shape)), kernels_(GetMicroKernels()), map_(ForwardMap(shape_)) {
  zeros_.assign(static_cast<size_t>(map_.span * shape_.c / shape_.groups), 0.0f);
}

size_t Conv2dWeightGrad::ScratchBytes(int threads) const {
  if (IsPointwise(shape_)) {
    return MatMulWeightGrad(GridPixels(map_), shape_.k, shape_.c).ScratchBytes(threads);
  }
  const GroupShape g = OfGroup(shape_, map_);
  const GradCut cut = CutGrad(*kernels_, g.m, g.n, g.k);
  const int64_t floats = threads * cut.worker_floats() + cut.partial_floats(g.n, g.k);
  return static_cast<size_t>(RoundUp(floats * 4, 64)) +
         static_cast<size_t>(threads) * PointerBytes(map_, GradCut::kSlice);
}

void Conv2dWeightGrad::Run(const float* src, const float* d_dst, float* d_weights, void* scratch,
                           ThreadPool* pool) const {
  if (IsPointwise(shape_)) {
    MatMulWeightGrad(GridPixels(map_), shape_.k, shape_.c)
        .Run(d_dst, shape_.k, src, shape_.c, d_weights, scratch, pool);
    return;
  }
  const GroupShape g = OfGroup(shape_, map_);
  const GradCut cut = CutGrad(*kernels_, g.m, g.n, g.k);
  auto* slices = static_cast<float*>(scratch);
  const int64_t slice_floats = Threads(pool) * cut.worker_floats();
  float* partials = slices + slice_floats;
  char* tables =
      static_cast<char*>(scratch) + RoundUp((slice_floats + cut.partial_floats(g.n, g.k)) * 4, 64);
  const size_t table_bytes = PointerBytes(map_, GradCut::kSlice);
  for (int64_t group = 0; group < shape_.groups; ++group) {
    const float* group_src = src + group * (shape_.c / shape_.groups);
    const auto slice = [&](size_t worker, int64_t m, int64_t rows, int64_t, int64_t k0, int64_t k1,
                           float* buffer) -> SliceA {
      const Pointers pointers = MakePointers(map_, DensePixels(map_), group_src, nullptr,
                                             zeros_.data(), m, rows, tables + worker * table_bytes);
      CopySlice(*kernels_, cut, pointers, rows, g.tap_floats, k0, k1, buffer);
      return {buffer, cut.panel_stride, GradCut::kSlice * cut.panel_stride, {}};
    };
    RunWeightGrad(*kernels_, cut, g.m, g.n, g.k, d_dst + group * g.n, shape_.k,
                  d_weights + group * g.n * g.k, partials, slices, pool, slice);
  }
}

}  // namespace linnet::kernels
