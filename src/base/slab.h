// Slabs: what lives and dies together lies together.
//
// A network's packed weights are a hundred arrays of a few kilobytes to a few megabytes, all of
// which every run reads once from end to end. In pages of 4 KB each of them begins with misses of
// the TLB, and the processor's prefetching stops at the end of every page. So a Plan has them side
// by side in a few blocks of huge pages.
#ifndef LINNET_BASE_SLAB_H_
#define LINNET_BASE_SLAB_H_

#include <cstddef>
#include <memory>

namespace linnet {

// While it lives, AllocateAligned (base/tensor.h), and with it Tensor, gives this thread memory
// from blocks that all allocations share. A block is given back when the last of them is: for
// allocations of one owner. Scopes do not nest.
class SlabScope {
 public:
  SlabScope();
  ~SlabScope();
  SlabScope(const SlabScope&) = delete;
  SlabScope& operator=(const SlabScope&) = delete;
};

// Zero-filled memory of this thread's scope, aligned to a cache line; null where there is no scope.
std::shared_ptr<void> AllocateFromSlab(size_t bytes);

}  // namespace linnet

#endif  // LINNET_BASE_SLAB_H_
