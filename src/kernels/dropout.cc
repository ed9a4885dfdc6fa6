// Dropout (elementwise.h).
#include <algorithm>
#include <array>

#include "base/rng.h"
#include "kernels/elementwise.h"
#include "kernels/elementwise_table.h"

namespace linnet::kernels {
namespace {

// Apart from the other streams of the same seed (base/rng.h).
constexpr uint64_t kStream = 0x64726f706f757421;

// Element 4 b + w is kept unless word w of Philox block b is below this.
uint64_t Threshold(float rate) { return static_cast<uint64_t>(static_cast<double>(rate) * 0x1p32); }

void DropoutRuns(int64_t count, float rate, uint64_t seed, const float* from, bool accumulate,
                 float* to, ThreadPool* pool) {
  const uint64_t threshold = Threshold(rate);
  const float scale = rate < 1 ? 1.0f / (1.0f - rate) : 0.0f;
  // Runs begin at multiples of four, so that none shares a Philox block with another.
  ForRuns(pool, count, [&](int64_t first, int64_t n) {
    for (int64_t i = first; i < first + n; i += 4) {
      const auto words = Philox(seed, static_cast<uint64_t>(i / 4), kStream);
      for (int64_t j = i; j < std::min(i + 4, first + n); ++j) {
        const float y = words[static_cast<size_t>(j - i)] >= threshold ? from[j] * scale : 0.0f;
        to[j] = accumulate ? to[j] + y : y;
      }
    }
  });
}

}  // namespace

bool DropoutKeeps(uint64_t seed, uint64_t index, float rate) {
  return Philox(seed, index / 4, kStream)[index % 4] >= Threshold(rate);
}

void Dropout(int64_t count, float rate, uint64_t seed, const float* x, float* y, ThreadPool* pool) {
  DropoutRuns(count, rate, seed, x, false, y, pool);
}

void DropoutBackward(int64_t count, float rate, uint64_t seed, const float* dy, bool accumulate,
                     float* dx, ThreadPool* pool) {
  DropoutRuns(count, rate, seed, dy, accumulate, dx, pool);
}

void DropPath(int64_t samples, int64_t each, float rate, uint64_t seed, const float* x,
              bool accumulate, float* y, ThreadPool* pool) {
  const ElementwiseTable& table = Elementwise();
  const float scale = 1.0f / (1.0f - rate);
  ParallelFor(pool, static_cast<size_t>(samples), [&](size_t n) {
    const int64_t at = static_cast<int64_t>(n) * each;
    if (DropoutKeeps(seed, n, rate)) {
      table.scale(each, x + at, scale, accumulate, y + at);
    } else if (!accumulate) {
      std::fill_n(y + at, each, 0.0f);
    }
  });
}

}  // namespace linnet::kernels
