// How depthwise work is cut, and the form in which its kernels take it. Internal to the kernels.
#ifndef LINNET_KERNELS_DEPTHWISE_CUT_H_
#define LINNET_KERNELS_DEPTHWISE_CUT_H_

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/depthwise.h"

namespace linnet::kernels {

// y[oy, ox] = act(sum over taps of x[oy*stride + k*dilation - pad] * w[k] + bias + residual), for
// each channel. Padding may be negative (the gradient of an input with much padding).
struct Correlation {
  int64_t in_h, in_w, out_h, out_w, c;
  int64_t x_pixel, y_pixel;  // floats from one pixel of the input, of the result, to the next
  int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int64_t pad_top, pad_left;
  const float* weights;  // tap 0
  int64_t tap;           // floats from one tap to the next; negative: reversed
  int64_t block;         // floats from kDepthwiseLanes channels to the next
  Epilogue epilogue;
  float bounds[2];      // the activation, where it is a clamp
  bool activate_after;  // any other one is applied to what was stored
};

// Packed weights are [channels / 16][taps][16], padded with zeros: whole vectors of any instruction
// set, and the taps of a channel side by side, however many channels there are.
inline constexpr int64_t kDepthwiseLanes = 16;
inline int64_t DepthwisePackedChannels(const DepthwiseShape& s) {
  return (s.out_c() + kDepthwiseLanes - 1) / kDepthwiseLanes * kDepthwiseLanes;
}
inline int64_t DepthwiseBlockFloats(const DepthwiseShape& s) {
  return int64_t{s.kernel_h} * s.kernel_w * kDepthwiseLanes;
}
// Where the taps of channel c begin, kDepthwiseLanes floats apart, for blocks of so many floats.
inline int64_t DepthwiseTaps(int64_t c, int64_t block) {
  return c / kDepthwiseLanes * block + c % kDepthwiseLanes;
}

// Channels that go together through the rows: at most 256, in equal blocks.
inline int64_t DepthwiseChannelBlock(int64_t c) {
  constexpr int64_t kMost = 256;
  const int64_t blocks = (c + kMost - 1) / kMost;
  const int64_t block = (c + blocks - 1) / blocks;
  return (block + kDepthwiseLanes - 1) / kDepthwiseLanes * kDepthwiseLanes;
}

// The forward pass, without an epilogue.
inline Correlation CorrelationOf(const DepthwiseShape& s, const float* packed) {
  return {.in_h = s.h,
          .in_w = s.w,
          .out_h = s.out_h,
          .out_w = s.out_w,
          .c = s.c,
          .x_pixel = s.src_pixel == 0 ? s.c : s.src_pixel,
          .y_pixel = s.dst_pixel == 0 ? s.c : s.dst_pixel,
          .kernel_h = s.kernel_h,
          .kernel_w = s.kernel_w,
          .stride_h = s.stride_h,
          .stride_w = s.stride_w,
          .dilation_h = s.dilation_h,
          .dilation_w = s.dilation_w,
          .pad_top = s.pad_top,
          .pad_left = s.pad_left,
          .weights = packed,
          .tap = kDepthwiseLanes,
          .block = DepthwiseBlockFloats(s)};
}

// A ring of kernel_h rows of 'columns' inputs and 'channels' channels, enough for 'outputs' columns
// of outputs. Runs of 128 channels, eight lines, are what it takes for the prefetcher to keep up;
// for wide kernels fewer, so that the columns that two strips share do not weigh.
struct DepthwiseRing {
  static constexpr int64_t kFloats = 6144;  // 24 KB: leaves room in 32 KB for taps and outputs
  int64_t channels, columns, outputs;
};
inline DepthwiseRing DepthwiseRingOf(const Correlation& a) {
  DepthwiseRing ring = {256, 0, 0};
  const int64_t wanted = std::min<int64_t>(a.in_w, a.kernel_w + 7 * a.stride_w);
  do {
    ring.channels /= 2;
    ring.columns = DepthwiseRing::kFloats / (ring.channels * a.kernel_h);
  } while (ring.columns < wanted && ring.channels > 32);
  ring.outputs = ring.columns >= a.in_w
                     ? a.out_w
                     : std::max<int64_t>((ring.columns - a.kernel_w) / a.stride_w + 1, 1);
  return ring;
}
// Whether the widths have kernels of their own, which take a segment of outputs at a time.
inline bool DepthwiseHasSegments(int kernel_w, int stride_w, int dilation_w) {
  return (kernel_w == 3 || kernel_w == 5) && stride_w <= 2 && dilation_w == 1;
}

// The runtime library is to be small: what tiles can do has no segments there.
#if LINNET_RUNTIME
inline constexpr bool kSegmentsBesideTiles = false;
#else
inline constexpr bool kSegmentsBesideTiles = true;
#endif

// Whether tiles walk over the map (depthwise_tile-inl.h), whose pixels should then spread.
// 'largest': the largest kernel for which the instruction set has tiles.
inline bool DepthwiseWalks(const Correlation& a, int largest) {
  const bool fits = DepthwiseHasSegments(a.kernel_w, a.stride_w, a.dilation_w) &&
                    a.kernel_h == a.kernel_w && a.stride_h == a.stride_w && a.dilation_h == 1;
  const bool spreads = DepthwiseSpreads(a.x_pixel) && DepthwiseSpreads(a.y_pixel);
  return fits && a.kernel_w <= largest && (spreads || !kSegmentsBesideTiles);
}

// Whether the lines that a walk of one vector over so many input rows meets are more than the
// first-level cache can hold of them, 512 or, where pixels of 2^k lines fall into few of its sets,
// 512 / 2^k. The walk of the next vector, which shares the lines, then finds none.
inline bool WalkOverflows(const Correlation& a, int64_t rows) {
  constexpr int64_t kLine = 64 / sizeof(float), kLines = 512;
  const int64_t apart = std::max<int64_t>((a.x_pixel & -a.x_pixel) / kLine, 1);
  const int64_t lines = rows * a.in_w * std::min(a.x_pixel, kLine) / kLine;
  return lines * apart > kLines;
}

// Whether rows are copied: where the lines under a segment of four outputs, which all lie a
// multiple of 2048 bytes apart, are more than the one or two sets of eight lines can hold that they
// fall into. Copying takes whole vectors, which some channels among many others need not be.
inline bool DepthwiseCopies(const Correlation& a) {
  constexpr int64_t kWay = 4096 / sizeof(float), kLines = 8;
  const bool fits = DepthwiseHasSegments(a.kernel_w, a.stride_w, a.dilation_w) &&
                    a.dilation_h == 1 && a.kernel_h <= 5;
  if (!fits || a.x_pixel % (kWay / 2) != 0 || a.c % kDepthwiseLanes != 0) return false;
  const int64_t sets = a.x_pixel % kWay == 0 ? 1 : 2;
  const int64_t columns = std::min<int64_t>(a.in_w, a.kernel_w + 3 * a.stride_w);
  return a.kernel_h * columns > sets * kLines;
}

// Rows of one work item: about 'floats' floats of input.
inline int64_t RowsPerItem(int64_t rows, int64_t row_floats, int64_t floats) {
  return std::clamp<int64_t>(floats / std::max<int64_t>(row_floats, 1), 1,
                             std::max<int64_t>(rows, 1));
}

// Work items of a correlation: so many rows of so many channels.
struct CorrelationCut {
  int64_t rows, channels;
};

// Threads that an image has for itself.
inline int ThreadsOfAnImage(int64_t images, const ThreadPool* pool) {
  const int64_t threads = Threads(pool);
  return static_cast<int>((threads + images - 1) / std::max<int64_t>(images, 1));
}

// Tiles are independent over channels, while bands of rows share some: so bands are several tiles
// high, about equal, and what is still too large is cut by channels, four lines of them at least.
// Several threads take bands of their own, of three rows at least, so that they do not write into
// each other's lines (see RowsForThreads, matmul_block.cc); more of them than that share channels.
inline CorrelationCut CutWalk(const Correlation& a, int64_t floats, int threads) {
  constexpr int64_t kTiles = 12, kChannels = 64, kLeastRows = 3;
  const int64_t wanted = RowsPerItem(a.out_h, a.in_w * a.c * a.stride_h, floats);
  const int64_t most_rows = std::max(wanted, kTiles);
  int64_t bands = std::max<int64_t>((a.out_h + most_rows / 2) / most_rows, 1);
  const int64_t by_rows = std::clamp<int64_t>(a.out_h / kLeastRows, 1, threads);
  bands = (bands + by_rows - 1) / by_rows * by_rows;
  const int64_t rows = (a.out_h + bands - 1) / bands;
  const int64_t most = floats / std::max<int64_t>(rows * a.stride_h * a.in_w, 1);
  const int64_t channels = (most / kChannels + 1) * kChannels;
  const int64_t sharing =
      std::min((threads + by_rows - 1) / by_rows, (a.c + kChannels - 1) / kChannels);
  const int64_t groups = std::max((a.c + channels - 1) / channels, sharing);
  const int64_t part = (a.c + groups - 1) / groups;
  return {std::max<int64_t>(rows, 1),
          (part + kDepthwiseLanes - 1) / kDepthwiseLanes * kDepthwiseLanes};
}

// Sets what the kernels take of an activation.
inline void SetActivation(Correlation& a) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Activation act = a.epilogue.act;
  a.bounds[0] = act == Activation::kRelu || act == Activation::kRelu6 ? 0.0f : -kInfinity;
  a.bounds[1] = act == Activation::kRelu6 ? 6.0f : kInfinity;
  a.activate_after =
      act != Activation::kIdentity && act != Activation::kRelu && act != Activation::kRelu6;
}

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_DEPTHWISE_CUT_H_
