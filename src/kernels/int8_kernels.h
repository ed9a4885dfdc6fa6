// The int8 loops of one instruction set, as a table of functions. Private to the kernels folder.
//
// Order of channels. A panel is as many channels as a vector has bytes. Its int32 sums are
// 'vectors' vectors of 'lanes' sums; packing them to bytes (x86: packssdw, packuswb) works within
// blocks of 16 bytes, so the channels of a panel are dealt to the sums so that the bytes come out
// in order: sum vector j, block b, element i is channel 4 vectors b + 4 j + i (ChannelOfSum).
// Weights, bias and shifts are packed in this order; multipliers in that of the vectors between, of
// int16 (ChannelOfWord). Unpacking bytes to 4-byte groups gives the same order, by which the
// depthwise kernels have it for free.
#ifndef LINNET_KERNELS_INT8_KERNELS_H_
#define LINNET_KERNELS_INT8_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/int8_requantize.h"

namespace linnet::kernels {

// What brings the sums of channels back to bytes; panel p of a layer begins at [p * panel]. 64-byte
// aligned.
struct Int8Channels {
  const int32_t* bias = nullptr;        // Half() included, if it goes to bytes; in order of sums
  const int32_t* left = nullptr;        // in order of sums; null if all are 0
  const int32_t* shift = nullptr;       // in order of sums
  const int16_t* multiplier = nullptr;  // in order of words
  const float* scale = nullptr;         // in order of channels
};

// One tile of a matrix product: 'rows' rows by one panel of 'vectors' vectors.
struct Int8Kernels;
struct Int8TileArgs {
  const Int8Kernels* base = nullptr;  // Int8Kernels::base, for tile registers
  int64_t rows = 0;                   // that the function's name has, too
  const uint8_t* const* a = nullptr;  // a[t * a_stride + i]: row i as tap t sees it, 4 quads bytes
  int64_t a_stride = 0;               // pointers from one tap to the next
  int64_t taps = 1;
  int64_t quads = 0;          // groups of four bytes a tap; weights of bytes past its end are 0
  const int8_t* b = nullptr;  // [taps][quads][vectors * lanes][4], 64-byte aligned
  int64_t cols = 0;           // channels that exist, in the last vector at least one
  Int8Channels channels;      // of the panel
  const Int8Output* output = nullptr;  // its table is not applied
  const uint8_t* residual = nullptr;   // row i at residual + i * dst_stride
  uint8_t* dst = nullptr;              // row i at dst + i * dst_stride
  int64_t dst_stride = 0;
  int32_t* sums = nullptr;  // of tile_sums: sums[i * panel + ...] with bias, in order of sums
};

// What a tile register has in a row: 16 quads.
inline constexpr int64_t kStepBytes = 64, kStepQuads = 16;

// A register's rows of A for one step: row i at from + i * stride.
struct RegisterRows {
  const uint8_t* from = nullptr;
  int64_t stride = 0;
};

// A panel for the rows of two registers, or of one, by tile registers.
struct Int8RegisterArgs {
  Int8TileArgs tile;  // of these rows; a, taps and quads say nothing
  int rows = 0;       // of a register
  int64_t steps = 0;
  const RegisterRows* a = nullptr;  // [1 or 2][steps]
};
class RegisterWork;  // int8_register_work.h

// columns x panel: out[x * out_step + 4 * position + t] = row[0][t][x * step[0][t] + channel], by
// the order of sums; channels in [cols, panel) are any numbers. With 'twice', cols is at most half
// a panel, and its upper half has the same channels of row[1]. A step is 0 for padding, and else
// the same for all rows.
struct InterleaveArgs {
  const uint8_t* row[2][4] = {};
  int64_t step[2][4] = {};
  bool twice = false;
  int64_t columns = 0, cols = 0;
  uint8_t* out = nullptr;
  int64_t out_step = 0;
};

// pixels of one row of a depthwise convolution: sum over t of the interleaved bytes
// a[x * a_step + 4 * panel * t + ...] with b[4 * panel * t + ...].
struct DepthwiseRowArgs {
  const uint8_t* a = nullptr;
  int64_t a_step = 0, pixels = 0, taps = 0;
  const int8_t* b = nullptr;
  int64_t cols = 0;
  Int8Channels channels;
  const Int8Output* output = nullptr;  // its table is not applied
  const uint8_t* residual = nullptr;   // pixel x at residual + x * dst_step
  uint8_t* dst = nullptr;
  int64_t dst_step = 0;
  // If not 0, the upper half of the panel is another pixel, so many bytes behind; no residual then.
  int64_t second = 0;
};

// rows x n: dst[r * dst_stride + i] = table[src[r * src_stride + i]]
struct LookupArgs {
  int64_t rows = 1, n = 0;
  const uint8_t* table = nullptr;  // [256]
  const uint8_t* src = nullptr;
  int64_t src_stride = 0;
  uint8_t* dst = nullptr;
  int64_t dst_stride = 0;
};

// dst[i] = the maximum of src[y * row_stride + x * n + i] over y < rows and x < columns
struct MaxArgs {
  int64_t n = 0, rows = 0, columns = 0, row_stride = 0;
  const uint8_t* src = nullptr;
  uint8_t* dst = nullptr;
};

struct Int8Kernels {
  static constexpr int kVectors = 4;  // sum vectors of a whole panel
  static constexpr int kMaxRows = 32;

