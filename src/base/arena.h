// Arena: buffers that live at different times share one block of memory.
#ifndef LINNET_BASE_ARENA_H_
#define LINNET_BASE_ARENA_H_

#include <cstddef>
#include <span>
#include <vector>

namespace linnet {

// A buffer of 'bytes', in use from step 'first' to step 'last', both included.
struct Lifetime {
  int first = 0;
  int last = 0;
  size_t bytes = 0;
};

struct ArenaPlan {
  std::vector<size_t> offsets;  // by buffer, each a multiple of 64
  size_t bytes = 0;
};

// Greedy by size (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference",
// 2001.03288, sec. 5): the largest buffers first, each at the lowest offset free during its life.
// Where that leaves holes, which with chains of large maps it does, the buffer that ends highest is
// placed first, and so on for some tries; the best is taken.
ArenaPlan PlanArena(std::span<const Lifetime> buffers);

// The most bytes in use at any one step: no arena can be smaller.
size_t PeakBytes(std::span<const Lifetime> buffers);

}  // namespace linnet

#endif  // LINNET_BASE_ARENA_H_
