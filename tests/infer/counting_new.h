// Counts allocations of the whole test program: operator new, and malloc where glibc's names can be
// interposed. Include in one file of the program only.
#ifndef LINNET_TESTS_INFER_COUNTING_NEW_H_
#define LINNET_TESTS_INFER_COUNTING_NEW_H_

#include <atomic>
#include <cstdlib>
#include <new>

namespace linnet::testing {
inline std::atomic<long> allocations{0};
}  // namespace linnet::testing

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

// The sanitizers own malloc; operator new can still be replaced.
inline void* CountedAllocate(std::size_t size, std::size_t alignment) {
  ++linnet::testing::allocations;
  const std::size_t rounded = (size + alignment) / alignment * alignment;
  void* p = std::aligned_alloc(alignment, rounded);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void* operator new(std::size_t size) { return CountedAllocate(size, 16); }
void* operator new[](std::size_t size) { return CountedAllocate(size, 16); }
// std::stable_sort's buffer.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++linnet::testing::allocations;
  return std::aligned_alloc(16, (size + 16) / 16 * 16);
}
void* operator new(std::size_t size, std::align_val_t a) {
  return CountedAllocate(size, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

#elif defined(__GLIBC__)

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
  ++linnet::testing::allocations;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++linnet::testing::allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* p, size_t size) {
  ++linnet::testing::allocations;
  return __libc_realloc(p, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  ++linnet::testing::allocations;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** p, size_t alignment, size_t size) {
  ++linnet::testing::allocations;
  *p = __libc_memalign(alignment, size);
  return *p == nullptr ? 12 : 0;
}
}

#endif

#endif  // LINNET_TESTS_INFER_COUNTING_NEW_H_
