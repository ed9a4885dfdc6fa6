// The matrices of F(m x m, 3 x 3) (Lavin and Gray, 1509.09308), made from interpolation points as
// Toom and Cook do: 0, +-1 and infinity for m = 2; for m = 4 0, +-1/sqrt(2), +-sqrt(2) and
// infinity, whose rounding error is a quarter of that of the usual 0, +-1, +-2 (a third in the mean
// square; the test measures it), and whose products are 1 and whose sums of squares are 2.5, so
// that the transforms are no longer.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd_kernels.cc"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target comes first
#include <hwy/highway.h>
// clang-format on

#include "kernels/store_result-inl.h"
#include "kernels/winograd_kernels.h"

#ifndef LINNET_KERNELS_WINOGRAD_POINTS
#define LINNET_KERNELS_WINOGRAD_POINTS
namespace linnet::kernels {
inline constexpr double kPointA = 0.70710678118654752440;  // a^2 = 1/2, and b = 2 a
inline constexpr double kPointB = 1.41421356237309504880;  // b^2 = 2
}  // namespace linnet::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int kLanes = HWY_LANES(float);

#define LINNET_UNROLL HWY_UNROLL(8)

// v = B^T d
HWY_INLINE void InputLine(const V (&d)[4], V (&v)[4]) {
  v[0] = hn::Sub(d[0], d[2]);
  v[1] = hn::Add(d[1], d[2]);
  v[2] = hn::Sub(d[2], d[1]);
  v[3] = hn::Sub(d[1], d[3]);
}

HWY_INLINE void InputLine(const V (&d)[6], V (&v)[6]) {
  const D tag;
  const V a = hn::Set(tag, static_cast<float>(kPointA));
  const V b = hn::Set(tag, static_cast<float>(kPointB));
  const V a2 = hn::Set(tag, 0.5f), b2 = hn::Set(tag, 2.0f), sum = hn::Set(tag, 2.5f);
  const V even_a = hn::NegMulAdd(b2, d[2], d[4]), odd_a = hn::NegMulAdd(b2, d[1], d[3]);
  const V even_b = hn::NegMulAdd(a2, d[2], d[4]), odd_b = hn::NegMulAdd(a2, d[1], d[3]);
  v[0] = hn::NegMulAdd(sum, d[2], hn::Add(d[0], d[4]));
  v[1] = hn::MulAdd(a, odd_a, even_a);
  v[2] = hn::NegMulAdd(a, odd_a, even_a);
  v[3] = hn::MulAdd(b, odd_b, even_b);
  v[4] = hn::NegMulAdd(b, odd_b, even_b);
  v[5] = hn::NegMulAdd(sum, d[3], hn::Add(d[1], d[5]));
}

// y = A^T s
HWY_INLINE void OutputLine(const V (&s)[4], V (&y)[2]) {
  y[0] = hn::Add(s[0], hn::Add(s[1], s[2]));
  y[1] = hn::Sub(hn::Sub(s[1], s[2]), s[3]);
}

HWY_INLINE void OutputLine(const V (&s)[6], V (&y)[4]) {
  const D tag;
  const V a = hn::Set(tag, static_cast<float>(kPointA));
  const V b = hn::Set(tag, static_cast<float>(kPointB));
  const V a2 = hn::Set(tag, 0.5f), b2 = hn::Set(tag, 2.0f);
  const V even_a = hn::Add(s[1], s[2]), odd_a = hn::Mul(a, hn::Sub(s[1], s[2]));
  const V even_b = hn::Add(s[3], s[4]), odd_b = hn::Mul(b, hn::Sub(s[3], s[4]));
  y[0] = hn::Add(s[0], hn::Add(even_a, even_b));
  y[1] = hn::Add(odd_a, odd_b);
  y[2] = hn::MulAdd(a2, even_a, hn::Mul(b2, even_b));
  y[3] = hn::MulAdd(a2, odd_a, hn::MulAdd(b2, odd_b, s[5]));
}

