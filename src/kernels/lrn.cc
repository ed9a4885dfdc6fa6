#include "kernels/lrn.h"

#include <algorithm>

#include "kernels/targets.h"
#include "kernels/training_only.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/lrn.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/elementwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {

#ifndef LINNET_KERNELS_LRN_TABLE_
#define LINNET_KERNELS_LRN_TABLE_
// A worker's memory for one pixel. The first two have 'half' zeros before and after the channels.
struct LrnScratch {
  float *squares, *ratios, *products;
};
struct LrnTable {
  void (*forward)(const LrnShape&, int64_t half, const float* x, const LrnScratch&, float* y);
  void (*backward)(const LrnShape&, int64_t half, const float* x, const float* dy, bool accumulate,
                   const LrnScratch&, float* dx);
};
#endif

namespace HWY_NAMESPACE {

// ln x of a positive normal number: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and for ln m the
// minimax polynomial of Cephes' logf (S. Moshier).
HWY_INLINE VF Log(VF x) {
  const DF d;
  const hn::RebindToSigned<DF> di;
  // Subtracting sqrt(1/2) from the bits makes the exponent field that of x / m.
  const auto bits = hn::Sub(hn::BitCast(di, x), hn::Set(di, 0x3f3504f3));
  const VF e = hn::ConvertTo(d, hn::ShiftRight<23>(bits));
  const auto mantissa = hn::And(bits, hn::Set(di, 0x007fffff));
  const VF r =
      hn::Sub(hn::BitCast(d, hn::Add(mantissa, hn::Set(di, 0x3f3504f3))), hn::Set(d, 1.0f));
  constexpr float kPoly[] = {-1.1514610310e-1f, 1.1676998740e-1f,  -1.2420140846e-1f,
                             1.4249322787e-1f,  -1.6668057665e-1f, 2.0000714765e-1f,
                             -2.4999993993e-1f, 3.3333331174e-1f};
  VF p = hn::Set(d, 7.0376836292e-2f);
  for (const float coefficient : kPoly) p = hn::MulAdd(p, r, hn::Set(d, coefficient));
  const VF r2 = hn::Mul(r, r);
  const VF log_m = hn::Add(r, hn::MulAdd(hn::Mul(p, r), r2, hn::Mul(r2, hn::Set(d, -0.5f))));
  return hn::MulAdd(e, hn::Set(d, 0.693147181f), log_m);
}

// s^-beta
HWY_INLINE VF InversePower(VF s, float beta) {
  const DF d;
  if (beta == 0.75f) {
    const VF root = hn::Sqrt(s);
    return hn::Div(hn::Set(d, 1.0f), hn::Mul(root, hn::Sqrt(root)));
  }
  // Log looks at bits, and would take a NaN for a number.
  return hn::IfThenElse(hn::IsNaN(s), s, Exp(d, hn::Mul(Log(s), hn::Set(d, -beta))));
}

// The sum of the window whose first number is p[0].
template <class Load>
HWY_INLINE VF WindowSum(int64_t half, const float* p, Load&& load) {
  VF sum = load(p);
  for (int64_t i = 1; i <= 2 * half; ++i) sum = hn::Add(sum, load(p + i));
  return sum;
}

inline void Squares(const LrnShape& shape, const float* x, float* to) {
  ForVectors(shape.channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const VF v = load(x + c);
    store(hn::Mul(v, v), to + c);
  });
}

void LrnForwardPixel(const LrnShape& shape, int64_t half, const float* x, const LrnScratch& scratch,
                     float* y) {
  const DF d;
  Squares(shape, x, scratch.squares + half);
  ForVectors(shape.channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const VF sum = WindowSum(half, scratch.squares + c, load);
    const VF s = hn::MulAdd(hn::Set(d, shape.alpha), sum, hn::Set(d, shape.k));
    store(hn::Mul(load(x + c), InversePower(s, shape.beta)), y + c);
  });
}

void LrnBackwardPixel(const LrnShape& shape, int64_t half, const float* x, const float* dy,
                      bool accumulate, const LrnScratch& scratch, float* dx) {
  const DF d;
  Squares(shape, x, scratch.squares + half);
  // products = dy s^-beta, ratios = dy x s^(-beta - 1)
  ForVectors(shape.channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const VF sum = WindowSum(half, scratch.squares + c, load);
    const VF s = hn::MulAdd(hn::Set(d, shape.alpha), sum, hn::Set(d, shape.k));
    const VF g = hn::Mul(load(dy + c), InversePower(s, shape.beta));
    store(g, scratch.products + c);
    store(hn::Div(hn::Mul(g, load(x + c)), s), scratch.ratios + half + c);
  });
  const VF factor = hn::Set(d, -2 * shape.alpha * shape.beta);
  ForVectors(shape.channels, [&](int64_t c, auto load, auto store) LINNET_LAMBDA {
    const VF sum = WindowSum(half, scratch.ratios + c, load);
    VF g = hn::MulAdd(hn::Mul(factor, load(x + c)), sum, load(scratch.products + c));
    if (accumulate) g = hn::Add(g, load(dx + c));
    store(g, dx + c);
  });
}

const LrnTable* GetLrnTable() {
  static constexpr LrnTable kTable = {LrnForwardPixel, LINNET_TRAINING_ONLY(LrnBackwardPixel)};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {
namespace {

HWY_EXPORT(GetLrnTable);

// Wider windows would add zeros only.
int64_t Half(const LrnShape& s) { return std::min(s.size / 2, s.channels - 1); }

// Floats of one array of the scratch memory: whole cache lines.
int64_t ArrayFloats(const LrnShape& s) { return (s.channels + 2 * Half(s) + 15) / 16 * 16; }

// Calls f(where the row begins, scratch) for all rows.
template <class F>
void ForRows(const LrnShape& s, void* memory, ThreadPool* pool, F&& f) {
  const int64_t floats = ArrayFloats(s);
  const int64_t step = std::max<int64_t>(16384 / s.channels, 1);
  const int64_t items = (s.rows + step - 1) / step;
  ParallelForWorker(
      items > 1 ? pool : nullptr, static_cast<size_t>(items), [&](size_t worker, size_t item) {
        float* squares = static_cast<float*>(memory) + static_cast<int64_t>(worker) * 3 * floats;
        const LrnScratch scratch = {squares, squares + floats, squares + 2 * floats};
        std::fill_n(squares, 2 * floats, 0.0f);
        const int64_t first = static_cast<int64_t>(item) * step;
        for (int64_t r = first; r < std::min(first + step, s.rows); ++r) f(r * s.channels, scratch);
      });
}

}  // namespace

size_t LrnScratchBytes(const LrnShape& s, int threads) {
  return static_cast<size_t>(threads * 3 * ArrayFloats(s)) * sizeof(float);
}

void LrnForward(const LrnShape& s, const float* x, float* y, void* scratch, ThreadPool* pool) {
  const LrnTable& table = *HWY_DYNAMIC_DISPATCH(GetLrnTable)();
  ForRows(s, scratch, pool, [&](int64_t at, const LrnScratch& own) {
    table.forward(s, Half(s), x + at, own, y + at);
  });
}

void LrnBackward(const LrnShape& s, const float* x, const float* dy, bool accumulate, float* dx,
                 void* scratch, ThreadPool* pool) {
  const LrnTable& table = *HWY_DYNAMIC_DISPATCH(GetLrnTable)();
  ForRows(s, scratch, pool, [&](int64_t at, const LrnScratch& own) {
    table.backward(s, Half(s), x + at, dy + at, accumulate, own, dx + at);
  });
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
