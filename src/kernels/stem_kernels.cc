// Pixels of a tile, by vectors of channels: enough sums to hide the latency of a multiply-add, and
// as many as registers allow; 14 and 8 divide the 112 pixels of the usual first layer.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/stem_kernels.cc"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target comes first
#include <hwy/highway.h>
// clang-format on

#include <utility>

#include "kernels/stem_kernels.h"
#include "kernels/store_result-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int kLanes = HWY_LANES(float);

#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kVectors = 4;
constexpr int kPixels[] = {0, 14, 14, 8, 6};
#else
constexpr int kVectors = 2;
constexpr int kPixels[] = {0, 8, 6, 0, 0};
#endif

#define LINNET_UNROLL HWY_UNROLL(16)

// Lanes of the last vector that exist.
template <int kNV>
HWY_INLINE size_t Tail(const StemTileArgs& t) {
  return static_cast<size_t>(t.cols - (kNV - 1) * kLanes);
}

template <int kNV>
HWY_INLINE void LoadRow(const float* HWY_RESTRICT p, size_t tail, V (&row)[kNV]) {
  const D d;
  LINNET_UNROLL
  for (int j = 0; j + 1 < kNV; ++j) row[j] = hn::LoadU(d, p + j * kLanes);
  row[kNV - 1] = LoadLanes(d, p + (kNV - 1) * kLanes, tail);
}

// What there is to do is asked once for all sums.
template <int kMR, int kNV>
HWY_INLINE void Finish(const StemTileArgs& t, V (&acc)[kMR][kNV]) {
  const D d;
  const size_t tail = Tail<kNV>(t);
  V row[kNV];
  if (t.bias != nullptr) {
    LoadRow<kNV>(t.bias, tail, row);
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = hn::Add(acc[i][j], row[j]);
    }
  }
  if (t.residual != nullptr) {
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      LoadRow<kNV>(t.residual + i * t.residual_pixel, tail, row);
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = hn::Add(acc[i][j], row[j]);
    }
  }
  if (t.has_floor) {
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = AtLeast(d, acc[i][j], 0.0f);
    }
  }
  if (t.has_ceiling) {
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = AtMost(d, acc[i][j], t.ceiling);
    }
  }
}

template <int kStep, int kNV>
void StemTile(const StemTileArgs& t) {
  constexpr int kMR = kPixels[kNV];
  const D d;
  V acc[kMR][kNV];
  LINNET_UNROLL
  for (int i = 0; i < kMR; ++i) {
    LINNET_UNROLL
    for (int j = 0; j < kNV; ++j) acc[i][j] = hn::Zero(d);
  }
  const float* HWY_RESTRICT b = t.b;
  for (int64_t y = 0; y < t.kernel_rows; ++y) {
    const float* HWY_RESTRICT a = t.rows[y];
    for (int64_t k = 0; k < t.run; ++k, ++a) {
      V vb[kNV];
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) vb[j] = hn::Load(d, b + j * kLanes);
      b += kNV * kLanes;
      LINNET_UNROLL
      for (int i = 0; i < kMR; ++i) {
        const V va = hn::Set(d, a[i * kStep]);
        LINNET_UNROLL
        for (int j = 0; j < kNV; ++j) acc[i][j] = hn::MulAdd(va, vb[j], acc[i][j]);
      }
    }
  }
  Finish<kMR, kNV>(t, acc);
  const size_t tail = Tail<kNV>(t);
  LINNET_UNROLL
  for (int i = 0; i < kMR; ++i) {
    float* HWY_RESTRICT dst = t.dst + i * t.dst_pixel;
    LINNET_UNROLL
    for (int j = 0; j + 1 < kNV; ++j) hn::StoreU(acc[i][j], d, dst + j * kLanes);
    StoreLanes(d, acc[i][kNV - 1], tail, dst + (kNV - 1) * kLanes);
  }
}

template <int... kI>
void Fill(StemKernels& table, std::integer_sequence<int, kI...>) {
  ((table.pixels[kI + 1] = kPixels[kI + 1]), ...);
  ((table.tile[0][kI + 1] = &StemTile<StemKernels::kSteps[0], kI + 1>), ...);
  ((table.tile[1][kI + 1] = &StemTile<StemKernels::kSteps[1], kI + 1>), ...);
}

StemKernels MakeStemTable() {
  StemKernels table{};
  Fill(table, std::make_integer_sequence<int, kVectors>());
  return table;
}

const StemKernels* StemTable() {
  static const StemKernels table = MakeStemTable();
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/targets.h"

namespace linnet::kernels {

HWY_EXPORT(StemTable);
const StemKernels* GetStemKernels() { return HWY_DYNAMIC_DISPATCH(StemTable)(); }

}  // namespace linnet::kernels
#endif  // HWY_ONCE
