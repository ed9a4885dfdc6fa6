#include "kernels/int8_conv.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "kernels/conv_indirect.h"
#include "kernels/int8_kernels.h"
#include "kernels/int8_pack.h"
#include "kernels/int8_rows.h"
#include "kernels/matmul_block.h"

namespace linnet::kernels {
namespace {

// A product of one group: m rows, n channels, sums over taps of quads.
struct Product {
  const Int8Kernels* kernels;
  int64_t groups, m, n, taps, quads;

  int64_t panels() const { return DivUp(n, kernels->panel()); }  // of a group
  int64_t depth() const { return taps * quads * 4; }
  int64_t cols(int64_t panel) const {
    return std::min<int64_t>(kernels->panel(), n - panel * kernels->panel());
  }
  int vectors(int64_t panel) const { return static_cast<int>(DivUp(cols(panel), kernels->lanes)); }
  // Bytes of packed weights: of a group, and before a panel of it.
  int64_t group_bytes() const { return depth() * RoundUp(n, kernels->lanes); }
  int64_t panel_begin(int64_t panel) const { return depth() * panel * kernels->panel(); }
  Int8Layout layout() const {
    return {kernels->panel(), groups * panels(), static_cast<size_t>(groups * group_bytes()),
            kernels->slack};
  }
};

Product ProductOf(const Int8Kernels* kernels, const ConvShape& s, const PixelMap& map) {
  const ByteRows rows{&map, s.groups, nullptr};
  return {kernels, s.groups, GridPixels(map), s.k / s.groups, Taps(map), rows.quads()};
}

// How a product is cut into tasks, by its shape alone: blocks of rows whose bytes and pointers stay
// in the second-level cache while the panels pass over them.
struct Blocks {
  int64_t rows, row_blocks, panels, panel_blocks;
  int64_t tasks() const { return row_blocks * panel_blocks; }
};
Blocks CutRows(const Product& p) {
  constexpr int64_t kBlockBytes = 128 * 1024, kMaxRows = 384, kTasks = 16, kMinMacs = 512 * 1024;
  const int64_t depth = std::max<int64_t>(1, p.depth());
  const int64_t tasks = std::clamp<int64_t>(p.m * p.n * depth / kMinMacs, 1, kTasks);
  Blocks blocks;
  // Multiples of 24 are whole tiles of 6, 8 and 12 rows.
  blocks.rows = std::clamp<int64_t>(kBlockBytes / depth / 24 * 24, 24, kMaxRows);
  blocks.rows = std::clamp<int64_t>(RoundUp(DivUp(p.m, tasks), 24), 24, blocks.rows);
  blocks.row_blocks = DivUp(p.m, blocks.rows);
  blocks.panels = DivUp(p.panels(), std::min(p.panels(), DivUp(tasks, blocks.row_blocks)));
  blocks.panel_blocks = DivUp(p.panels(), blocks.panels);
  return blocks;
}

// Weights of panel 'panel' of group 'group' to [taps][quads][vectors * lanes][4], with their
// channels. 'tap_bytes' weights a tap.
void PackPanel(const Product& p, const Quantization& src, const Int8Weights& weights,
               const Quantization* dst, int64_t group, int64_t panel, int64_t tap_bytes,
               void* packed) {
  const Int8Layout layout = p.layout();
  const int64_t lanes = p.kernels->lanes, vectors = p.vectors(panel), width = vectors * lanes;
  PanelOfChannels channels{group * p.panels() + panel, p.vectors(panel),
                           group * p.n + panel * p.kernels->panel(), p.cols(panel)};
  int8_t* to = static_cast<int8_t*>(packed) + layout.channel_bytes() + group * p.group_bytes() +
               p.panel_begin(panel);
  std::fill_n(to, p.depth() * width, int8_t{0});
  int32_t sums[256] = {};
  for (int64_t position = 0; position < width; ++position) {
    const int64_t channel = ChannelOfSum(lanes, vectors, position);
    if (channel >= channels.cols) continue;
    const Int8Channel fit = FitChannel(src, weights, channels.first + channel);
    const int8_t* from = weights.values + (channels.first + channel) * p.taps * tap_bytes;
    for (int64_t tap = 0; tap < p.taps; ++tap) {
      for (int64_t k = 0; k < tap_bytes; ++k) {
        const int8_t w = fit.Weight(from[tap * tap_bytes + k]);
        to[((tap * p.quads + k / 4) * width + position) * 4 + k % 4] = w;
        sums[channel] += w;
      }
    }
  }
  PackChannels(layout, channels, SumsOf(*p.kernels, src), weights, sums, dst, packed);
}

void PackProduct(const Product& p, const Quantization& src, const Int8Weights& weights,
                 const Quantization* dst, int64_t tap_bytes, void* packed, ThreadPool* pool) {
  CheckInt8Weights(weights, p.groups * p.n);
  ParallelFor(pool, static_cast<size_t>(p.groups * p.panels()), [&](size_t i) {
    const auto at = static_cast<int64_t>(i);
    PackPanel(p, src, weights, dst, at / p.panels(), at % p.panels(), tap_bytes, packed);
  });
}

// Rows of one group, from their pointers on: to bytes.
struct RowBlock {
  const uint8_t* const* a;  // [taps][rows]
  int64_t rows, first_row, group, first_panel, last_panel;
  const uint8_t* residual;
  uint8_t* dst;
};

void RunPanel(const Product& p, const RowBlock& block, const Int8Output& output, const void* packed,
              int64_t panel) {
  const Int8Kernels& kernels = *p.kernels;
  const Int8Layout layout = p.layout();
  const int vectors = p.vectors(panel);
  const int64_t k = p.groups * p.n;
  const int64_t column = block.group * p.n + panel * kernels.panel();
  Int8TileArgs args;
  args.base = kernels.base;
  args.a_stride = block.rows;
  args.taps = p.taps;
  args.quads = p.quads;
  args.b = layout.Weights(packed) + block.group * p.group_bytes() + p.panel_begin(panel);
  args.cols = p.cols(panel);
  args.channels = layout.Channels(packed, block.group * p.panels() + panel);
  args.output = &output;
  args.dst_stride = k;
  const int64_t tiles = DivUp(block.rows, kernels.rows[vectors]);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t row = PartBegin(block.rows, tiles, tile);
    const int64_t rows = PartBegin(block.rows, tiles, tile + 1) - row;
    const int64_t at = (block.first_row + row) * k + column;
    args.rows = rows;
    args.a = block.a + row;
    args.dst = block.dst + at;
    if (block.residual != nullptr) args.residual = block.residual + at;
    kernels.tile[vectors][rows](args);
    for (int64_t i = 0; output.has_table && i < rows; ++i) {
      uint8_t* pixel = args.dst + i * k;
      kernels.lookup(args.cols, output.table.data(), pixel, pixel);
    }
  }
}

}  // namespace

