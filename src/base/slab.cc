#include "base/slab.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/error.h"

namespace linnet {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLargestBlock = size_t{32} << 20;

struct Slab {
  bool open = false;
  std::shared_ptr<std::byte> block;
  size_t used = 0, size = 0;
  size_t next_size = kHugePage;  // doubles: a small network takes one huge page
};
thread_local Slab slab;

// Pages that are never touched take no memory.
void OpenBlock(size_t least) {
  const size_t size = std::max(slab.next_size, (least + kHugePage - 1) / kHugePage * kHugePage);
  void* memory = std::aligned_alloc(kHugePage, size);
  if (memory == nullptr) throw std::bad_alloc();
#ifdef __linux__
  // Advice: where the system has no huge pages to give, nothing changes.
  madvise(memory, size, MADV_HUGEPAGE);
#endif
  slab.block = {static_cast<std::byte*>(memory), std::free};
  slab.used = 0;
  slab.size = size;
  slab.next_size = std::min(2 * slab.next_size, kLargestBlock);
}

}  // namespace

SlabScope::SlabScope() {
  Check(!slab.open, "a SlabScope within another one");
  slab.open = true;
}

SlabScope::~SlabScope() { slab = Slab(); }

std::shared_ptr<void> AllocateFromSlab(size_t bytes) {
  if (!slab.open) return nullptr;
  const size_t rounded = std::max(kLine, (bytes + kLine - 1) / kLine * kLine);
  if (slab.used + rounded > slab.size) OpenBlock(rounded);
  std::byte* memory = slab.block.get() + slab.used;
  slab.used += rounded;
  std::memset(memory, 0, rounded);
  return {slab.block, memory};
}

}  // namespace linnet
