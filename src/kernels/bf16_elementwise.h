// What is done to values of bfloat16 beside products: sums, pooling, batch norm, moves. Arithmetic
// is float32, results are rounded once. Rows (pixels) lie so many numbers apart. The same bits for
// any number of threads.
#ifndef LINNET_KERNELS_BF16_ELEMENTWISE_H_
#define LINNET_KERNELS_BF16_ELEMENTWISE_H_

#include <cstddef>
#include <cstdint>

#include "base/activation.h"
#include "base/bfloat16.h"
#include "base/thread_pool.h"
#include "kernels/depthwise.h"
#include "kernels/pool.h"

namespace linnet::kernels {

void ToBf16Forward(int64_t n, const float* src, bfloat16_t* dst, ThreadPool* pool);
void FromBf16Forward(int64_t n, const bfloat16_t* src, float* dst, ThreadPool* pool);

// y = act(a + scale * b); b may be null. y may be a or b.
void AddBf16(int64_t n, const bfloat16_t* a, const bfloat16_t* b, float scale, Activation act,
             float alpha, bfloat16_t* y, ThreadPool* pool);

// A map [rows, channels]: each of its rows, and of the result's, so many numbers from the next.
struct Bf16Map {
  int64_t rows = 0, channels = 0;
  int64_t x_stride = 0, y_stride = 0;
};
// y = x * gate, one gate [channels] for each 'rows_per_gate' rows; gates lie gate_stride apart. y
// may be x.
void MulGateBf16(const Bf16Map& map, int64_t rows_per_gate, const bfloat16_t* x,
                 const bfloat16_t* gate, int64_t gate_stride, bfloat16_t* y, ThreadPool* pool);
// y = act(scale * x + shift), scale and shift by channel. y may be x.
void ScaleShiftBf16(const Bf16Map& map, const bfloat16_t* x, const float* scale, const float* shift,
                    Activation act, float alpha, bfloat16_t* y, ThreadPool* pool);
// y[r] = x[r]
void CopyBf16(const Bf16Map& map, const bfloat16_t* x, bfloat16_t* y, ThreadPool* pool);
// As ChannelShuffle (channel_shuffle.h).
void ShuffleBf16(const Bf16Map& map, int64_t groups, const bfloat16_t* x, bfloat16_t* y,
                 ThreadPool* pool);

// y[n, c] = the mean over the pixels of x[n, pixel, c], which lie x_stride apart.
void GlobalAverageBf16(int64_t images, int64_t pixels, int64_t channels, const bfloat16_t* x,
                       int64_t x_stride, bfloat16_t* y, ThreadPool* pool);
// As MaxPoolForward and AveragePoolForward (pool.h); windows of at most kMaxBf16Window pixels.
inline constexpr int64_t kMaxBf16Window = 256;
void MaxPoolBf16(const PoolShape& shape, const bfloat16_t* x, bfloat16_t* y, ThreadPool* pool);
void AveragePoolBf16(const PoolShape& shape, const bfloat16_t* x, bfloat16_t* y, ThreadPool* pool);

// Depthwise convolution (depthwise.h), weights float32 as PackDepthwise packs them. 'residual':
// rows residual_stride numbers apart, or null. Only where Bf16DepthwiseRefuses has no reason: 3x3,
// and where the instruction set has registers enough 5x5, of stride 1 and 2, undilated; with relu,
// relu6, hard_swish, swish or no activation.
const char* Bf16DepthwiseRefuses(const DepthwiseShape& shape, Activation act);
void DepthwiseBf16(const DepthwiseShape& shape, const bfloat16_t* src, const float* packed,
                   const float* bias, Activation act, const bfloat16_t* residual,
                   int64_t residual_stride, bfloat16_t* dst, ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_BF16_ELEMENTWISE_H_
