// Register-blocked micro-kernels for every instruction set.
//
// Size of a tile (rows x vectors of columns). Each step of k loads 'vectors' of B and broadcasts
// 'rows' values of A, for rows * vectors multiply-adds:
// - 32 registers (AVX-512, NEON): 6 x 4: 24 sums, enough to hide a latency of 4 on two pipes three
// times over,
//   with 10 loads for 24 multiply-adds. 12 x 2 has as many sums and 14 loads, and 12 rows that lie
//   a power of two apart (1024 channels = 4096 bytes) fall into one set of an 8-way L1; 6 rows fit.
//   Narrow panels, the last of a matrix or the only one, take more rows: 8 x 3, 12 x 2, 12 x 1.
// - 16 registers (AVX2, SSE): 6 x 2: 12 sums, 2 of B, 1 broadcast, 1 left for the product where
// there is no FMA.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul_kernels.cc"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target comes first
#include <hwy/highway.h>
// clang-format on

#include <hwy/cache_control.h>

#include <utility>

#include "kernels/activation-inl.h"
#include "kernels/matmul_kernels.h"
#include "kernels/partial-inl.h"
#include "kernels/training_only.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int kLanes = HWY_LANES(float);

#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kVectors = 4;
constexpr int kRows[] = {0, 12, 12, 8, 6};
#else
constexpr int kVectors = 2;
constexpr int kRows[] = {0, 12, 6, 0, 0};
#endif

// Loops over a tile must vanish, so that the sums live in registers.
#define LINNET_UNROLL HWY_UNROLL(16)

// Stores or adds to one row of a tile whose last vector may be partial.
template <int kNV>
HWY_INLINE void LoadRow(const float* HWY_RESTRICT p, size_t tail, V (&row)[kNV]) {
  const D d;
  LINNET_UNROLL
  for (int j = 0; j + 1 < kNV; ++j) row[j] = hn::LoadU(d, p + j * kLanes);
  row[kNV - 1] = tail == kLanes ? hn::LoadU(d, p + (kNV - 1) * kLanes)
                                : LoadPart(d, p + (kNV - 1) * kLanes, tail);
}

template <int kNV>
HWY_INLINE void StoreRow(const V (&row)[kNV], size_t tail, float* HWY_RESTRICT p) {
  const D d;
  LINNET_UNROLL
  for (int j = 0; j + 1 < kNV; ++j) hn::StoreU(row[j], d, p + j * kLanes);
  if (tail == kLanes) {
    hn::StoreU(row[kNV - 1], d, p + (kNV - 1) * kLanes);
  } else {
    StorePart(row[kNV - 1], d, p + (kNV - 1) * kLanes, tail);
  }
}

template <int kMR, int kNV>
HWY_INLINE void AddBiasAndResidual(const TileArgs& t, size_t tail, V (&acc)[kMR][kNV]) {
  if (t.bias != nullptr) {
    V bias[kNV];
    LoadRow<kNV>(t.bias, tail, bias);
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = hn::Add(acc[i][j], bias[j]);
    }
  }
  if (t.residual != nullptr) {
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      V row[kNV];
      LoadRow<kNV>(t.residual + i * t.residual_stride, tail, row);
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = hn::Add(acc[i][j], row[j]);
    }
  }
}

template <int kMR, int kNV>
HWY_INLINE void Clamp(const TileArgs& t, V (&acc)[kMR][kNV]) {
  const D d;
  if (t.has_floor) {
    const V floor = hn::Set(d, t.floor);
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = AtLeast(acc[i][j], floor);
    }
  }
  if (t.has_ceiling) {
    const V ceiling = hn::Set(d, t.ceiling);
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = AtMost(acc[i][j], ceiling);
    }
  }
}

// acc += the products of all terms. kFetch: asks for t.next on the way; a loop of its own, since
// even a prefetch of one and the same line takes a load's place in every step.
template <int kMR, int kNV, bool kFetch>
HWY_INLINE void AddProducts(const TileArgs& t, V (&acc)[kMR][kNV]) {
  const D d;
  constexpr int kWidth = kNV * kLanes;
  const float* HWY_RESTRICT b = t.b;
  [[maybe_unused]] const float* next = t.next;
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const float* a[kMR];
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) a[i] = t.a[tap * t.a_stride + i] + t.a_offset;
    // Two steps a turn: where multiply-adds take both vector ports (Intel's 512 bits), the counting
    // gets in their way. A copy of the tile by itself took 0 to 9 % less time with this and without
    // the idle prefetch; the two were not told apart on every shape.
    HWY_UNROLL(2)
    for (int64_t k = 0; k < t.k; ++k) {
      V vb[kNV];
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) vb[j] = hn::Load(d, b + j * kLanes);
      b += kWidth;
      if constexpr (kFetch) {
        hwy::Prefetch(next);
        next += t.next_step;
      }
      LINNET_UNROLL
      for (int i = 0; i < kMR; ++i) {
        const V va = hn::Set(d, a[i][k]);
        LINNET_UNROLL
        for (int j = 0; j < kNV; ++j) acc[i][j] = hn::MulAdd(va, vb[j], acc[i][j]);
      }
    }
  }
}

