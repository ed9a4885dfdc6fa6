#include "kernels/int8_depthwise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/int8_kernels.h"
#include "kernels/int8_pack.h"
#include "kernels/matmul_block.h"

namespace linnet::kernels {
namespace {

// Input rows come in groups of four: the bytes of a dot product.
constexpr int64_t kGroup = 4;

// How a shape is done. A dilated kernel is a larger one with zeros in between.
struct Strip {
  int64_t kernel_h, kernel_w;
  int64_t groups;   // of four input rows
  int64_t rows;     // output rows that those serve
  int64_t taps;     // dot products a pixel: kernel_w * groups
  int64_t pixels;   // output pixels of a segment
  int64_t columns;  // input columns of a segment
};
Strip StripOf(const DepthwiseShape& s, int64_t panel) {
  // The interleaved bytes of a segment, so that they stay in a first-level cache of 32 KB beside
  // the rows they come from.
  constexpr int64_t kSegmentBytes = 20 * 1024;
  Strip strip;
  strip.kernel_h = (s.kernel_h - 1) * s.dilation_h + 1;
  strip.kernel_w = (s.kernel_w - 1) * s.dilation_w + 1;
  strip.groups = DivUp(strip.kernel_h, kGroup);
  strip.rows = (strip.groups * kGroup - strip.kernel_h) / s.stride_h + 1;
  strip.rows = std::min(strip.rows, s.out_h);
  strip.taps = strip.kernel_w * strip.groups;
  const int64_t column_bytes = strip.groups * kGroup * panel;
  const int64_t columns = std::max(kSegmentBytes / column_bytes, strip.kernel_w);
  const int64_t most = (columns - strip.kernel_w) / s.stride_w + 1;
  strip.pixels = DivUp(s.out_w, DivUp(s.out_w, most));
  strip.columns = (strip.pixels - 1) * s.stride_w + strip.kernel_w;
  return strip;
}

// Weights of a panel: [rows][taps][panel][4].
int64_t PanelWeightBytes(const Strip& strip, int64_t panel) {
  return strip.rows * strip.taps * panel * kGroup;
}

Int8Layout LayoutOf(const DepthwiseShape& s, int64_t panel) {
  const int64_t panels = DivUp(s.c, panel);
  return {panel, panels, static_cast<size_t>(panels * PanelWeightBytes(StripOf(s, panel), panel))};
}

// A padded column of bytes, then the interleaved segment.
int64_t WorkerBytes(const DepthwiseShape& s, int64_t panel) {
  const Strip strip = StripOf(s, panel);
  return panel + strip.columns * strip.groups * kGroup * panel;
}

// Output rows [oy, oy + rows) of one image, of one panel.
struct Task {
  const DepthwiseShape& s;
  const Int8Kernels& kernels;
  Strip strip;
  const uint8_t* image;
  int64_t first_channel, cols;
  bool twice;              // TwoPixels
  const uint8_t* padding;  // [panel]
  uint8_t* buffer;         // [columns][groups][panel][4]
};

// A panel with channels for half of it does two pixels of a row at once, one in each half. (Not
// with a residual, which StoreTwice does not add.)
bool TwoPixels(const Int8Output& output, int64_t cols, int64_t panel) {
  return cols <= panel / 2 && !output.has_residual;
}

// [begin, end) of the columns from 'ix' on lie inside of the map.
struct Inside {
  int64_t begin, end;
  bool Has(int64_t x) const { return x >= begin && x < end; }
};
Inside InsideOf(const Task& t, int64_t ix, int64_t columns) {
  const int64_t begin = std::clamp<int64_t>(-ix, 0, columns);
  return {begin, std::clamp<int64_t>(t.s.w - ix, begin, columns)};
}

// Pointers to the rows of a group, for columns from 'ix' on; to padding where there is none.
void PointToRows(const Task& t, int64_t iy, int64_t ix, bool inside, const uint8_t* (&row)[4],
                 int64_t (&step)[4]) {
  for (int64_t r = 0; r < kGroup; ++r) {
    const int64_t y = iy + r;
    const bool exists = inside && y >= 0 && y < t.s.h;
    row[r] = exists ? t.image + (y * t.s.w + ix) * t.s.c + t.first_channel : t.padding;
    step[r] = exists ? t.s.c : 0;
  }
}

// Interleaves the input rows from 'iy' on, for columns [ix, ix + columns), and if 'second' is not
// 0, in the upper half of the panel, those so many columns further. It is cut where a half enters
// or leaves the map.
void FillSegment(const Task& t, int64_t iy, int64_t ix, int64_t columns, int64_t second) {
  const int64_t group_bytes = kGroup * t.kernels.panel();
  const Inside lower = InsideOf(t, ix, columns), upper = InsideOf(t, ix + second, columns);
  int64_t cuts[6] = {0, lower.begin, lower.end, columns, upper.begin, upper.end};
  if (second != 0) std::sort(cuts, cuts + 6);
  InterleaveArgs args;
  args.twice = second != 0;
  args.cols = t.cols;
  args.out_step = t.strip.groups * group_bytes;
  for (int i = 0; i < (second != 0 ? 5 : 3); ++i) {
    const int64_t x = cuts[i];
    args.columns = cuts[i + 1] - x;
    if (args.columns == 0) continue;
    uint8_t* out = t.buffer + x * args.out_step;
    if (!lower.Has(x) && !upper.Has(x)) {
      std::memset(out, t.padding[0], static_cast<size_t>(args.columns * args.out_step));
      continue;
    }
    for (int64_t group = 0; group < t.strip.groups; ++group) {
      const int64_t y = iy + group * kGroup;
      PointToRows(t, y, ix + x, lower.Has(x), args.row[0], args.step[0]);
      if (args.twice) {
        PointToRows(t, y, ix + second + x, upper.Has(x), args.row[1], args.step[1]);
      }
      args.out = out + group * group_bytes;
      t.kernels.interleave(args);
    }
  }
}

// One segment of a strip.
void RunSegment(const Task& t, const Int8Output& output, const Int8Layout& layout,
                const void* packed, int64_t panel, const uint8_t* residual, uint8_t* dst,
                int64_t oy, int64_t ox) {
  const DepthwiseShape& s = t.s;
  const int64_t pixels = std::min(t.strip.pixels, s.out_w - ox);
  const int64_t steps = t.twice ? DivUp(pixels, 2) : pixels, second = pixels - steps;
  FillSegment(t, oy * s.stride_h - s.pad_top, ox * s.stride_w - s.pad_left,
              (steps - 1) * s.stride_w + t.strip.kernel_w, second * s.stride_w);
  DepthwiseRowArgs args;
  args.a = t.buffer;
  args.a_step = s.stride_w * t.strip.groups * kGroup * t.kernels.panel();
  args.pixels = steps;
  args.taps = t.strip.taps;
  args.b = layout.Weights(packed) + panel * PanelWeightBytes(t.strip, t.kernels.panel());
  args.cols = t.cols;
  args.channels = layout.Channels(packed, panel);
  args.output = &output;
  args.dst_step = s.c;
  args.second = second * s.c;
  for (int64_t r = 0; r < t.strip.rows && oy + r < s.out_h; ++r) {
    const int64_t at = ((oy + r) * s.out_w + ox) * s.c + t.first_channel;
    args.dst = dst + at;
    if (residual != nullptr) args.residual = residual + at;
    t.kernels.depthwise_row(args);
    if (output.has_table) {
      t.kernels.lookup({pixels, t.cols, output.table.data(), args.dst, s.c, args.dst, s.c});
    }
    args.b += t.strip.taps * t.kernels.panel() * kGroup;
  }
}

// Panels that one item does: all of them, unless there are so few strips that threads would idle.
int64_t PanelsOfItem(const DepthwiseShape& s, int64_t strips, int64_t panels) {
  constexpr int64_t kItems = 16;
  return DivUp(panels, std::clamp<int64_t>(kItems / std::max<int64_t>(1, s.n * strips), 1, panels));
}

}  // namespace

DepthwiseInt8::DepthwiseInt8(const DepthwiseShape& shape, const Quantization& src,
                             const Int8Epilogue& epilogue)
    : shape_(shape),
      kernels_(GetInt8Kernels()),
      src_(src),
      output_(MakeInt8Output(epilogue)),
      name_(fmt::format("depthwise_int8 {} {}", kernels_->target, kernels_->panel())) {
  Check(shape.multiplier == 1, "int8: depthwise with {} outputs a channel; one is possible",
        shape.multiplier);
}

size_t DepthwiseInt8::packed_bytes() const { return LayoutOf(shape_, kernels_->panel()).bytes(); }

size_t DepthwiseInt8::ScratchBytes(int threads) const {
  return static_cast<size_t>(threads * WorkerBytes(shape_, kernels_->panel()));
}

void DepthwiseInt8::Pack(const Int8Weights& weights, void* packed) const {
  const DepthwiseShape& s = shape_;
  const int64_t panel = kernels_->panel();
  const Int8Layout layout = LayoutOf(s, panel);
  const Strip strip = StripOf(s, panel);
  CheckInt8Weights(weights, s.c);
  auto* const all = static_cast<int8_t*>(packed) + layout.channel_bytes();
  std::memset(all, 0, layout.weight_bytes);
  for (int64_t i = 0; i < layout.panels; ++i) {
    const PanelOfChannels channels{i, Int8Kernels::kVectors, i * panel,
                                   std::min(panel, s.c - i * panel),
                                   TwoPixels(output_, s.c - i * panel, panel)};
    int32_t sums[256] = {};
    for (int64_t position = 0; position < panel; ++position) {
      const int64_t byte = ChannelOfSum(kernels_->lanes, Int8Kernels::kVectors, position);
      const int64_t c = channels.twice ? byte % (panel / 2) : byte;
      if (c >= channels.cols) continue;
      const Int8Channel fit = FitChannel(src_, weights, i * panel + c);
      const int8_t* from = weights.values + (i * panel + c) * s.kernel_h * s.kernel_w;
      for (int64_t k = 0; k < s.kernel_h * s.kernel_w; ++k) {
        const int8_t w = fit.Weight(from[k]);
        const int64_t ky = k / s.kernel_w * s.dilation_h, kx = k % s.kernel_w * s.dilation_w;
        if (byte == c) sums[c] += w;
        for (int64_t r = 0; r < strip.rows; ++r) {
          const int64_t y = ky + r * s.stride_h;
          const int64_t tap = r * strip.taps + kx * strip.groups + y / kGroup;
          all[i * PanelWeightBytes(strip, panel) + (tap * panel + position) * kGroup + y % kGroup] =
              w;
        }
      }
    }
    PackChannels(layout, channels, SumsOf(*kernels_, src_), weights, sums, &output_.quantization,
                 packed);
  }
}

void DepthwiseInt8::Run(const uint8_t* src, const void* packed, const uint8_t* residual,
                        uint8_t* dst, void* scratch, ThreadPool* pool) const {
  const DepthwiseShape& s = shape_;
  const int64_t panel = kernels_->panel();
  const Int8Layout layout = LayoutOf(s, panel);
  const Strip strip = StripOf(s, panel);
  const int64_t strips = DivUp(s.out_h, strip.rows);
  const int64_t item_panels = PanelsOfItem(s, strips, layout.panels);
  const int64_t splits = DivUp(layout.panels, item_panels);
  ParallelForWorker(pool, static_cast<size_t>(s.n * strips * splits), [&](size_t worker, size_t i) {
    const int64_t item = static_cast<int64_t>(i) / splits;
    const int64_t image = item / strips, oy = item % strips * strip.rows;
    auto* memory =
        static_cast<uint8_t*>(scratch) + static_cast<int64_t>(worker) * WorkerBytes(s, panel);
    std::memset(memory, src_.zero_point, static_cast<size_t>(panel));
    const int64_t first = static_cast<int64_t>(i) % splits * item_panels;
    for (int64_t p = first; p < std::min(layout.panels, first + item_panels); ++p) {
      const Task task{s,
                      *kernels_,
                      strip,
                      src + image * s.h * s.w * s.c,
                      p * panel,
                      std::min(panel, s.c - p * panel),
                      TwoPixels(output_, s.c - p * panel, panel),
                      memory,
                      memory + panel};
      const int64_t image_out = image * s.out_h * s.out_w * s.c;
      for (int64_t ox = 0; ox < s.out_w; ox += strip.pixels) {
        RunSegment(task, output_, layout, packed, p,
                   output_.has_residual ? residual + image_out : nullptr, dst + image_out, oy, ox);
      }
    }
  });
}

}  // namespace linnet::kernels
