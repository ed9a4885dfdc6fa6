#include "kernels/targets.h"

#include <hwy/targets.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace linnet::kernels {
namespace {

// Highway's mock of the supported targets must not show here, so the list is made once, before any
// mock.
std::vector<int64_t> FindTargets() {
  hwy::SetSupportedTargetsForTest(0);
  return hwy::SupportedAndGeneratedTargets();
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

int64_t ChooseBest() {
  const std::vector<int64_t> targets = Targets();
  const char* wanted = std::getenv("LINNET_TARGET");
  if (wanted == nullptr || *wanted == '\0') return targets.front();
  const int64_t limit = TargetByName(Upper(wanted));
  const auto found = std::find_if(targets.begin(), targets.end(),
                                  [&](int64_t target) { return limit != 0 && target >= limit; });
  const int64_t chosen = found == targets.end() ? targets.front() : *found;
  if (chosen != limit) {
    std::fprintf(stderr, "LINNET_TARGET=%s: not available here, using %s\n", wanted,
                 TargetName(chosen));
  }
  return chosen;
}

int64_t g_current = 0;

}  // namespace

std::vector<int64_t> Targets() {
  static const std::vector<int64_t> targets = FindTargets();
  return targets;
}

int64_t BestTarget() {
  static const int64_t best = ChooseBest();
  return best;
}

const char* TargetName(int64_t target) { return hwy::TargetName(target); }

void ForceTarget(int64_t target) {
  g_current = target == 0 ? BestTarget() : target;
  hwy::SetSupportedTargetsForTest(g_current);
  hwy::GetChosenTarget().Update(g_current);
}

int64_t CurrentTarget() { return g_current; }

}  // namespace linnet::kernels