// What is done to products, of rows that are in memory.
template <int kNV>
HWY_NOINLINE void FinishRows(const TileArgs& all, size_t tail, int rows) {
  TileArgs t = all;
  for (int i = 0; i < rows; ++i) {
    float* c = t.c[i] + t.c_offset;
    V acc[1][kNV];
    LoadRow<kNV>(c, tail, acc[0]);
    AddBiasAndResidual<1, kNV>(t, tail, acc);
    Clamp<1, kNV>(t, acc);
    StoreRow<kNV>(acc[0], tail, c);
    if (t.residual != nullptr) t.residual += t.residual_stride;
  }
}

// Rows are dealt out evenly, so where there are many, tiles have the most there can be, or one
// less. The others, on small maps and in narrow panels, leave the rest to a loop, which is less
// code than every row's written out.
template <int kMR, int kNV>
void Tile(const TileArgs& t) {
  const D d;
  const size_t tail = static_cast<size_t>(t.cols - (kNV - 1) * kLanes);
  V acc[kMR][kNV];
  if (t.load_c) {
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) LoadRow<kNV>(t.c[i] + t.c_offset, tail, acc[i]);
  } else {
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = hn::Zero(d);
    }
  }
  constexpr bool kRare = kMR + 1 < kRows[kNV];
  // Only where panels are many; tiles of twelve rows have no register left for one more pointer.
  constexpr bool kFetches = kNV == kVectors && !kRare;
  if (kFetches && t.next_step != 0) {
    AddProducts<kMR, kNV, kFetches>(t, acc);
  } else {
    AddProducts<kMR, kNV, false>(t, acc);
  }
  if constexpr (!kRare) {
    AddBiasAndResidual<kMR, kNV>(t, tail, acc);
    Clamp<kMR, kNV>(t, acc);
  }
  LINNET_UNROLL
  for (int i = 0; i < kMR; ++i) StoreRow<kNV>(acc[i], tail, t.c[i] + t.c_offset);
  const bool finishes = t.bias != nullptr || t.residual != nullptr || t.has_floor || t.has_ceiling;
  if (kRare && finishes) FinishRows<kNV>(t, tail, kMR);
}

template <int kMR, int kNV>
void GradTile(const GradTileArgs& t) {
  const D d;
  const size_t tail = static_cast<size_t>(t.cols - (kNV - 1) * kLanes);
  V acc[kMR][kNV];
  LINNET_UNROLL
  for (int i = 0; i < kMR; ++i) {
    LINNET_UNROLL
    for (int j = 0; j < kNV; ++j) acc[i][j] = hn::Zero(d);
  }
  const float* HWY_RESTRICT a = t.a;
  const float* HWY_RESTRICT b = t.b;
  for (int64_t m = 0; m < t.m; ++m) {
    V vb[kNV];
    LINNET_UNROLL
    for (int j = 0; j < kNV; ++j) vb[j] = hn::LoadU(d, b + j * kLanes);
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      const V va = hn::Set(d, a[i]);
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = hn::MulAdd(va, vb[j], acc[i][j]);
    }
    a += t.a_stride;
    b += t.b_stride;
  }
  LINNET_UNROLL
  for (int i = 0; i < kMR; ++i) {
    float* c = t.c + i * t.c_stride;
    if (t.load_c) {
      V row[kNV];
      LoadRow<kNV>(c, tail, row);
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) acc[i][j] = hn::Add(row[j], acc[i][j]);
    }
    StoreRow<kNV>(acc[i], tail, c);
  }
}

// panel[k * width + j] = w[j * w_stride + k] for k in [k0, k1), j in [j0, j1).
void TransposePart(const float* w, int64_t w_stride, int64_t k0, int64_t k1, int64_t j0, int64_t j1,
                   int64_t width, float* HWY_RESTRICT panel) {
  for (int64_t j = j0; j < j1; ++j) {
    for (int64_t k = k0; k < k1; ++k) panel[k * width + j] = w[j * w_stride + k];
  }
}

#if HWY_TARGET != HWY_SCALAR
// The same for four k and four j.
HWY_INLINE void Transpose4x4(const float* HWY_RESTRICT w, int64_t w_stride, int64_t width,
                             float* HWY_RESTRICT panel) {
  const hn::FixedTag<float, 4> d;
  const hn::RepartitionToWide<decltype(d)> d64;
  const auto row0 = hn::LoadU(d, w), row1 = hn::LoadU(d, w + w_stride);
  const auto row2 = hn::LoadU(d, w + 2 * w_stride), row3 = hn::LoadU(d, w + 3 * w_stride);
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, row0, row1));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, row2, row3));
  const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, row0, row1));
  const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, row2, row3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, low01, low23)), d, panel);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23)), d, panel + width);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, high01, high23)), d, panel + 2 * width);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23)), d, panel + 3 * width);
}
#endif

