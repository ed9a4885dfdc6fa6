#include "kernels/int8_conv.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "kernels/conv_indirect.h"
#include "kernels/int8_kernels.h"
#include "kernels/int8_pack.h"
#include "kernels/int8_register_rows.h"
#include "kernels/int8_register_work.h"
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
  // Of the packed weights, which are followed by zeros.
  int64_t packed_depth() const { return RoundUp(depth(), kernels->step_bytes); }
  int64_t cols(int64_t panel) const {
    return std::min<int64_t>(kernels->panel(), n - panel * kernels->panel());
  }
  int vectors(int64_t panel) const { return static_cast<int>(DivUp(cols(panel), kernels->lanes)); }
  // Bytes of packed weights: of a group, and before a panel of it.
  int64_t group_bytes() const { return packed_depth() * RoundUp(n, kernels->lanes); }
  int64_t panel_begin(int64_t panel) const { return packed_depth() * panel * kernels->panel(); }
  Int8Layout layout() const {
    return {kernels->panel(), groups * panels(), static_cast<size_t>(groups * group_bytes())};
  }
  // Whether tile registers do it. Sums that do not fill a row of one are better done by vectors.
  bool by_registers() const { return kernels->registers[1] != nullptr && depth() >= kStepBytes; }
  const Int8Kernels& vectors_kernels() const {
    return kernels->base != nullptr ? *kernels->base : *kernels;
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
Blocks CutForVectors(const Product& p) {
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

// For tile registers: the rows of as many pairs of registers as stay in the second-level cache
// beside the weights of a panel, which are read once for all of them. Panels are dealt to tasks
// where rows are not copied, or else each of these tasks would copy them.
Blocks CutForRegisters(const Product& p, int register_rows) {
  constexpr int64_t kBlockBytes = 192 * 1024, kTasks = 8, kMinMacs = 4 << 20, kMinPairs = 4;
  const int64_t tasks = std::clamp<int64_t>(p.m * p.n * p.depth() / kMinMacs, 1, kTasks);
  const int64_t pair = 2 * register_rows, pairs = DivUp(p.m, pair);
  const int64_t most = std::clamp<int64_t>(kBlockBytes / (pair * p.depth()), 1, pairs);
  const int64_t wanted = std::min(tasks, DivUp(pairs, p.taps > 1 ? 1 : kMinPairs));
  Blocks blocks;
  blocks.rows = DivUp(pairs, std::max(DivUp(pairs, most), wanted)) * pair;
  blocks.row_blocks = DivUp(p.m, blocks.rows);
  blocks.panels = DivUp(p.panels(), std::min(p.panels(), DivUp(tasks, blocks.row_blocks)));
  blocks.panel_blocks = DivUp(p.panels(), blocks.panels);
  return blocks;
}

// What the map and the kernels decide.
struct Method {
  Product product;
  int register_rows;  // 0: vectors
  Blocks blocks;

  RegisterSide side() const { return {register_rows, product.taps, product.quads}; }
  // Of a task: row pointers, then what registers need.
  size_t pointer_bytes(const ByteRows& rows) const {
    return RoundUp(static_cast<int64_t>(rows.ScratchBytes(blocks.rows)), 64);
  }
  size_t scratch_bytes(const ByteRows& rows) const {
    return pointer_bytes(rows) + (register_rows == 0 ? 0 : side().ScratchBytes(blocks.rows));
  }
};
Method MethodOf(const Int8Kernels* kernels, const ConvShape& s, const PixelMap& map) {
  Method method;
  method.product = ProductOf(kernels, s, map);
  method.register_rows = 0;
  if (method.product.by_registers()) {
    method.register_rows = RowsOfRegister(method.product.m, IsPointwise(s) ? 0 : map.grid_w);
    method.blocks = CutForRegisters(method.product, method.register_rows);
  } else {
    method.blocks = CutForVectors(method.product);
  }
  return method;
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
  std::fill_n(to, p.packed_depth() * width, int8_t{0});
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

// The tile arguments that all rows of a panel share.
Int8TileArgs PanelArgs(const Product& p, const RowBlock& block, const Int8Output& output,
                       const void* packed, int64_t panel) {
  const Int8Layout layout = p.layout();
  const int64_t k = p.groups * p.n;
  const int64_t at = block.first_row * k + block.group * p.n + panel * p.kernels->panel();
  Int8TileArgs args;
  args.base = p.kernels->base;
  args.rows = block.rows;
  args.a = block.a;
  args.a_stride = block.rows;
  args.taps = p.taps;
  args.quads = p.quads;
  args.b = layout.Weights(packed) + block.group * p.group_bytes() + p.panel_begin(panel);
  args.cols = p.cols(panel);
  args.channels = layout.Channels(packed, block.group * p.panels() + panel);
  args.output = &output;
  args.dst = block.dst + at;
  args.dst_stride = k;
  if (block.residual != nullptr) args.residual = block.residual + at;
  return args;
}

void ApplyTable(const Int8Kernels& kernels, const Int8TileArgs& t) {
  if (!t.output->has_table) return;
  kernels.lookup(
      {t.rows, t.cols, t.output->table.data(), t.dst, t.dst_stride, t.dst, t.dst_stride});
}

// The rows [row, row + rows) of 'all'.
Int8TileArgs RowsOf(const Int8TileArgs& all, int64_t row, int64_t rows) {
  Int8TileArgs part = all;
  part.rows = rows;
  part.a += row;
  part.dst += row * part.dst_stride;
  if (part.residual != nullptr) part.residual += row * part.dst_stride;
  return part;
}

void RunByVectors(const Product& p, const RowBlock& block, const Int8Output& output,
                  const void* packed) {
  const Int8Kernels& kernels = p.vectors_kernels();
  for (int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
    const Int8TileArgs all = PanelArgs(p, block, output, packed, panel);
    const int vectors = p.vectors(panel);
    const int64_t tiles = DivUp(block.rows, kernels.rows[vectors]);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t row = PartBegin(block.rows, tiles, tile);
      const Int8TileArgs args = RowsOf(all, row, PartBegin(block.rows, tiles, tile + 1) - row);
      kernels.tile[vectors][args.rows](args);
    }
    ApplyTable(kernels, all);
  }
}

// The rows of a pair of registers stay in the first-level cache while the panels pass over them,
// and as many panels as the second-level cache holds for all pairs.
void RunByRegisters(const Product& p, const RowBlock& block, const RegisterSide& side,
                    const Int8Output& output, const void* packed, void* scratch) {
  constexpr int64_t kGroupBytes = 512 * 1024;
  const Int8Kernels& kernels = *p.kernels;
  const int64_t panel_bytes = p.packed_depth() * kernels.panel();
  const int64_t group = std::max<int64_t>(1, kGroupBytes / panel_bytes);
  const RegisterRows* rows = side.Make(block.a, block.rows, scratch);
  Int8RegisterArgs args;
  args.rows = side.rows;
  args.steps = side.steps();
  RegisterWork work;
  kernels.begin(side.rows);
  for (int64_t first = block.first_panel; first < block.last_panel; first += group) {
    const int64_t last = std::min(block.last_panel, first + group);
    for (int64_t row = 0; row < block.rows; row += 2 * side.rows) {
      args.a = rows + row / side.rows * args.steps;
      for (int64_t panel = first; panel < last; ++panel) {
        args.tile = RowsOf(PanelArgs(p, block, output, packed, panel), row,
                           std::min<int64_t>(2 * side.rows, block.rows - row));
        kernels.registers[p.vectors(panel)](args, work);
      }
    }
  }
  work.Rest();
  kernels.end();
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
  Check(Int8Depth(shape_) <= kMaxInt8Depth, "int8: sums of {} products, at most {} are exact",
        Int8Depth(shape_), kMaxInt8Depth);
  padding_.assign(static_cast<size_t>(rows.read_bytes()), static_cast<uint8_t>(src.zero_point));
  padding_.resize(static_cast<size_t>(RoundUp(rows.read_bytes(), kernels_->step_bytes)));
  const int vectors = product.vectors(0);
  const bool registers = product.by_registers();
  const int tile_rows = registers ? 2 * MethodOf(kernels_, shape_, map_).register_rows
                                  : product.vectors_kernels().rows[vectors];
  name_ = fmt::format("{}_int8 {} {}x{}", IsPointwise(shape_) ? "matmul" : "conv",
                      registers ? kernels_->target : product.vectors_kernels().target, tile_rows,
                      vectors * kernels_->lanes);
}

size_t Conv2dInt8::packed_bytes() const {
  return ProductOf(kernels_, shape_, map_).layout().bytes();
}

size_t Conv2dInt8::ScratchBytes(int threads) const {
  const ByteRows rows{&map_, shape_.groups, nullptr};
  return static_cast<size_t>(threads) * MethodOf(kernels_, shape_, map_).scratch_bytes(rows);
}

void Conv2dInt8::Pack(const Int8Weights& weights, void* packed, ThreadPool* pool) const {
  const ByteRows rows{&map_, shape_.groups, nullptr};
  PackProduct(ProductOf(kernels_, shape_, map_), src_, weights, &output_.quantization,
              rows.tap_bytes(), packed, pool);
}

void Conv2dInt8::Run(const uint8_t* src, const void* packed, const uint8_t* residual, uint8_t* dst,
                     void* scratch, ThreadPool* pool) const {
  const Method method = MethodOf(kernels_, shape_, map_);
  const Product& product = method.product;
  const Blocks& blocks = method.blocks;
  const ByteRows rows{&map_, shape_.groups, padding_.data()};
  RegisterSide side = method.side();
  side.begin = src;
  side.end = src + map_.n * map_.src_h * map_.src_w * map_.src_c;
  const size_t worker_bytes = method.scratch_bytes(rows);
  const auto tasks = static_cast<size_t>(product.groups * blocks.tasks());
  ParallelForWorker(pool, tasks, [&](size_t worker, size_t i) {
    const int64_t task = static_cast<int64_t>(i) % blocks.tasks();
    char* memory = static_cast<char*>(scratch) + worker * worker_bytes;
    RowBlock block;
    block.group = static_cast<int64_t>(i) / blocks.tasks();
    block.first_row = task / blocks.panel_blocks * blocks.rows;
    block.rows = std::min(blocks.rows, product.m - block.first_row);
    block.first_panel = task % blocks.panel_blocks * blocks.panels;
    block.last_panel = std::min(product.panels(), block.first_panel + blocks.panels);
    block.residual = output_.has_residual ? residual : nullptr;
    block.dst = dst;
    block.a = rows.Make(src, block.group, block.first_row, block.rows, memory);
    if (method.register_rows == 0) {
      RunByVectors(product, block, output_, packed);
    } else {
      RunByRegisters(product, block, side, output_, packed, memory + method.pointer_bytes(rows));
    }
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
