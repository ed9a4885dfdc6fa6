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

// Each buffer, in this order, at the lowest offset that is free during its life.
ArenaPlan PlaceInOrder(std::span<const Lifetime> buffers, const std::vector<size_t>& order) {
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

// The buffer that ends highest.
size_t Topmost(std::span<const Lifetime> buffers, const ArenaPlan& plan) {
  size_t top = 0;
  const auto end = [&](size_t i) { return plan.offsets[i] + RoundUp(buffers[i].bytes); };
  for (size_t i = 1; i < buffers.size(); ++i) {
    if (end(i) > end(top)) top = i;
  }
  return top;
}

}  // namespace

ArenaPlan PlanArena(std::span<const Lifetime> buffers) {
  constexpr int kTries = 32;
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  const size_t enough = PeakBytes(buffers) + PeakBytes(buffers) / 50;
  ArenaPlan best = PlaceInOrder(buffers, order);
  ArenaPlan plan = best;
  for (int i = 0; i < kTries && best.bytes > enough; ++i) {
    const auto top = std::find(order.begin(), order.end(), Topmost(buffers, plan));
    if (top == order.begin()) break;
    std::rotate(order.begin(), top, top + 1);
    plan = PlaceInOrder(buffers, order);
    if (plan.bytes < best.bytes) best = plan;
  }
  return best;
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
