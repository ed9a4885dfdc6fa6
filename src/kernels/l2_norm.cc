#include "kernels/l2_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise_table.h"
#include "kernels/targets.h"
#include "kernels/training_only.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/l2_norm.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/elementwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {

#ifndef LINNET_KERNELS_L2_NORM_TABLE_
#define LINNET_KERNELS_L2_NORM_TABLE_
// One row.
struct L2NormTable {
  void (*forward)(const L2NormShape&, const float* x, const float* scale, float* y);
  void (*backward)(const L2NormShape&, const float* x, const float* scale, const float* dy,
                   bool accumulate, float* dx, float* dscale);
};
#endif

namespace HWY_NAMESPACE {

void L2NormForwardRow(const L2NormShape& s, const float* x, const float* scale, float* y) {
  const float norm = std::sqrt(DotRun(s.channels, x, x));
  const VF inverse = hn::Set(DF(), 1.0f / (norm + s.eps));
  ForVectors(s.channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    store(hn::Mul(hn::Mul(load(x + c), inverse), load(scale + c)), y + c);
  });
}

void L2NormBackwardRow(const L2NormShape& s, const float* x, const float* scale, const float* dy,
                       bool accumulate, float* dx, float* dscale) {
  const DF d;
  const float norm = std::sqrt(DotRun(s.channels, x, x)), inverse = 1.0f / (norm + s.eps);
  const VF vinverse = hn::Set(d, inverse);
  VF dot = hn::Zero(d);
  ForVectors(s.channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const VF product = hn::Mul(load(x + c), load(dy + c));
    dot = hn::MulAdd(product, load(scale + c), dot);
    store(hn::MulAdd(product, vinverse, load(dscale + c)), dscale + c);
  });
  if (dx == nullptr) return;
  const float sum = hn::GetLane(hn::SumOfLanes(d, dot));
  const VF radial = hn::Set(d, norm > 0 ? sum * inverse * inverse / norm : 0.0f);
  ForVectors(s.channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const VF direct = hn::Mul(hn::Mul(load(scale + c), load(dy + c)), vinverse);
    VF g = hn::NegMulAdd(radial, load(x + c), direct);
    if (accumulate) g = hn::Add(g, load(dx + c));
    store(g, dx + c);
  });
}

const L2NormTable* GetL2NormTable() {
  static constexpr L2NormTable kTable = {L2NormForwardRow, LINNET_TRAINING_ONLY(L2NormBackwardRow)};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {

HWY_EXPORT(GetL2NormTable);

void L2NormForward(const L2NormShape& s, const float* x, const float* scale, float* y,
                   ThreadPool* pool) {
  const L2NormTable& table = *HWY_DYNAMIC_DISPATCH(GetL2NormTable)();
  ForRowRuns(pool, s.rows, s.channels, [&](int64_t first, int64_t count) {
    for (int64_t at = first * s.channels; at < (first + count) * s.channels; at += s.channels) {
      table.forward(s, x + at, scale, y + at);
    }
  });
}

static int64_t PartialSums(const L2NormShape& s) {
  const int64_t step = PartialSumRows(s.rows, s.channels);
  return (s.rows + step - 1) / step;
}

size_t L2NormScratchBytes(const L2NormShape& s) {
  return static_cast<size_t>(PartialSums(s) * s.channels) * sizeof(float);
}

void L2NormBackward(const L2NormShape& s, const float* x, const float* scale, const float* dy,
                    bool accumulate, float* dx, float* dscale, void* scratch, ThreadPool* pool) {
  const L2NormTable& table = *HWY_DYNAMIC_DISPATCH(GetL2NormTable)();
  const int64_t step = PartialSumRows(s.rows, s.channels), partials = PartialSums(s);
  float* sums = static_cast<float*>(scratch);
  ParallelFor(partials > 1 ? pool : nullptr, static_cast<size_t>(partials), [&](size_t item) {
    const int64_t i = static_cast<int64_t>(item);
    std::fill_n(sums + i * s.channels, s.channels, 0.0f);
    for (int64_t r = i * step; r < std::min((i + 1) * step, s.rows); ++r) {
      const int64_t at = r * s.channels;
      table.backward(s, x + at, scale, dy + at, accumulate, dx == nullptr ? nullptr : dx + at,
                     sums + i * s.channels);
    }
  });
  Elementwise().column_sums(partials, s.channels, s.channels, sums, dscale);
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
