#include "kernels/targets.h"

#include <hwy/targets.h>

#if HWY_ARCH_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif HWY_ARCH_ARM_A64
#include <sys/auxv.h>
#endif

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace linnet::kernels {
namespace {

// Highway's mock of the supported targets must not show here, so the list is made once, before any
// mock.
const std::vector<int64_t>& FoundTargets() {
  static const std::vector<int64_t> found = [] {
    hwy::SetSupportedTargetsForTest(0);
    return hwy::SupportedAndGeneratedTargets();
  }();
  return found;
}

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// The bit whose name it is, compiled or not; 0 if there is none.
int64_t TargetByName(const std::string& name) {
  for (int bit = 0; bit < 63; ++bit) {
    if (name == hwy::TargetName(int64_t{1} << bit)) return int64_t{1} << bit;
  }
  return 0;
}

// What LINNET_TARGET allows, or the best.
struct Choice {
  int64_t target;
  Extras extras;
};

// "AVX3_BF16" -> AVX3 and kBf16.
Choice ParseChoice(const std::string& name) {
  for (const Extras extras : {Extras::kVnni, Extras::kBf16, Extras::kAmx}) {
    const std::string suffix = "_" + Upper(kExtrasNames[static_cast<int>(extras)]);
    if (!name.ends_with(suffix)) continue;
    return {TargetByName(name.substr(0, name.size() - suffix.size())), extras};
  }
  return {TargetByName(name), Extras::kNone};
}

Choice ChooseBest() {
  const std::vector<int64_t> targets = Targets();
  const Choice best = {targets.front(), MachineExtras(targets.front())};
  const char* text = std::getenv("LINNET_TARGET");
  if (text == nullptr || *text == '\0') return best;
  const Choice limit = ParseChoice(Upper(text));
  const auto found = std::find_if(targets.begin(), targets.end(), [&](int64_t target) {
    return limit.target != 0 && target >= limit.target;
  });
  Choice chosen = best;
  if (found != targets.end()) chosen = {*found, std::min(limit.extras, MachineExtras(*found))};
  if (chosen.target != limit.target || chosen.extras != limit.extras) {
    std::fprintf(stderr, "LINNET_TARGET=%s: not available here, using %s with extras '%s'\n", text,
                 TargetName(chosen.target), kExtrasNames[static_cast<int>(chosen.extras)]);
  }
  return chosen;
}

const Choice& Best() {
  static const Choice best = ChooseBest();
  return best;
}

#if HWY_ARCH_X86
// CPUID's leaf 7, by Intel's manual, volume 2A.
struct Features {
  unsigned ecx0 = 0, edx0 = 0, eax1 = 0;
};
Features ReadFeatures() {
  Features features;
  unsigned eax, ebx, ecx, edx;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) features.ecx0 = ecx, features.edx0 = edx;
  if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) features.eax1 = eax;
  return features;
}

// Tiles take 8 KB of a thread's state, so Linux gives them to a process that asks
// (Documentation/arch/x86/xstate.rst).
bool MayUseTiles() {
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileState = 3u << 17;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return (low & kTileState) == kTileState &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

Extras ReadAvx512Extras() {
  constexpr unsigned kVnni = 1u << 11, kBf16 = 1u << 5;
  constexpr unsigned kTiles = 1u << 24 | 1u << 25 | 1u << 22;  // AMX-TILE, AMX-INT8, AMX-BF16
  const Features features = ReadFeatures();
  if ((features.ecx0 & kVnni) == 0) return Extras::kNone;
  if ((features.eax1 & kBf16) == 0) return Extras::kVnni;
  return (features.edx0 & kTiles) == kTiles && MayUseTiles() ? Extras::kAmx : Extras::kBf16;
}

Extras ReadExtras(int64_t target) {
  constexpr unsigned kAvxVnni = 1u << 4;
  if (target == HWY_AVX2) return ReadFeatures().eax1 & kAvxVnni ? Extras::kVnni : Extras::kNone;
  return target <= HWY_AVX3 ? ReadAvx512Extras() : Extras::kNone;
}
#elif HWY_ARCH_ARM_A64
Extras ReadExtras(int64_t) {
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 ? Extras::kVnni : Extras::kNone;
}
#else
Extras ReadExtras(int64_t) { return Extras::kNone; }
#endif

int64_t g_current = 0;
Extras g_extras = Extras::kNone;

}  // namespace

std::vector<int64_t> Targets() {
  return MachineHasTarget() ? FoundTargets() : std::vector<int64_t>{HWY_STATIC_TARGET};
}

bool MachineHasTarget() { return !FoundTargets().empty(); }

int64_t BestTarget() { return Best().target; }

const char* TargetName(int64_t target) { return hwy::TargetName(target); }

Extras MachineExtras(int64_t target) { return ReadExtras(target); }

void ForceTarget(int64_t target) {
  g_current = target == 0 ? Best().target : target;
  g_extras = target == 0 ? Best().extras : MachineExtras(target);
  // Highway's choice is that of the whole process, which may have other users of it: only what is
  // less than the best needs a mock.
  const std::vector<int64_t>& found = FoundTargets();
  const bool best = found.empty() || g_current == found.front();
  hwy::SetSupportedTargetsForTest(best ? 0 : g_current);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

void LimitExtras(Extras most) { g_extras = std::min(most, MachineExtras(g_current)); }

int64_t CurrentTarget() { return g_current; }
Extras CurrentExtras() { return g_extras; }

}  // namespace linnet::kernels
