// The one home for the choice of instruction set.
//
// A kernel file is compiled once per target (hwy/foreach_target.h) and hands out a table of
// function pointers through HWY_EXPORT and HWY_DYNAMIC_DISPATCH, fetched once, in a Prepare or Get
// function. It includes this header, by which the environment variable LINNET_TARGET is honoured
// before the first dispatch; tables fetched after ForceTarget(t) are those of t.
//
//   for (const int64_t target : Targets()) {
//     ForceTarget(target);
//     ... fetch the table, compare with the reference ...
//   }
//   ForceTarget(0);
//
// Targets are Highway's bits (HWY_AVX3, HWY_AVX2, HWY_NEON ...); a lower bit is a better target.
#ifndef LINNET_KERNELS_TARGETS_H_
#define LINNET_KERNELS_TARGETS_H_

#include <cstdint>
#include <vector>

namespace linnet::kernels {

// Every target that was compiled and that this machine runs, the best first; never empty. Not
// changed by LINNET_TARGET or ForceTarget.
std::vector<int64_t> Targets();

// The target in use when none is forced: the best, or what LINNET_TARGET (avx3, avx2, sse4, ssse3,
// neon, scalar; any case) lowers it to. A name that is unknown or that was not compiled is answered
// by one line on standard error and the nearest target below, or else the best.
int64_t BestTarget();

// "AVX3", "AVX2", "SSE4", "SSSE3", "NEON", "SCALAR" ...
const char* TargetName(int64_t target);

// From now on tables are fetched for 'target', one of Targets(); 0 returns to BestTarget(). For
// tests and benchmarks: not to be called while another thread fetches tables.
void ForceTarget(int64_t target);

// The target for which tables are fetched now.
int64_t CurrentTarget();

namespace internal {
// Runs before main in every program that contains a kernel.
inline const bool kTargetChosen = (ForceTarget(0), true);
}  // namespace internal

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_TARGETS_H_