// Sixteen k at a time: 64 rows of w and 16 of the panel, one or a few cache lines each, stay in the
// L1.
void PackTransposed(const float* w, int64_t w_stride, int64_t count, int64_t cols, int64_t width,
                    float* HWY_RESTRICT panel) {
  for (int64_t k0 = 0; k0 < count; k0 += 16) {
    const int64_t k1 = HWY_MIN(count, k0 + 16);
#if HWY_TARGET == HWY_SCALAR
    TransposePart(w, w_stride, k0, k1, 0, cols, width, panel);
#else
    const int64_t k4 = k0 + (k1 - k0) / 4 * 4, cols4 = cols / 4 * 4;
    for (int64_t j = 0; j < cols4; j += 4) {
      for (int64_t k = k0; k < k4; k += 4) {
        Transpose4x4(w + j * w_stride + k, w_stride, width, panel + k * width + j);
      }
    }
    TransposePart(w, w_stride, k4, k1, 0, cols4, width, panel);
    TransposePart(w, w_stride, k0, k1, cols4, cols, width, panel);
#endif
    for (int64_t k = k0; k < k1; ++k) {
      for (int64_t j = cols; j < width; ++j) panel[k * width + j] = 0;
    }
  }
}

void CopyRows(const float* const* rows, int64_t offset, int64_t count, int64_t cols,
              float* HWY_RESTRICT dst, int64_t dst_stride) {
  const D d;
  const int64_t whole = cols / kLanes * kLanes;
  const size_t tail = static_cast<size_t>(cols - whole);
  for (int64_t i = 0; i < count; ++i) {
    const float* HWY_RESTRICT from = rows[i] + offset;
    float* HWY_RESTRICT to = dst + i * dst_stride;
    for (int64_t j = 0; j < whole; j += kLanes) hn::StoreU(hn::LoadU(d, from + j), d, to + j);
    if (tail != 0) hn::StoreU(LoadPart(d, from + whole, tail), d, to + whole);
  }
}

void Add(const float* HWY_RESTRICT src, int64_t n, float* HWY_RESTRICT dst) {
  const D d;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(hn::Add(hn::LoadU(d, dst + i), hn::LoadU(d, src + i)), d, dst + i);
  }
  for (; i < n; ++i) dst[i] += src[i];
}

void SumColumns(const float* HWY_RESTRICT a, int64_t a_stride, int64_t rows, int64_t cols,
                float* HWY_RESTRICT sums) {
  const D d;
  for (int64_t j = 0; j < cols; j += kLanes) {
    const size_t part = static_cast<size_t>(HWY_MIN(cols - j, int64_t{kLanes}));
    V sum = LoadPart(d, sums + j, part);
    const float* p = a + j;
    if (part == kLanes) {
      for (int64_t i = 0; i < rows; ++i) sum = hn::Add(sum, hn::LoadU(d, p + i * a_stride));
    } else {
      for (int64_t i = 0; i < rows; ++i) sum = hn::Add(sum, LoadPart(d, p + i * a_stride, part));
    }
    StorePart(sum, d, sums + j, part);
  }
}

void ActivateMany(Activation kind, float alpha, float* const* rows, int64_t count, int64_t column,
                  int64_t n) {
  ActivateRows(kind, alpha, count, static_cast<size_t>(n),
               [=](int64_t r) { return rows[r] + column; });
}

template <int kNV, int... kI>
void FillRows(MicroKernels& table, std::integer_sequence<int, kI...>) {
  ((table.tile[kNV][kI + 1] = &Tile<kI + 1, kNV>), ...);
  ((table.grad_tile[kNV][kI + 1] = LINNET_TRAINING_ONLY(&GradTile<kI + 1, kNV>)), ...);
}

template <int... kI>
void FillVectors(MicroKernels& table, std::integer_sequence<int, kI...>) {
  (FillRows<kI + 1>(table, std::make_integer_sequence<int, kRows[kI + 1]>()), ...);
}

MicroKernels MakeTable() {
  MicroKernels table{};
  table.target = hwy::TargetName(HWY_TARGET);
  table.lanes = kLanes;
  table.max_vectors = kVectors;
  for (int v = 1; v <= kVectors; ++v) table.rows[v] = kRows[v];
  FillVectors(table, std::make_integer_sequence<int, kVectors>());
  table.pack_transposed = &PackTransposed;
  table.copy_rows = &CopyRows;
  table.add = &Add;
  table.column_sums = &SumColumns;
  table.activate = &ActivateMany;
  return table;
}

const MicroKernels* Table() {
  static const MicroKernels table = MakeTable();
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/targets.h"

namespace linnet::kernels {

HWY_EXPORT(Table);
const MicroKernels* GetMicroKernels() { return HWY_DYNAMIC_DISPATCH(Table)(); }

}  // namespace linnet::kernels
#endif  // HWY_ONCE