// One vector of channels at 'channel', of which 'count' exist.
template <int kM>
HWY_INLINE void InputVector(const float* const* pixels, int64_t channel, size_t count,
                            float* HWY_RESTRICT v, int64_t position_stride) {
  constexpr int kPlane = kM + 2;
  const D d;
  V lines[kPlane][kPlane];  // [column][row]: the columns are done
  LINNET_UNROLL
  for (int x = 0; x < kPlane; ++x) {
    V column[kPlane];
    LINNET_UNROLL
    for (int y = 0; y < kPlane; ++y) {
      column[y] = LoadLanes(d, pixels[y * kPlane + x] + channel, count);
    }
    InputLine(column, lines[x]);
  }
  LINNET_UNROLL
  for (int y = 0; y < kPlane; ++y) {
    V row[kPlane], out[kPlane];
    LINNET_UNROLL
    for (int x = 0; x < kPlane; ++x) row[x] = lines[x][y];
    InputLine(row, out);
    LINNET_UNROLL
    for (int x = 0; x < kPlane; ++x) {
      hn::StoreU(out[x], d, v + (y * kPlane + x) * position_stride + channel);
    }
  }
}

template <int kM>
void InputTile(const float* const* pixels, int64_t channels, float* v, int64_t position_stride) {
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    InputVector<kM>(pixels, c, kLanes, v, position_stride);
  }
  if (c < channels) {
    InputVector<kM>(pixels, c, static_cast<size_t>(channels - c), v, position_stride);
  }
}

template <int kM>
HWY_INLINE void OutputVector(const WinogradOutputArgs& t, int64_t channel, size_t count) {
  constexpr int kPlane = kM + 2;
  const D d;
  V lines[kPlane][kM];  // [column][row]
  LINNET_UNROLL
  for (int x = 0; x < kPlane; ++x) {
    V column[kPlane];
    LINNET_UNROLL
    for (int y = 0; y < kPlane; ++y) {
      column[y] = hn::LoadU(d, t.sums + (y * kPlane + x) * t.position_stride + channel);
    }
    OutputLine(column, lines[x]);
  }
  const V bias = t.bias != nullptr ? LoadLanes(d, t.bias + channel, count) : hn::Zero(d);
  LINNET_UNROLL
  for (int y = 0; y < kM; ++y) {
    if (y >= t.rows) break;
    V row[kPlane], out[kM];
    LINNET_UNROLL
    for (int x = 0; x < kPlane; ++x) row[x] = lines[x][y];
    OutputLine(row, out);
    LINNET_UNROLL
    for (int x = 0; x < kM; ++x) {
      if (x >= t.columns) break;
      const float* residual = t.residual != nullptr
                                  ? t.residual + y * t.residual_row + x * t.residual_pixel + channel
                                  : nullptr;
      StoreResult(t, d, hn::Add(out[x], bias), residual, count,
                  t.dst + y * t.dst_row + x * t.dst_pixel + channel);
    }
  }
}

template <int kM>
void OutputTile(const WinogradOutputArgs& t) {
  int64_t c = 0;
  for (; c + kLanes <= t.cols; c += kLanes) OutputVector<kM>(t, c, kLanes);
  if (c < t.cols) OutputVector<kM>(t, c, static_cast<size_t>(t.cols - c));
}

const WinogradKernels* WinogradTable() {
  static const WinogradKernels table = {kLanes, InputTile<2>, InputTile<4>, OutputTile<2>,
                                        OutputTile<4>};
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/targets.h"

namespace linnet::kernels {

HWY_EXPORT(WinogradTable);
const WinogradKernels* GetWinogradKernels() { return HWY_DYNAMIC_DISPATCH(WinogradTable)(); }

// Row of the point p: (1, p, p^2) / product of its distances to the other finite points.
const double (*WinogradG(int m))[3] {
  static constexpr double kTwo[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  static constexpr double kOfA = -1.5, kOfB = 6;  // 2 a^2 (a^2 - b^2) and 2 b^2 (b^2 - a^2)
  static constexpr double kFour[6][3] = {{1, 0, 0},
                                         {1 / kOfA, kPointA / kOfA, 0.5 / kOfA},
                                         {1 / kOfA, -kPointA / kOfA, 0.5 / kOfA},
                                         {1 / kOfB, kPointB / kOfB, 2 / kOfB},
                                         {1 / kOfB, -kPointB / kOfB, 2 / kOfB},
                                         {0, 0, 1}};
  return m == 2 ? kTwo : kFour;
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
