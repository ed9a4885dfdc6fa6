// Memory for kernel tests that ends at a page which may not be touched: a read or write past the
// end is a crash, sanitizer or not. Before it stand guard values, checked on demand, and so do they
// in the bytes between the end and the page where alignment leaves some.
#ifndef LINNET_TESTS_KERNELS_GUARDED_BUFFER_H_
#define LINNET_TESTS_KERNELS_GUARDED_BUFFER_H_

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include "base/rng.h"

namespace linnet {

class GuardedBuffer {
 public:
  // 'count' floats, zero-filled; the last one ends 'slack' bytes before the forbidden page.
  explicit GuardedBuffer(size_t count, size_t slack = 0) : count_(count) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t need = count * sizeof(float) + slack + kGuards * sizeof(float);
    const size_t usable = (need + page - 1) / page * page;
    bytes_ = usable + page;
    base_ = static_cast<char*>(
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED) throw std::bad_alloc();
    mprotect(base_ + usable, page, PROT_NONE);
    data_ = reinterpret_cast<float*>(base_ + usable - slack - count * sizeof(float));
    std::fill(data_ - kGuards, data_, kGuardValue);
    slack_ = {reinterpret_cast<unsigned char*>(data_ + count), slack};
    std::fill(slack_.begin(), slack_.end(), kGuardByte);
  }
  // 64-byte aligned, for packed weights and scratch of that many bytes.
  static GuardedBuffer Aligned(size_t bytes) {
    const size_t count = (bytes + 3) / 4;
    return GuardedBuffer(count, (64 - count * 4 % 64) % 64);
  }
  ~GuardedBuffer() { munmap(base_, bytes_); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  GuardedBuffer& Randomize(uint64_t seed, float low = -1, float high = 1) {
    Rng rng(seed);
    for (float& x : span()) x = rng.Uniform(low, high);
    return *this;
  }
  float* data() { return data_; }
  const float* data() const { return data_; }
  size_t size() const { return count_; }
  std::span<float> span() { return {data_, count_}; }
  std::span<const float> span() const { return {data_, count_}; }
  float& operator[](size_t i) { return data_[i]; }
  float operator[](size_t i) const { return data_[i]; }
  bool GuardsIntact() const {
    return std::all_of(data_ - kGuards, data_, [](float x) { return x == kGuardValue; }) &&
           std::all_of(slack_.begin(), slack_.end(), [](int byte) { return byte == kGuardByte; });
  }

 private:
  static constexpr size_t kGuards = 64;
  static constexpr float kGuardValue = -12345.75f;
  static constexpr unsigned char kGuardByte = 0xA5;
  size_t count_, bytes_;
  char* base_;
  float* data_;
  std::span<unsigned char> slack_;
};

}  // namespace linnet

#endif  // LINNET_TESTS_KERNELS_GUARDED_BUFFER_H_
