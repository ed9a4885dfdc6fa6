#include "kernels/stem.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "kernels/matmul_block.h"
#include "kernels/matmul_kernels.h"
#include "kernels/stem_kernels.h"

namespace linnet::kernels {
namespace {

constexpr int64_t kMaxRun = 64;
constexpr int64_t kMaxKernelRows = 11;
constexpr int64_t kMaxStep = 6;
// The runs of one tile's pixels in one row of the source.
constexpr int64_t kMaxTileFloats = (StemKernels::kMaxPixels - 1) * kMaxStep + kMaxRun;
constexpr int64_t kTasks = 32;

int64_t Step(const ConvShape& s) { return s.stride_w * s.c; }
int64_t RunFloats(const ConvShape& s) { return s.kw * s.c; }

}  // namespace

std::string StemRefuses(const ConvShape& s) {
  if (s.groups != 1) return fmt::format("{} groups", s.groups);
  if (s.dilation_w != 1) return fmt::format("dilation {}", s.dilation_w);
  if (Step(s) != StemKernels::kSteps[0] && Step(s) != StemKernels::kSteps[1]) {
    return fmt::format("stride {} of {} channels", s.stride_w, s.c);
  }
  if (s.kh > kMaxKernelRows || RunFloats(s) > kMaxRun) {
    return fmt::format("kernel {}x{} of {} channels", s.kh, s.kw, s.c);
  }
  if (s.ow < StemKernels::kMaxPixels) return fmt::format("rows of {} pixels", s.ow);
  return "";
}

StemForward::StemForward(const ConvShape& shape)
    : shape_(WithOutput(shape)), kernels_(GetMicroKernels()), tiles_(GetStemKernels()) {
  const std::string reason = StemRefuses(shape_);
  Check(reason.empty(), "stem: {}", reason);
  zeros_.assign(kMaxTileFloats, 0.0f);
  const int64_t vectors =
      std::min<int64_t>(kernels_->max_vectors, DivUp(shape_.k, kernels_->lanes));
  name_ = fmt::format("stem_f32 {} {}x{}", kernels_->target, tiles_->pixels[vectors],
                      vectors * kernels_->lanes);
}

size_t StemForward::packed_bytes() const {
  const int64_t terms = shape_.kh * RunFloats(shape_);
  return static_cast<size_t>(PackedFloats(*kernels_, terms, shape_.k)) * sizeof(float);
}

void StemForward::Pack(const float* weights, float* packed, ThreadPool*) const {
  const int64_t terms = shape_.kh * RunFloats(shape_), width = kernels_->panel_width();
  for (int64_t column = 0; column < shape_.k; column += width) {
    const int64_t cols = std::min(width, shape_.k - column);
    kernels_->pack_transposed(weights + column * terms, terms, terms, cols,
                              RoundUp(cols, kernels_->lanes), packed + column * terms);
  }
}

// The tile whose first output pixel is x. rows: of the source, by kernel row.
void StemForward::RunTile(const float* const* rows, int64_t x, StemTileArgs& args) const {
  const ConvShape& s = shape_;
  const int64_t vectors = DivUp(args.cols, kernels_->lanes);
  const int64_t floats = (tiles_->pixels[vectors] - 1) * Step(s) + RunFloats(s);
  const int64_t begin = x * Step(s) - s.pad_left * s.c, end = s.w * s.c;
  const auto tile = tiles_->tile[Step(s) == StemKernels::kSteps[0] ? 0 : 1][vectors];
  if (begin >= 0 && begin + floats <= end) {
    for (int64_t y = 0; y < s.kh; ++y) {
      args.rows[y] = rows[y] == nullptr ? zeros_.data() : rows[y] + begin;
    }
    return tile(args);
  }
  float padded[kMaxKernelRows][kMaxTileFloats];
  const int64_t from = std::clamp<int64_t>(-begin, 0, floats);
  const int64_t to = std::clamp<int64_t>(end - begin, from, floats);
  for (int64_t y = 0; y < s.kh; ++y) {
    args.rows[y] = rows[y] == nullptr ? zeros_.data() : padded[y];
    if (rows[y] == nullptr) continue;
    std::fill(padded[y], padded[y] + from, 0.0f);
    std::copy(rows[y] + begin + from, rows[y] + begin + to, padded[y] + from);
    std::fill(padded[y] + to, padded[y] + floats, 0.0f);
  }
  tile(args);
}

// One row of output pixels, 'line' of all images' rows.
void StemForward::RunRow(const float* src, const float* packed, int64_t line,
                         const Epilogue& epilogue, float* dst) const {
  const ConvShape& s = shape_;
  const int64_t image = line / s.oh, top = line % s.oh * s.stride_h - s.pad_top;
  const float* rows[kMaxKernelRows];
  for (int64_t y = 0; y < s.kh; ++y) {
    const int64_t row = top + y * s.dilation_h;
    rows[y] = row >= 0 && row < s.h ? src + (image * s.h + row) * s.w * s.c : nullptr;
  }
  StemTileArgs args;
  args.kernel_rows = s.kh;
  args.run = RunFloats(s);
  args.dst_pixel = s.k;
  args.residual_pixel = epilogue.residual_stride;
  args.has_floor = IsClamp(epilogue.act);
  args.has_ceiling = epilogue.act == Activation::kRelu6;
  args.ceiling = 6.0f;
  for (int64_t column = 0; column < s.k; column += kernels_->panel_width()) {
    args.cols = std::min<int64_t>(kernels_->panel_width(), s.k - column);
    args.b = packed + column * s.kh * args.run;
    if (epilogue.bias != nullptr) args.bias = epilogue.bias + column;
    const int64_t pixels = tiles_->pixels[DivUp(args.cols, kernels_->lanes)];
    for (int64_t first = 0; first < s.ow; first += pixels) {
      // The last tile begins early enough to be whole, and computes some pixels again.
      const int64_t x = std::min(first, s.ow - pixels);
      args.dst = dst + (line * s.ow + x) * s.k + column;
      if (epilogue.residual != nullptr) {
        args.residual = epilogue.residual + (line * s.ow + x) * epilogue.residual_stride + column;
      }
      RunTile(rows, x, args);
    }
  }
  if (epilogue.act != Activation::kIdentity && !IsClamp(epilogue.act)) {
    float* row = dst + line * s.ow * s.k;
    kernels_->activate(epilogue.act, epilogue.alpha, &row, 1, 0, s.ow * s.k);
  }
}

void StemForward::Run(const float* src, const float* packed, float* dst, const Epilogue& epilogue,
                      void*, ThreadPool* pool) const {
  RunRows(0, shape_.n * shape_.oh, src, packed, dst, epilogue, pool);
}

void StemForward::RunRows(int64_t first, int64_t last, const float* src, const float* packed,
                          float* dst, const Epilogue& epilogue, ThreadPool* pool) const {
  const int64_t lines = last - first;
  const int64_t tasks = std::min(lines, std::max(kTasks, shape_.n));
  ParallelFor(pool, static_cast<size_t>(tasks), [&](size_t i) {
    const auto task = static_cast<int64_t>(i);
    for (int64_t line = PartBegin(lines, tasks, task); line < PartBegin(lines, tasks, task + 1);
         ++line) {
      RunRow(src, packed, first + line, epilogue, dst);
    }
  });
}

}  // namespace linnet::kernels
