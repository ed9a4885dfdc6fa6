#include "kernels/matmul_block.h"

#include <hwy/cache_control.h>

namespace linnet::kernels {
namespace {

// Sums are taken over at most this many terms at a time: a panel of 64 columns then has 256 KB,
// which stays in the L2 (512 KB and more on every processor with AVX-512, 1 MB on Zen 4) while the
// rows of a block pass over it.
constexpr int64_t kMaxDepth = 1024;
// A block of rows: 256 KB of A at the most, so that A and the panel share the L2.
constexpr int64_t kBlockFloats = 64 * 1024;
// Enough tasks for the threads of a small machine to end together, none too small to be worth
// waking one.
constexpr int64_t kTasks = 16;
constexpr int64_t kMinTaskMacs = 128 * 1024;

// Terms [k0, k1) of taps [tap0, tap1) of the sums.
struct Depth {
  int64_t tap0, tap1, k0, k1;
};

// The first stretch of terms from (tap, k) on: whole taps, or part of one that is itself too deep.
Depth NextDepth(const Block& block, int64_t tap, int64_t k) {
  if (block.taps == 0) return {0, 0, 0, block.k};  // no terms: the sums are zero
  if (block.k > kMaxDepth) {
    const int64_t parts = DivUp(block.k, kMaxDepth);
    const int64_t step = DivUp(block.k, parts);
    return {tap, tap + 1, k, std::min(block.k, k + step)};
  }
  const int64_t together = std::max<int64_t>(1, kMaxDepth / std::max<int64_t>(1, block.k));
  const int64_t parts = DivUp(block.taps, together);
  const int64_t step = DivUp(block.taps, parts);
  return {tap, std::min(block.taps, tap + step), 0, block.k};
}

void SetEpilogue(const Epilogue& epilogue, int64_t column, TileArgs& args) {
  if (epilogue.bias != nullptr) args.bias = epilogue.bias + column;
  args.residual_stride = epilogue.residual_stride;
  args.has_floor = IsClamp(epilogue.act);
  args.has_ceiling = epilogue.act == Activation::kRelu6;
  args.ceiling = 6.0f;
}

// Asks for rows of A before their tile comes. Their later meetings with other panels find them in
// the L2, but at the first one the short runs of memory that rows of few channels are would not set
// off the hardware's prefetching. Long rows do; of those, only the beginning.
void FetchRows(const Block& block, int64_t row, int64_t rows, int64_t k) {
  const int64_t floats = std::min<int64_t>(k, 256);
  for (int64_t i = row; i < std::min(block.rows, row + rows); ++i) {
    for (int64_t j = 0; j < floats; j += 16) hwy::Prefetch(block.a[i] + j);
  }
}

// A part of the packed B: one panel over one stretch of terms.
struct Part {
  const float* b = nullptr;
  int64_t floats = 0;
};

Part PartOf(const MicroKernels& kernels, const Block& block, int64_t panel, const Depth& depth) {
  const int64_t column = panel * kernels.panel_width();
  const int64_t width =
      RoundUp(std::min<int64_t>(kernels.panel_width(), block.n - column), kernels.lanes);
  const int64_t first = depth.tap0 * block.k + depth.k0;
  const int64_t terms = (depth.tap1 - depth.tap0) * (depth.k1 - depth.k0);
  return {PanelOf(kernels, block.packed, block.taps * block.k, panel) + first * width,
          terms * width};
}

// Lets tile 'tile' ask for its share of the part that comes next: as many lines as it has terms.
// With few rows (a map of 7x7) the first tile of a part would otherwise wait for each line of it to
// come from the L3 or from memory. With so few that the shares would not be most of the part, the
// product is no faster than memory, and the hardware's own prefetching keeps up.
void FetchShare(const Part& next, int64_t tile, int64_t tiles, TileArgs& args) {
  constexpr int64_t kLineFloats = 16;
  const int64_t share = args.taps * args.k * kLineFloats;
  const bool wanted = tile * share < next.floats && 4 * tiles * share >= 3 * next.floats;
  args.next = wanted ? next.b + tile * share : nullptr;
  args.next_step = wanted ? kLineFloats : 0;
}

// All rows of the block times one panel, over one stretch of terms; 'next' is the part after it.
void RunPanel(const MicroKernels& kernels, const Block& block, int64_t panel, const Depth& depth,
              bool first, bool last, const Part& next) {
  const int64_t column = panel * kernels.panel_width();
  const int64_t cols = std::min<int64_t>(kernels.panel_width(), block.n - column);
  const int64_t vectors = DivUp(cols, kernels.lanes);
  const Epilogue* epilogue = last ? block.epilogue : nullptr;
  TileArgs args;
  args.a_stride = block.rows;
  args.a_offset = depth.k0;
  args.taps = depth.tap1 - depth.tap0;
  args.k = depth.k1 - depth.k0;
  args.b = PartOf(kernels, block, panel, depth).b;
  args.c_offset = column;
  args.cols = cols;
  args.load_c = block.accumulate || !first;
  if (epilogue != nullptr) SetEpilogue(*epilogue, column, args);
  const bool activate =
      epilogue != nullptr && epilogue->act != Activation::kIdentity && !IsClamp(epilogue->act);
  // Tiles of even height rather than a last one of one row, whose few sums would not hide the
  // latency.
  const int64_t tiles = DivUp(block.rows, kernels.rows[vectors]);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t row = PartBegin(block.rows, tiles, tile);
    const int64_t rows = PartBegin(block.rows, tiles, tile + 1) - row;
    args.a = block.a + depth.tap0 * block.rows + row;
    args.c = block.c + row;
    if (epilogue != nullptr && epilogue->residual != nullptr) {
      args.residual =
          epilogue->residual + (block.first_row + row) * epilogue->residual_stride + column;
    }
    if (panel == block.first_panel) FetchRows(block, row + rows, rows, args.k);
    FetchShare(next, tile, tiles, args);
    kernels.tile[vectors][rows](args);
    if (activate) kernels.activate(epilogue->act, epilogue->alpha, args.c, rows, column, cols);
  }
}

// Whether each thread should take rows of its own and all panels. It then reads all weights, but of
// the maps only what it has written in the layer before, or will read in the next one. Where
// threads share the pixels of a map, each line of it goes through both caches: 14x14x240 floats are
// scaled in 5.3 us by one thread, in 3.5 by two with rows of their own, in 14.8 by two with
// channels of their own (bench_threads, Granite Rapids). That a number of a map then costs as much
// as four weights is a guess, not fitted.
bool RowsForThreads(int64_t m, int64_t n, int64_t k, int64_t map, int threads) {
  constexpr int64_t kLeastRows = 12, kWeightsPerNumber = 4;
  if (threads == 1 || m < kLeastRows * threads || m * n * k < kMinTaskMacs * threads) return false;
  return n * k * (threads - 1) <= kWeightsPerNumber * (map + m * n);
}

}  // namespace

