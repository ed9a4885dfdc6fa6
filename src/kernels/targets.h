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
// What Highway does not reach, dot products and matrix tiles, are Extras of a target: a kernel that
// uses them lies in a file of its own, with intrinsics, and asks CurrentExtras() before.
#ifndef LINNET_KERNELS_TARGETS_H_
#define LINNET_KERNELS_TARGETS_H_

#include <cstdint>
#include <vector>

namespace linnet::kernels {

// Every target that was compiled and that this machine runs, the best first; never empty. Not
// changed by LINNET_TARGET or ForceTarget.
std::vector<int64_t> Targets();

// False where the machine has no instruction set that was compiled, as on x86 before AVX2 in the
// deployed runtime: then Targets() is the least of those that were, and no kernel may be called.
bool MachineHasTarget();

// The target in use when none is forced: the best, or what LINNET_TARGET (avx3, avx2, sse4, ssse3,
// neon, scalar; any case) lowers it to. A name that is unknown or that was not compiled is answered
// by one line on standard error and the nearest target below, or else the best.
//
// A name alone has no extras; avx2_vnni, neon_vnni, avx3_vnni, avx3_bf16 and avx3_amx have them.
int64_t BestTarget();

// "AVX3", "AVX2", "SSE4", "SSSE3", "NEON", "SCALAR" ...
const char* TargetName(int64_t target);

// Each has those before it, as the processors that were built have:
//   kVnni  8-bit dot products: AVX-512 VNNI (Cascade Lake, Zen 4); with AVX2, AVX-VNNI (Alder Lake);
//          with NEON, dotprod (ARMv8.2)
//   kBf16  AVX-512 BF16 (Cooper Lake, Zen 4)
//   kAmx   tiles of bf16 and of 8 bits (Sapphire Rapids)
enum class Extras { kNone, kVnni, kBf16, kAmx };
inline constexpr const char* kExtrasNames[] = {"none", "vnni", "bf16", "amx"};

// The most that this machine has with 'target'.
Extras MachineExtras(int64_t target);

// From now on tables are fetched for 'target', one of Targets(), with all its extras; 0 returns to
// BestTarget() and the extras LINNET_TARGET allows. For tests and benchmarks: not to be called
// while another thread fetches tables.
void ForceTarget(int64_t target);
// From now on no more than 'most' of the target's extras, until the next ForceTarget.
void LimitExtras(Extras most);

// The target for which tables are fetched now.
int64_t CurrentTarget();
Extras CurrentExtras();

namespace internal {
// Runs before main in every program that contains a kernel.
inline const bool kTargetChosen = (ForceTarget(0), true);
}  // namespace internal

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_TARGETS_H_
