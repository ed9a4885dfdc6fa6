#include "kernels/winograd.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/matmul_block.h"
#include "kernels/matmul_kernels.h"
#include "kernels/winograd_kernels.h"

namespace linnet::kernels {
namespace {

constexpr int kMaxPositions = 36;
// Of a block's transformed inputs and one panel's sums: what an L2 of 1 MB keeps beside the weights
// that pass through it.
constexpr int64_t kBlockFloats = 160 * 1024;
constexpr int64_t kMaxBlockTiles = 48;
// Fewer blocks than this do not keep the threads of a small machine busy to the end.
constexpr int64_t kMinBlocks = 8;

// Rows an odd number of cache lines apart: neighbours never share a set of the cache by their being
// a power of two apart.
int64_t OddLines(int64_t floats) { return (DivUp(floats, 16) | 1) * 16; }

// U[u][v][c] = sum_ij G[u][i] g[i][j][c] G[v][j] for 'kLot' channels c.
constexpr int64_t kLot = 16;
template <int kPlane>
void TransformWeights(const double (*matrix)[3], const double (&g)[9][kLot],
                      double (&u)[kPlane * kPlane][kLot]) {
  for (int y = 0; y < kPlane; ++y) {
    double row[3][kLot];
    for (int j = 0; j < 3; ++j) {
      for (int64_t c = 0; c < kLot; ++c) {
        row[j][c] =
            matrix[y][0] * g[j][c] + matrix[y][1] * g[3 + j][c] + matrix[y][2] * g[6 + j][c];
      }
    }
    for (int x = 0; x < kPlane; ++x) {
      for (int64_t c = 0; c < kLot; ++c) {
        u[y * kPlane + x][c] =
            matrix[x][0] * row[0][c] + matrix[x][1] * row[1][c] + matrix[x][2] * row[2][c];
      }
    }
  }
}

// Transforms kernels [k0, k0 + count_k) of channels [c0, c0 + count_c); 'weights' is the whole.
// panel[(p * c + channel) * width + k] receives kLot (or fewer, to the width) kernels a channel,
// those that do not exist as zero.
template <int kM>
void PackLot(const ConvShape& s, const float* weights, int64_t k0, int64_t c0, int64_t count_k,
             int64_t columns, int64_t width, float* panel) {
  constexpr int kPlane = kM + 2;
  const int64_t count_c = std::min(kLot, s.c - c0);
  float lot[kPlane * kPlane][kLot][kLot] = {};  // [position][c][k]
  for (int64_t k = 0; k < count_k; ++k) {
    double g[9][kLot] = {}, u[kPlane * kPlane][kLot];
    for (int tap = 0; tap < 9; ++tap) {
      const float* from = weights + ((k0 + k) * 9 + tap) * s.c + c0;
      for (int64_t c = 0; c < count_c; ++c) g[tap][c] = from[c];
    }
    TransformWeights<kPlane>(WinogradG(kM), g, u);
    for (int p = 0; p < kPlane * kPlane; ++p) {
      for (int64_t c = 0; c < kLot; ++c) lot[p][c][k] = static_cast<float>(u[p][c]);
    }
  }
  for (int p = 0; p < kPlane * kPlane; ++p) {
    for (int64_t c = 0; c < count_c; ++c) {
      std::memcpy(panel + (p * s.c + c0 + c) * width, lot[p][c],
                  static_cast<size_t>(columns) * sizeof(float));
    }
  }
}

}  // namespace

int VectorLanes() { return GetMicroKernels()->lanes; }

WinogradForward::Cut WinogradForward::MakeCut(const ConvShape& s, const MicroKernels& kernels,
                                              int m, int64_t tiles) {
  const int64_t positions = (m + 2) * (m + 2);
  const int64_t panel = std::min<int64_t>(kernels.panel_width(), RoundUp(s.k, kernels.lanes));
  const int64_t panels = DivUp(s.k, kernels.panel_width());
  Cut cut;
  cut.input_row = OddLines(RoundUp(s.c, kernels.lanes));
  cut.sum_row = RoundUp(panel, 16);
  const int64_t fit = kBlockFloats / (positions * (cut.input_row + cut.sum_row));
  cut.blocks = DivUp(tiles, std::clamp<int64_t>(fit, 16, kMaxBlockTiles));
  cut.few = cut.blocks < kMinBlocks;
  // Tasks for a few threads, of at least a micro-kernel's rows.
  if (cut.few) {
    cut.blocks = std::max(cut.blocks, std::min(DivUp(tiles, 6), DivUp(4, panels)));
  } else {
    cut.blocks = RoundUp(cut.blocks, 2);
  }
  cut.block_tiles = DivUp(tiles, cut.blocks);
  cut.blocks = DivUp(tiles, cut.block_tiles);
  cut.input_position = OddLines(cut.block_tiles * cut.input_row);
  cut.sum_position = OddLines(cut.block_tiles * cut.sum_row);
  return cut;
}

WinogradForward::WinogradForward(const ConvShape& shape, int m)
    : shape_(WithOutput(shape)),
      m_(m),
      kernels_(GetMicroKernels()),
      transforms_(GetWinogradKernels()) {
  const ConvShape& s = shape_;
  Check((m == 2 || m == 4) && s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 &&
            s.dilation_h == 1 && s.dilation_w == 1 && s.groups == 1,
        "winograd: tiles of {} for a convolution that is not 3x3, dense and of stride 1", m);
  tiles_y_ = DivUp(s.oh, m);
  tiles_x_ = DivUp(s.ow, m);
  tiles_ = s.n * tiles_y_ * tiles_x_;
  cut_ = MakeCut(s, *kernels_, m, tiles_);
  zeros_.assign(static_cast<size_t>(s.c), 0.0f);
  const int64_t vectors = std::min<int64_t>(kernels_->max_vectors, DivUp(s.k, kernels_->lanes));
  name_ = fmt::format("winograd{}_f32 {} {}x{}", m, kernels_->target, kernels_->rows[vectors],
                      vectors * kernels_->lanes);
}

size_t WinogradForward::packed_bytes() const {
  return static_cast<size_t>(positions() * PackedFloats(*kernels_, shape_.c, shape_.k)) *
         sizeof(float);
}

size_t WinogradForward::ScratchBytes(int threads) const {
  const int64_t inputs = (SharesInputs(threads) ? cut_.blocks : threads) * input_floats();
  return static_cast<size_t>(inputs + threads * sum_floats()) * sizeof(float);
}

void WinogradForward::Pack(const float* weights, float* packed, ThreadPool* pool) const {
  const int64_t panel_width = kernels_->panel_width();
  const int64_t lots = DivUp(shape_.c, kLot);
  const auto tasks = static_cast<size_t>(DivUp(shape_.k, panel_width) * lots);
  ParallelFor(pool, tasks, [&](size_t i) {
    const int64_t column = static_cast<int64_t>(i) / lots * panel_width;
    const int64_t c0 = static_cast<int64_t>(i) % lots * kLot;
    const int64_t cols = std::min(panel_width, shape_.k - column);
    const int64_t width = RoundUp(cols, kernels_->lanes);
    float* panel = packed + positions() * shape_.c * column;
    for (int64_t k = 0; k < width; k += kLot) {
      const int64_t count = std::min(kLot, cols - k);
      const auto pack = m_ == 2 ? PackLot<2> : PackLot<4>;
      pack(shape_, weights, column + k, c0, count, std::min(kLot, width - k), width, panel + k);
    }
  });
}

int64_t WinogradForward::BlockTiles(int64_t block) const {
  return std::min(cut_.block_tiles, tiles_ - block * cut_.block_tiles);
}

WinogradForward::Tile WinogradForward::TileAt(int64_t index) const {
  const int64_t line = index / tiles_x_;
  return {line / tiles_y_, line % tiles_y_ * m_, index % tiles_x_ * m_};
}

void WinogradForward::TransformInput(const float* src, int64_t src_stride, const Tile& tile,
                                     float* inputs) const {
  const ConvShape& s = shape_;
  const float* pixels[kMaxPositions];
  const float** pixel = pixels;
  for (int64_t y = tile.y - s.pad_top; y < tile.y - s.pad_top + m_ + 2; ++y) {
    const float* row = src + (tile.image * s.h + y) * s.w * src_stride;
    for (int64_t x = tile.x - s.pad_left; x < tile.x - s.pad_left + m_ + 2; ++x) {
      const bool inside = y >= 0 && y < s.h && x >= 0 && x < s.w;
      *pixel++ = inside ? row + x * src_stride : zeros_.data();
    }
  }
  const auto transform = m_ == 2 ? transforms_->input_2 : transforms_->input_4;
  transform(pixels, s.c, inputs, cut_.input_position);
}

void WinogradForward::TransformOutput(const Tile& tile, int64_t panel, const float* sums,
                                      const Epilogue& epilogue, float* dst,
                                      int64_t dst_stride) const {
  const ConvShape& s = shape_;
  const int64_t column = panel * kernels_->panel_width();
  const int64_t pixel = (tile.image * s.oh + tile.y) * s.ow + tile.x;
  WinogradOutputArgs args;
  args.sums = sums;
  args.position_stride = cut_.sum_position;
  args.cols = std::min<int64_t>(kernels_->panel_width(), s.k - column);
  args.rows = std::min<int64_t>(m_, s.oh - tile.y);
  args.columns = std::min<int64_t>(m_, s.ow - tile.x);
  args.dst = dst + pixel * dst_stride + column;
  args.dst_pixel = dst_stride;
  args.dst_row = s.ow * dst_stride;
  if (epilogue.bias != nullptr) args.bias = epilogue.bias + column;
  if (epilogue.residual != nullptr) {
    args.residual = epilogue.residual + pixel * epilogue.residual_stride + column;
    args.residual_pixel = epilogue.residual_stride;
    args.residual_row = s.ow * epilogue.residual_stride;
  }
  args.has_floor = IsClamp(epilogue.act);
  args.has_ceiling = epilogue.act == Activation::kRelu6;
  args.ceiling = 6.0f;
  (m_ == 2 ? transforms_->output_2 : transforms_->output_4)(args);
  if (epilogue.act == Activation::kIdentity || IsClamp(epilogue.act)) return;
  for (int64_t y = 0; y < args.rows; ++y) {
    for (int64_t x = 0; x < args.columns; ++x) {
      float* pixel = args.dst + y * args.dst_row + x * args.dst_pixel;
      kernels_->activate(epilogue.act, epilogue.alpha, &pixel, 1, 0, args.cols);
    }
  }
}

void WinogradForward::RunPanel(int64_t block, int64_t panel, const float* inputs,
                               const float* packed, float* sums, const Epilogue& epilogue,
                               float* dst, int64_t dst_stride) const {
  const int64_t column = panel * kernels_->panel_width();
  const float* a_rows[kMaxBlockTiles];
  float* c_rows[kMaxBlockTiles];
  Block product;
  product.a = a_rows;
  product.c = c_rows;
  product.rows = BlockTiles(block);
  product.k = shape_.c;
  product.n =
      RoundUp(std::min<int64_t>(kernels_->panel_width(), shape_.k - column), kernels_->lanes);
  product.last_panel = 1;
  for (int position = 0; position < positions(); ++position) {
    for (int64_t i = 0; i < product.rows; ++i) {
      a_rows[i] = inputs + position * cut_.input_position + i * cut_.input_row;
      c_rows[i] = sums + position * cut_.sum_position + i * cut_.sum_row;
    }
    product.packed = packed + (positions() * column + position * product.n) * shape_.c;
    product.next = product.packed + product.n * shape_.c;
    RunBlock(*kernels_, product);
  }
  for (int64_t i = 0; i < product.rows; ++i) {
    TransformOutput(TileAt(block * cut_.block_tiles + i), panel, sums + i * cut_.sum_row, epilogue,
                    dst, dst_stride);
  }
}

void WinogradForward::Run(const float* src, int64_t src_stride, const float* packed, float* dst,
                          int64_t dst_stride, const Epilogue& epilogue, void* scratch,
                          ThreadPool* pool) const {
  const int64_t panels = DivUp(shape_.k, kernels_->panel_width());
  float* inputs = static_cast<float*>(scratch);
  if (!SharesInputs(Threads(pool))) {
    float* sums = inputs + Threads(pool) * input_floats();
    ParallelForWorker(pool, static_cast<size_t>(cut_.blocks), [&](size_t worker, size_t i) {
      const auto block = static_cast<int64_t>(i);
      float* mine = inputs + static_cast<int64_t>(worker) * input_floats();
      for (int64_t t = 0; t < BlockTiles(block); ++t) {
        TransformInput(src, src_stride, TileAt(block * cut_.block_tiles + t),
                       mine + t * cut_.input_row);
      }
      for (int64_t panel = 0; panel < panels; ++panel) {
        RunPanel(block, panel, mine, packed, sums + static_cast<int64_t>(worker) * sum_floats(),
                 epilogue, dst, dst_stride);
      }
    });
    return;
  }
  float* sums = inputs + cut_.blocks * input_floats();
  ParallelFor(pool, static_cast<size_t>(tiles_), [&](size_t i) {
    const int64_t block = static_cast<int64_t>(i) / cut_.block_tiles;
    const int64_t tile = static_cast<int64_t>(i) % cut_.block_tiles;
    TransformInput(src, src_stride, TileAt(static_cast<int64_t>(i)),
                   inputs + block * input_floats() + tile * cut_.input_row);
  });
  ParallelForWorker(pool, static_cast<size_t>(cut_.blocks * panels), [&](size_t worker, size_t i) {
    const int64_t block = static_cast<int64_t>(i) % cut_.blocks;
    RunPanel(block, static_cast<int64_t>(i) / cut_.blocks, inputs + block * input_floats(), packed,
             sums + static_cast<int64_t>(worker) * sum_floats(), epilogue, dst, dst_stride);
  });
}

}  // namespace linnet::kernels