Conv2dInt8::Conv2dInt8(const ConvShape& shape, const Quantization& src,
                       const Int8Epilogue& epilogue)
    : shape_(WithOutput(shape)),
      kernels_(GetInt8Kernels()),
      src_(src),
      output_(MakeInt8Output(epilogue)),
      map_(ForwardMap(shape_)) {
  const ByteRows rows{&map_, shape_.groups, nullptr};
  const Product product = ProductOf(kernels_, shape_, map_);
  Check(product.depth() <= kMaxInt8Depth, "int8: sums of {} products, at most {} are exact",
        product.depth(), kMaxInt8Depth);
  padding_.assign(static_cast<size_t>(rows.read_bytes()), static_cast<uint8_t>(src.zero_point));
  const int vectors = product.vectors(0);
  name_ = fmt::format("{}_int8 {} {}x{}", IsPointwise(shape_) ? "matmul" : "conv", kernels_->target,
                      kernels_->rows[vectors], vectors * kernels_->lanes);
}

size_t Conv2dInt8::packed_bytes() const {
  return ProductOf(kernels_, shape_, map_).layout().bytes();
}

size_t Conv2dInt8::ScratchBytes(int threads) const {
  const ByteRows rows{&map_, shape_.groups, nullptr};
  return static_cast<size_t>(threads) *
         rows.ScratchBytes(CutRows(ProductOf(kernels_, shape_, map_)).rows);
}

void Conv2dInt8::Pack(const Int8Weights& weights, void* packed, ThreadPool* pool) const {
  const ByteRows rows{&map_, shape_.groups, nullptr};
  PackProduct(ProductOf(kernels_, shape_, map_), src_, weights, &output_.quantization,
              rows.tap_bytes(), packed, pool);
}