int64_t MostBlockRows(int64_t k) {
  const int64_t depth = std::clamp<int64_t>(k, 1, kMaxDepth);
  // Multiples of 24 are whole tiles of 6, 8 and 12 rows.
  return std::clamp<int64_t>(kBlockFloats / depth / 24 * 24, 24, kMaxBlockRows);
}

Cut CutProduct(const MicroKernels& kernels, int64_t m, int64_t n, int64_t k, int64_t map,
               int threads) {
  const int64_t panels = DivUp(n, kernels.panel_width()), most_rows = MostBlockRows(k);
  Cut cut;
  if (RowsForThreads(m, n, k, map, threads)) {
    cut.block_rows = DivUp(m, RoundUp(DivUp(m, most_rows), threads));
    cut.row_blocks = DivUp(m, cut.block_rows);
    cut.block_panels = panels;
    cut.panel_blocks = 1;
    return cut;
  }
  // A row or two take as long as their weights take to be read.
  constexpr int64_t kRowsOfReading = 4;
  const int64_t macs = std::max(m, kRowsOfReading) * n * k;
  const int64_t tasks = std::clamp<int64_t>(macs / kMinTaskMacs, 1, kTasks);
  // Each block of rows reads all panels again. So panels make the tasks, as far as they go, and
  // rows the rest; never a last block of a row or two, which costs as much reading as a full one.
  cut.row_blocks = std::max(DivUp(m, most_rows), std::min(DivUp(m, 24), tasks / (2 * panels)));
  cut.block_rows = DivUp(m, cut.row_blocks);
  if (cut.block_rows > 96) cut.block_rows = std::min(RoundUp(cut.block_rows, 24), most_rows);
  cut.row_blocks = DivUp(m, cut.block_rows);
  cut.block_panels = DivUp(panels, std::min(panels, DivUp(tasks, cut.row_blocks)));
  cut.panel_blocks = DivUp(panels, cut.block_panels);
  return cut;
}

void RunBlock(const MicroKernels& kernels, const Block& block) {
  const int64_t panels = DivUp(block.n, kernels.panel_width());
  Depth depth = NextDepth(block, 0, 0);
  bool first = true, last = false;
  while (!last) {
    const bool tap_done = depth.k1 == block.k;
    last = tap_done && depth.tap1 >= block.taps;
    // After the last stretch another block begins, mostly with the panel to the right.
    const Depth after =
        last ? NextDepth(block, 0, 0)
             : NextDepth(block, tap_done ? depth.tap1 : depth.tap0, tap_done ? 0 : depth.k1);
    for (int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
      Part next;
      if (panel + 1 < block.last_panel) {
        next = PartOf(kernels, block, panel + 1, depth);
      } else if (!last) {
        next = PartOf(kernels, block, block.first_panel, after);
      } else if (panel + 1 < panels) {
        next = PartOf(kernels, block, panel + 1, after);
      } else if (block.next != nullptr) {
        next = {block.next, PartOf(kernels, block, panel, after).floats};
      }
      RunPanel(kernels, block, panel, depth, first, last, next);
    }
    depth = after;
    first = false;
  }
}

void RunProduct(const MicroKernels& kernels, int64_t m, int64_t n, int64_t k, const float* a,
                int64_t a_stride, const float* packed, float* c, int64_t c_stride, bool accumulate,
                const Epilogue* epilogue, ThreadPool* pool) {
  if (m == 0 || n == 0) return;
  const Cut cut = CutProduct(kernels, m, n, k, m * k, Threads(pool));
  const int64_t panels = DivUp(n, kernels.panel_width());
  ParallelFor(pool, static_cast<size_t>(cut.tasks()), [&](size_t i) {
    const auto task = static_cast<int64_t>(i);
    const int64_t row = task / cut.panel_blocks * cut.block_rows;
    const float* a_rows[kMaxBlockRows];
    float* c_rows[kMaxBlockRows];
    Block block;
    block.a = a_rows;
    block.c = c_rows;
    block.rows = std::min(cut.block_rows, m - row);
    for (int64_t r = 0; r < block.rows; ++r) {
      a_rows[r] = a + (row + r) * a_stride;
      c_rows[r] = c + (row + r) * c_stride;
    }
    block.k = k;
    block.packed = packed;
    block.n = n;
    block.first_panel = task % cut.panel_blocks * cut.block_panels;
    block.last_panel = std::min(panels, block.first_panel + cut.block_panels);
    block.accumulate = accumulate;
    block.epilogue = epilogue;
    block.first_row = row;
    RunBlock(kernels, block);
  });
}

}  // namespace linnet::kernels