  const char* target;
  int lanes;               // int32 in a vector
  int offset;              // taken from each activation before it is multiplied
  int rows[kVectors + 1];  // [v]: rows of the largest tile with v vectors
  void (*tile[kVectors + 1][kMaxRows + 1])(const Int8TileArgs&);  // [vectors][rows]
  void (*tile_sums[kVectors + 1])(const Int8TileArgs&);           // [vectors]: one row
  // What a tile does with 'rows' rows of sums that tile registers made, bias included:
  // [vectors][kMaxRows][lanes], in order of sums. Null where there is no vector code.
  void (*finish[kVectors + 1])(const Int8TileArgs&, const int32_t* sums);
  // Tile registers, null where there are none: [vectors]. Around those of a task, in its thread,
  // stand begin(rows of a register) and end().
  void (*registers[kVectors + 1])(const Int8RegisterArgs&, RegisterWork&);
  void (*begin)(int rows);
  void (*end)();
  const Int8Kernels* base;  // the vectors beside tile registers; null where there are none
  int64_t step_bytes;       // the bytes of a channel's packed weights are a multiple of this
  // Independent dot products in registers: the most that tiles of vectors could do. 'macs' receives
  // how many multiply-adds there were. Null without dot-product instructions.
  int32_t (*dot_rounds)(int rounds, double* macs);
  void (*interleave)(const InterleaveArgs&);
  void (*depthwise_row)(const DepthwiseRowArgs&);

  // Runs of n elements, as int8_elementwise.h has them.
  void (*quantize)(int64_t n, float inverse_scale, int zero_point, const float* src, uint8_t* dst);
  void (*dequantize)(int64_t n, const Quantization& q, const uint8_t* src, float* dst);
  void (*lookup)(const LookupArgs&);
  void (*add)(int64_t n, const ByteTerm& a_term, const ByteTerm& b_term, const Int8Output& output,
              const uint8_t* a, const uint8_t* b, uint8_t* dst);
  // Of rows of n elements, 'stride' apart. The term of element i has
  // multiplier[WidenedPosition(lanes, i)], of [n rounded up to panels].
  void (*scale)(int64_t rows, int64_t n, int64_t stride, const ByteTerm& term,
                const int16_t* multiplier, const Int8Output& output, const uint8_t* src,
                uint8_t* dst);
  // sums[i] += sum over r of src[r * stride + i]
  void (*sum_rows)(int64_t n, int64_t rows, int64_t stride, const uint8_t* src, int32_t* sums);
  void (*max)(const MaxArgs&);
  // dst[2 i] = a[i], dst[2 i + 1] = b[i]
  void (*zip)(int64_t n, const uint8_t* a, const uint8_t* b, uint8_t* dst);
  // dst[i] = the requantized sums[i] + bias
  void (*requantize)(int64_t n, int32_t bias, const Requantizer& requantizer,
                     const Int8Output& output, const int32_t* sums, uint8_t* dst);

  int panel() const { return kVectors * lanes; }
};

// The table of the current target and extras (targets.h).
const Int8Kernels* GetInt8Kernels();
// The same in plain C++, for the target without vectors.
const Int8Kernels* PortableInt8Kernels();
// Those with dot-product instructions, of the current target; null if it knows none. Whether the
// processor does is CurrentExtras().
const Int8Kernels* Int8DotKernels();
// Those of AMX, which the processor must have: 'base' with tiles of registers, or null if 'base' is
// not of AVX-512.
const Int8Kernels* Int8AmxKernels(const Int8Kernels& base);
// Their twin in plain C++.
const Int8Kernels* EmulatedInt8AmxKernels(const Int8Kernels& base);
// From now on GetInt8Kernels gives the twin of AMX in plain C++ where the current target is
// AVX-512, so that packing, blocking and tails are tested on any machine. For tests.
void EmulateInt8Tiles(bool emulate);
// Table lookup by AVX-512 VBMI; null where the processor has none.
using LookupFunction = void (*)(const LookupArgs&);
LookupFunction VbmiLookup();

// Where element 'i' is among the int16 that whole panels of bytes are widened to: of each block of
// 16, the lower half goes to the first vector and the upper half to the second one.
inline int64_t WidenedPosition(int64_t lanes, int64_t i) {
  const int64_t panel = Int8Kernels::kVectors * lanes, within = i & (panel - 1);
  return i - within + within % 16 / 8 * (panel / 2) + within / 16 * 8 + within % 8;
}

// The channel of a panel of 'vectors' vectors whose sum is at position 'p'.
inline int64_t ChannelOfSum(int64_t lanes, int64_t vectors, int64_t p) {
  const int64_t vector = p / lanes, within = p % lanes;
  return within / 4 * 4 * vectors + 4 * vector + within % 4;
}

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_KERNELS_H_