void Conv2dInt8::Run(const uint8_t* src, const void* packed, const uint8_t* residual, uint8_t* dst,
                     void* scratch, ThreadPool* pool) const {
  const Product product = ProductOf(kernels_, shape_, map_);
  const Blocks blocks = CutRows(product);
  const ByteRows rows{&map_, shape_.groups, padding_.data()};
  const size_t worker_bytes = rows.ScratchBytes(blocks.rows);
  const auto tasks = static_cast<size_t>(product.groups * blocks.tasks());
  ParallelForWorker(pool, tasks, [&](size_t worker, size_t i) {
    const int64_t task = static_cast<int64_t>(i) % blocks.tasks();
    RowBlock block;
    block.group = static_cast<int64_t>(i) / blocks.tasks();
    block.first_row = task / blocks.panel_blocks * blocks.rows;
    block.rows = std::min(blocks.rows, product.m - block.first_row);
    block.first_panel = task % blocks.panel_blocks * blocks.panels;
    block.last_panel = std::min(product.panels(), block.first_panel + blocks.panels);
    block.residual = output_.has_residual ? residual : nullptr;
    block.dst = dst;
    block.a = rows.Make(src, block.group, block.first_row, block.rows,
                        static_cast<char*>(scratch) + worker * worker_bytes);
    if (kernels_->begin != nullptr) kernels_->begin();
    for (int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
      RunPanel(product, block, output_, packed, panel);
    }
    if (kernels_->end != nullptr) kernels_->end();
  });
}

// ---- fully connected, to float32 ----

namespace {

Product DenseProduct(const Int8Kernels* kernels, int64_t m, int64_t k, int64_t n) {
  return {kernels, 1, m, n, 1, DivUp(k, 4)};
}

}  // namespace

DenseInt8ToFloat::DenseInt8ToFloat(int64_t k, int64_t n, const Quantization& src)
    : k_(k), n_(n), kernels_(GetInt8Kernels()), src_(src) {
  Check(k > 0 && n > 0 && k <= kMaxInt8Depth, "int8: a layer of {} inputs and {} outputs", k, n);
  name_ = fmt::format("dense_int8 {} 1x{}", kernels_->target, kernels_->panel());
}

size_t DenseInt8ToFloat::packed_bytes() const {
  return DenseProduct(kernels_, 1, k_, n_).layout().bytes();
}

// The row with zeros up to a whole quad.
size_t DenseInt8ToFloat::ScratchBytes(int threads) const {
  return static_cast<size_t>(threads * RoundUp(k_, 64));
}

void DenseInt8ToFloat::Pack(const Int8Weights& weights, void* packed, ThreadPool* pool) const {
  PackProduct(DenseProduct(kernels_, 1, k_, n_), src_, weights, nullptr, k_, packed, pool);
}

void DenseInt8ToFloat::Run(int64_t m, const uint8_t* src, const void* packed, float* dst,
                           void* scratch, ThreadPool* pool) const {
  const Product p = DenseProduct(kernels_, m, k_, n_);
  const Int8Layout layout = p.layout();
  ParallelForWorker(pool, static_cast<size_t>(m * p.panels()), [&](size_t worker, size_t i) {
    const int64_t row = static_cast<int64_t>(i) / p.panels();
    const int64_t panel = static_cast<int64_t>(i) % p.panels();
    auto* copy = static_cast<uint8_t*>(scratch) + static_cast<int64_t>(worker) * RoundUp(k_, 64);
    std::copy_n(src + row * k_, k_, copy);
    std::fill(copy + k_, copy + 4 * p.quads, uint8_t{0});
    alignas(64) int32_t sums[256];
    Int8TileArgs args;
    const uint8_t* const pointer = copy;
    args.a = &pointer;
    args.quads = p.quads;
    args.b = layout.Weights(packed) + p.panel_begin(panel);
    args.cols = p.cols(panel);
    args.channels = layout.Channels(packed, panel);
    args.sums = sums;
    const int vectors = p.vectors(panel);
    kernels_->tile_sums[vectors](args);
    float* out = dst + row * n_ + panel * kernels_->panel();
    for (int64_t position = 0; position < vectors * kernels_->lanes; ++position) {
      const int64_t channel = ChannelOfSum(kernels_->lanes, vectors, position);
      if (channel >= args.cols) continue;
      out[channel] = static_cast<float>(sums[position]) * args.channels.scale[channel];
    }
  });
}

}  // namespace linnet::kernels
