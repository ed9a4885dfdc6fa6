// The bfloat16 loops of one instruction set, as a table of functions. Private to the kernels
// folder.
//
// A product is made of blocks of 32 rows by 32 columns, the four registers of sums that tiles have
// for it; every instruction set takes the same packed numbers.
//
//   A  rows of steps of 32 numbers, read where they lie
//   B  a panel of 32 columns: [steps][column tiles][16 pairs of terms][16 columns][2], as
//      TDPBF16PS and VDPBF16PS take it
//
// Split products (bf16x3) take each float32 as the sum of two bfloat16, x = high + low, and leave
// out low * low: the error is about 2^-16 of the terms. A's low parts lie 'a_low' numbers behind
// the high ones, B's tiles of low parts behind those of the high ones of the same step. Where
// weights come from far, a low part of B is a byte, in units of 2^-15 of the high one's power of
// two: three bytes a weight are read, not four, and bfloat16 is made of the byte beside the first
// block's products.
#ifndef LINNET_KERNELS_BF16_KERNELS_H_
#define LINNET_KERNELS_BF16_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "base/activation.h"
#include "base/bfloat16.h"
#include "kernels/depthwise_cut.h"

namespace linnet::kernels {

inline constexpr int64_t kBf16Step = 32;   // terms of a step
inline constexpr int64_t kBf16Tile = 16;   // rows, or columns, of a tile
inline constexpr int64_t kBf16Block = 32;  // rows, or columns, of a block

// Sixteen rows of A, or fewer: numbers of rows past the last one are read and of no matter.
struct Bf16Rows {
  int64_t rows = 0;
  const bfloat16_t* a = nullptr;  // step s at a + offsets[s]
  int64_t stride = 0;             // numbers from one row to the next
  // The last step of rows whose numbers end in the middle of it: copied, zeros behind, rows 32
  // numbers apart. Null: as the other steps.
  const bfloat16_t* tail = nullptr;
};

struct Bf16BlockArgs {
  Bf16Rows a[2];  // the second may have none
  int64_t cols = 0;
  int64_t steps = 0;
  const int64_t* offsets = nullptr;  // [steps]
  int64_t a_low = 0;                 // of split products
  const bfloat16_t* b = nullptr;     // 64-byte aligned
  int64_t b_step = 0;                // numbers from one step to the next
  // Of split products: the low parts of B; if 'narrow' is not null, they are made of it first,
  // whose steps lie as far apart as b's.
  const bfloat16_t* b_low = nullptr;
  int64_t b_low_step = 0;
  const int8_t* narrow = nullptr;
  bfloat16_t* widened = nullptr;  // b_low
  void (*widen)(int64_t n, const bfloat16_t* high, const int8_t* narrow, bfloat16_t* low) = nullptr;
  // Lines of 64 bytes that will be read soon, asked for along the way.
  const bfloat16_t* next = nullptr;
  int64_t next_lines = 0;
  float* sums = nullptr;  // [32][32], 64-byte aligned
};

// What becomes of some rows of sums. Pointers are to their first row and column.
struct Bf16FinishArgs {
  const float* sums = nullptr;
  int64_t rows = 0, cols = 0;
  const float* bias = nullptr;     // [cols], or none
  const void* residual = nullptr;  // added before the activation, or none
  int64_t residual_stride = 0;     // numbers from one row to the next
  Activation act = Activation::kIdentity;
  float alpha = 0;
  void* dst = nullptr;
  int64_t dst_stride = 0;
};

struct Bf16Kernels {
  const char* target;
  void (*product)(const Bf16BlockArgs&);
  void (*split_product)(const Bf16BlockArgs&);
  // [residual is bfloat16][dst is bfloat16]
  void (*finish[2][2])(const Bf16FinishArgs&);
  // Around the blocks of a task, in its thread; or null.
  void (*begin)();
  void (*end)();

  void (*to_bf16)(int64_t n, const float* src, bfloat16_t* dst);
  void (*to_float)(int64_t n, const bfloat16_t* src, float* dst);
  // high[i] + low[i] = src[i], but for the last bits.
  void (*split)(int64_t n, const float* src, bfloat16_t* high, bfloat16_t* low);
  // low[i] = narrow[i] * 2^-15 * the power of two of high[i]; n: a multiple of 32.
  void (*widen)(int64_t n, const bfloat16_t* high, const int8_t* narrow, bfloat16_t* low);
  void (*copy)(int64_t n, const bfloat16_t* src, bfloat16_t* dst);
  // dst = act(a + scale * b); b may be null
  void (*add)(int64_t n, const bfloat16_t* a, const bfloat16_t* b, float scale, Activation act,
              float alpha, bfloat16_t* dst);
  // dst = a * b
  void (*mul)(int64_t n, const bfloat16_t* a, const bfloat16_t* b, bfloat16_t* dst);
  // dst = act(scale * src + shift)
  void (*scale_shift)(int64_t n, const bfloat16_t* src, const float* scale, const float* shift,
                      Activation act, float alpha, bfloat16_t* dst);
  // sums[i] += sum over r of src[r * stride + i]
  void (*sum_rows)(int64_t n, int64_t rows, int64_t stride, const bfloat16_t* src, float* sums);
  // dst[i] = the maximum of pixels[0..count)[i], or factor times their sum
  void (*max)(int64_t n, int64_t count, const bfloat16_t* const* pixels, bfloat16_t* dst);
  void (*sum)(int64_t n, int64_t count, const bfloat16_t* const* pixels, float factor,
              bfloat16_t* dst);
  // dst[2 i] = a[i], dst[2 i + 1] = b[i]
  void (*interleave)(int64_t n, const bfloat16_t* a, const bfloat16_t* b, bfloat16_t* dst);
  // Output rows [oy0, oy1) of one image, channels [c0, c1), where DepthwiseWalks holds for
  // 'largest_walk', spread or not (depthwise_cut.h).
  void (*depthwise_rows)(const Correlation&, const bfloat16_t* src, bfloat16_t* dst,
                         const bfloat16_t* residual, int64_t oy0, int64_t oy1, int64_t c0,
                         int64_t c1);
  int largest_walk;
};

// The table of the current target and extras (targets.h).
const Bf16Kernels* GetBf16Kernels();
// Those with AVX-512 BF16; null if the current target has none. Whether the processor does is
// CurrentExtras().
const Bf16Kernels* Bf16DotKernels();
// 'base' with products by tile registers, which the processor must have; null where there are none
// in this architecture.
const Bf16Kernels* Bf16AmxKernels(const Bf16Kernels& base);
// The same with their twin in plain C++.
const Bf16Kernels* EmulatedBf16AmxKernels(const Bf16Kernels& base);
// From now on GetBf16Kernels gives the twin of AMX in plain C++, so that packing, blocking and
// tails are tested on any machine. For tests.
void EmulateBf16Tiles(bool emulate);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_BF16_KERNELS_H_
