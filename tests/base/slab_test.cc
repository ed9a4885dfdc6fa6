#include "base/slab.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "base/tensor.h"

namespace linnet {
namespace {

bool IsZero(const void* memory, size_t bytes) {
  const auto* p = static_cast<const std::byte*>(memory);
  for (size_t i = 0; i < bytes; ++i) {
    if (p[i] != std::byte{0}) return false;
  }
  return true;
}

TEST(Slab, ArraysAreZeroAlignedAndApart) {
  const SlabScope scope;
  const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 100000, 3 << 20, 5, 40 << 20, 7, 1 << 20};
  std::vector<std::shared_ptr<void>> arrays;
  for (const size_t bytes : sizes) {
    arrays.push_back(AllocateAligned(bytes));
    ASSERT_EQ(reinterpret_cast<uintptr_t>(arrays.back().get()) % Tensor::kAlignment, 0u);
    EXPECT_TRUE(IsZero(arrays.back().get(), bytes)) << bytes;
    std::memset(arrays.back().get(), 0x55, bytes);
  }
  for (size_t i = 0; i < arrays.size(); ++i) {
    for (size_t j = 0; j < arrays.size(); ++j) {
      const auto* a = static_cast<std::byte*>(arrays[i].get());
      const auto* b = static_cast<std::byte*>(arrays[j].get());
      EXPECT_TRUE(i == j || a + sizes[i] <= b || b + sizes[j] <= a) << i << " " << j;
    }
  }
}

TEST(Slab, NeighboursInMemory) {
  const SlabScope scope;
  const Tensor a({16}), b({16});
  EXPECT_EQ(a.data() + 16, b.data());
}

TEST(Slab, OutlivesItsScope) {
  Tensor kept;
  {
    const SlabScope scope;
    const Tensor gone({1000});
    kept = Tensor({1000});
    kept.data()[999] = 3;
  }
  EXPECT_EQ(kept.data()[999], 3);
  EXPECT_EQ(AllocateFromSlab(64), nullptr);
}

TEST(Slab, IsOfOneThread) {
  const SlabScope scope;
  std::thread([] { EXPECT_EQ(AllocateFromSlab(64), nullptr); }).join();
  EXPECT_NE(AllocateFromSlab(64), nullptr);
}

}  // namespace
}  // namespace linnet
