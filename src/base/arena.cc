#include "base/arena.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/tensor.h"

namespace linnet {
namespace {

size_t RoundUp(size_t bytes) {
  return (bytes + Tensor::kAlignment - 1) / Tensor::kAlignment * Tensor::kAlignment;
}

bool Overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

ArenaPlan PlanArena(std::span<const Lifetime> buffers) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  ArenaPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<size_t> placed;  // by ascending offset
  for (const size_t i : order) {
    const size_t bytes = RoundUp(buffers[i].bytes);
    size_t offset = 0;
    for (const size_t other : placed) {
      if (!Overlap(buffers[i], buffers[other])) continue;
      if (offset + bytes <= plan.offsets[other]) break;
      offset = std::max(offset, plan.offsets[other] + RoundUp(buffers[other].bytes));
    }
    plan.offsets[i] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    const auto place = std::upper_bound(placed.begin(), placed.end(), i, [&](size_t a, size_t b) {
      return plan.offsets[a] < plan.offsets[b];
    });
    placed.insert(place, i);
  }
  return plan;
}

size_t PeakBytes(std::span<const Lifetime> buffers) {
  std::map<int, ptrdiff_t> change;
  for (const Lifetime& buffer : buffers) {
    change[buffer.first] += static_cast<ptrdiff_t>(buffer.bytes);
    change[buffer.last + 1] -= static_cast<ptrdiff_t>(buffer.bytes);
  }
  ptrdiff_t now = 0, peak = 0;
  for (const auto& [step, delta] : change) peak = std::max(peak, now += delta);
  return static_cast<size_t>(peak);
}

}  // namespace linnet
