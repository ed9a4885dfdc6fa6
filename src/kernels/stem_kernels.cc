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
  LINNET_UNROLL
  for (int j = 0; j < kNV; ++j) {
    const int64_t column = j * kLanes;
    const size_t count =
        j + 1 < kNV ? size_t{kLanes} : static_cast<size_t>(t.cols - (kNV - 1) * kLanes);
    const V bias = t.bias != nullptr ? LoadLanes(d, t.bias + column, count) : hn::Zero(d);
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      const float* residual =
          t.residual != nullptr ? t.residual + i * t.residual_pixel + column : nullptr;
      StoreResult(t, d, hn::Add(acc[i][j], bias), residual, count,
                  t.dst + i * t.dst_pixel + column);
    }
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
