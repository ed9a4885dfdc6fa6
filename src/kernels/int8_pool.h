// Pooling of bytes: maximum and average over windows, and over whole maps. Integer only; one
// answer, bit for bit, on every instruction set and for any number of threads. Windows as in
// pool.h.
#ifndef LINNET_KERNELS_INT8_POOL_H_
#define LINNET_KERNELS_INT8_POOL_H_

#include <cstdint>
#include <vector>

#include "base/quantization.h"
#include "base/thread_pool.h"
#include "kernels/int8_requantize.h"
#include "kernels/pool.h"

namespace linnet::kernels {

// src [n, h, w, c] -> dst [n, out_h, out_w, c], with src's quantization. A window that has no
// element of the map gives its zero point.
void MaxPoolInt8(const PoolShape& shape, const Quantization& q, const uint8_t* src, uint8_t* dst,
                 ThreadPool* pool);

// Pixels whose sum fits in 32 bits.
inline constexpr int64_t kMostAveraged = (1 << 23) - 1;

// The mean of each window of at most kMostAveraged pixels, rounded to dst's quantization by the rule
// of int8_requantize.h.
class AveragePoolInt8 {
 public:
  AveragePoolInt8(const PoolShape& shape, const Quantization& src, const Quantization& dst);
  void Run(const uint8_t* src, uint8_t* dst, ThreadPool* pool) const;

 private:
  Requantizer MakeFor(int64_t count) const;

  PoolShape shape_;
  Quantization src_;
  Int8Output output_;
  double scale_;  // of the sum of one element
  // Of 1, 2, ... elements that the mean is taken of, up to the map's; a window may have more, all
  // but these padding.
  std::vector<Requantizer> by_count_;
};

// Over whole maps: src [n, pixels, c] -> dst [n, c].
class GlobalAverageInt8 {
 public:
  GlobalAverageInt8(const GlobalPoolShape& shape, const Quantization& src, const Quantization& dst);
  void Run(const uint8_t* src, uint8_t* dst, ThreadPool* pool) const;

 private:
  GlobalPoolShape shape_;
  Quantization src_;
  Int8Output output_;
  Requantizer requantizer_;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_POOL_H_
