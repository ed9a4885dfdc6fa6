#include "kernels/optimizer.h"

#include "kernels/elementwise_table.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/elementwise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {

#ifndef LINNET_KERNELS_OPTIMIZER_TABLE_
#define LINNET_KERNELS_OPTIMIZER_TABLE_
struct OptimizerTable {
  void (*sgd)(int64_t n, const SgdArgs&, const float* g, float* v, float* w);
  void (*ema)(int64_t n, float decay, const float* w, float* ema);
};
#endif

namespace HWY_NAMESPACE {

void SgdRun(int64_t n, const SgdArgs& args, const float* g, float* v, float* w) {
  const DF d;
  const VF lr = hn::Set(d, args.lr), momentum = hn::Set(d, args.momentum);
  const VF decay = hn::Set(d, args.weight_decay);
  ForVectors(n, [&](int64_t i, auto load, auto store) LINNET_LAMBDA {
    const VF weight = load(w + i);
    const VF gradient = hn::MulAdd(decay, weight, load(g + i));
    VF step = gradient;
    if (v != nullptr) {
      const VF velocity = hn::MulAdd(momentum, load(v + i), gradient);
      store(velocity, v + i);
      step = args.nesterov ? hn::MulAdd(momentum, velocity, gradient) : velocity;
    }
    store(hn::NegMulAdd(lr, step, weight), w + i);
  });
}

void EmaRun(int64_t n, float decay, const float* w, float* ema) {
  const DF d;
  const VF keep = hn::Set(d, decay), take = hn::Set(d, 1.0f - decay);
  ForVectors(n, [&](int64_t i, auto load, auto store) LINNET_LAMBDA {
    store(hn::MulAdd(keep, load(ema + i), hn::Mul(take, load(w + i))), ema + i);
  });
}

const OptimizerTable* GetOptimizerTable() {
  static constexpr OptimizerTable kTable = {SgdRun, EmaRun};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {

HWY_EXPORT(GetOptimizerTable);

void SgdStep(int64_t count, const SgdArgs& args, const float* g, float* v, float* w,
             ThreadPool* pool) {
  const OptimizerTable& table = *HWY_DYNAMIC_DISPATCH(GetOptimizerTable)();
  ForRuns(pool, count, [&](int64_t i, int64_t n) {
    table.sgd(n, args, g + i, v == nullptr ? nullptr : v + i, w + i);
  });
}

void EmaStep(int64_t count, float decay, const float* w, float* ema, ThreadPool* pool) {
  const OptimizerTable& table = *HWY_DYNAMIC_DISPATCH(GetOptimizerTable)();
  ForRuns(pool, count, [&](int64_t i, int64_t n) { table.ema(n, decay, w + i, ema + i); });
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
