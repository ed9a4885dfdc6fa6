#include "kernels/bf16_conv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/bf16_kernels.h"
#include "kernels/conv_indirect.h"
#include "kernels/matmul_block.h"

namespace linnet::kernels {
namespace {

constexpr int64_t kTileNumbers = kBf16Tile * kBf16Step;
// Two blocks: the sums of one go on to their results while those of the next are made.
constexpr int64_t kSums = kBf16Block * kBf16Block;
constexpr size_t kSumsBytes = 2 * kSums * sizeof(float);

int64_t Channels(const ConvShape& s) { return s.c / s.groups; }

bool IsOneTap(const ConvShape& s) {
  return s.kh == 1 && s.kw == 1 && s.pad_top == 0 && s.pad_left == 0 && s.pad_bottom == 0 &&
         s.pad_right == 0;
}

// w = high + byte * 2^-15 * the power of two of high. 0 where high is no number, or so small that
// the product would be denormal. A byte would be 128 where w lies between two bfloat16: it is then
// -128 behind the upper one.
int8_t NarrowLow(float w, bfloat16_t& high) {
  const int power = (high >> 7 & 0xff) - 127;
  if (power == 128 || power < 15 - 126) return 0;
  const float units = std::nearbyint(std::ldexp(w - FromBfloat16(high), 15 - power));
  if (units <= 127) return static_cast<int8_t>(units);
  high = static_cast<bfloat16_t>(w > 0 ? high + 1 : high - 1);
  return power == (high >> 7 & 0xff) - 127 ? -128 : -64;
}

}  // namespace

// Pointers are to the first number; 'source' is the copy, if there is one.
struct Conv2dBf16::Call {
  const void* src;
  int64_t src_stride;
  const bfloat16_t* packed;
  void* dst;
  int64_t dst_stride;
  const Bf16Epilogue* epilogue;
  bfloat16_t* copy;
};

Conv2dBf16::Conv2dBf16(const ConvShape& shape, const Types& types)
    : shape_(WithOutput(shape)), types_(types), kernels_(GetBf16Kernels()) {
  // Between single outputs there is no stride, however large it may be called.
  if (shape_.oh == 1) shape_.stride_h = 1;
  if (shape_.ow == 1) shape_.stride_w = 1;
  PlanRows();
  CutTasks();
  name_ = fmt::format("{}_{} {} 32x{}", IsPointwise(shape_) ? "matmul" : "conv",
                      types_.split ? "bf16x3" : "bf16", kernels_->target,
                      shape_.k / shape_.groups > kBf16Tile ? 32 : 16);
}

void Conv2dBf16::PlanRows() {
  const ConvShape& s = shape_;
  const bool one_tap = IsOneTap(s);
  copies_ = !one_tap || s.oh != s.h || s.ow != s.w || !types_.src || types_.split;
  if (copies_) copy_pixel_ = CopyPixelNumbers();
  const bool strides = s.stride_h > 1 || s.stride_w > 1;
  const bool phased = strides && s.kh > 1 && s.kw > 1 && s.stride_h <= s.kh && s.stride_w <= s.kw &&
                      s.dilation_h == 1 && s.dilation_w == 1 && Channels(s) % kBf16Step == 0;
  if (phased) phases_h_ = s.stride_h, phases_w_ = s.stride_w;
  // A row of the kernel lies side by side, unless other groups' channels or pixels lie between.
  const bool merges = s.groups == 1 && s.dilation_w == 1 && copy_pixel_ == s.c && !phased;
  const int64_t across = merges ? 1 : s.kw;
  runs_ = s.kh * across;
  run_ = s.kw / across * Channels(s);
  const int64_t run_steps = DivUp(run_, kBf16Step);
  steps_ = runs_ * run_steps;

  if (one_tap) {  // the pixels that are outputs, one after the other
    image_lines_ = s.oh, copy_width_ = s.ow;
    lines_ = 1;
    line_rows_ = line_pitch_ = line_width_ = s.n * s.oh * s.ow;
  } else {
    image_lines_ = phased ? s.oh + (s.kh - 1) / s.stride_h : s.h + s.pad_top + s.pad_bottom;
    copy_width_ = phased ? s.ow + (s.kw - 1) / s.stride_w : s.w + s.pad_left + s.pad_right;
    const bool runs_on = phased || !strides;
    row_step_ = runs_on ? 1 : s.stride_w;
    lines_ = runs_on ? s.n : s.n * s.oh;
    line_width_ = s.ow;
    line_pitch_ = runs_on ? copy_width_ : s.ow;
    line_rows_ = runs_on ? (s.oh - 1) * copy_width_ + s.ow : s.ow;
  }
  copy_lines_ = phases_h_ * phases_w_ * s.n * image_lines_;
  line_groups_ = DivUp(line_rows_, kBf16Tile);
  line_outputs_ = s.n * s.oh * s.ow / lines_;
  for (int64_t run = 0; run < runs_; ++run) {
    const int64_t y = run / across * s.dilation_h, x = run % across * s.dilation_w;
    const int64_t phase = y % phases_h_ * phases_w_ + x % phases_w_;
    const int64_t line = phase * s.n * image_lines_ + y / phases_h_;
    for (int64_t step = 0; step < run_steps; ++step) {
      offsets_.push_back((line * copy_width_ + x / phases_w_) * copy_pixel_ + step * kBf16Step);
    }
  }
}

// From one pixel of the copy to the next. Sixteen rows that lie 512 bytes apart, or a multiple of
// it, fall into few sets of the first-level cache: a line more spreads them.
int64_t Conv2dBf16::CopyPixelNumbers() const {
  constexpr int64_t kFewSets = 256;
  const ConvShape& s = shape_;
  const bool rounds = IsOneTap(s) && s.groups == 1;
  const int64_t pixel = rounds ? RoundUp(s.c, kBf16Step) : s.c;
  return pixel % kFewSets == 0 ? pixel + kBf16Step : pixel;
}

// By the shape alone. Weights that do not stay in the second-level cache pass by once, panel by
// panel, all rows with each, as far as these stay there: panels make the tasks. So do they where
// they are enough for it: a panel stays in the first level, where rows that lie far apart do not.
// Else rows make the tasks, and rows and results pass once and in order.
void Conv2dBf16::CutTasks() {
  constexpr int64_t kRowBytes = 1024 * 1024, kFewRowBytes = 384 * 1024;
  constexpr int64_t kWeightBytes = 1024 * 1024;
  constexpr int64_t kTasks = 16, kMinMacs = 2 * 1024 * 1024;
  const int64_t row_bytes = 2 * planes() * kBf16Tile * shape_.c * row_step_;
  const int64_t macs = row_groups() * kBf16Tile * steps_ * kBf16Step * (shape_.k / shape_.groups);
  const int64_t wanted = std::clamp<int64_t>(macs / kMinMacs, 1, kTasks);
  const int64_t most = std::max<int64_t>(2, kRowBytes / row_bytes);
  far_weights_ = 2 * GroupNumbers() >= kWeightBytes;
  narrow_ = types_.split && far_weights_;
  const bool few_rows = row_groups() * row_bytes <= kFewRowBytes;
  panels_first_ = far_weights_ || (few_rows && panels() >= wanted);
  // Far weights are read by few tasks, each of which reads all of them: enough for four threads.
  constexpr int64_t kFewTasks = 4;
  const int64_t least = far_weights_    ? DivUp(kFewTasks, panels())
                        : panels_first_ ? 1
                                        : std::min(wanted, row_groups());
  // Blocks take two groups of rows.
  task_groups_ = RoundUp(std::min(most, DivUp(row_groups(), least)), 2);
  row_tasks_ = DivUp(row_groups(), task_groups_);
  task_panels_ = DivUp(panels(), std::clamp<int64_t>(wanted / row_tasks_, 1, panels()));
  panel_tasks_ = DivUp(panels(), task_panels_);
  task_copies_ = copies_ && IsOneTap(shape_) && panel_tasks_ == 1 && shape_.groups == 1;
  // With what the last step of the last row reads behind it, and what the rows of the last group do
  // that there are not.
  const int64_t row = copy_pixel_ * row_step_;
  const int64_t pixels = task_copies_ ? task_groups_ * kBf16Tile : copy_lines_ * copy_width_;
  copy_plane_ = RoundUp(pixels * copy_pixel_ + kBf16Tile * row + kBf16Step, 32);
}

Conv2dBf16::Task Conv2dBf16::TaskOf(int64_t i) const {
  const int64_t row = i / panel_tasks_, panel = i % panel_tasks_;
  return {row * task_groups_, std::min(row_groups(), (row + 1) * task_groups_),
          panel * task_panels_, std::min(panels(), (panel + 1) * task_panels_)};
}

// ---- weights ----

int64_t Conv2dBf16::panels() const { return DivUp(shape_.k / shape_.groups, kBf16Block); }

// Every panel but the last has two tiles of columns.
int64_t Conv2dBf16::PanelTiles(int64_t panel) const {
  return shape_.k / shape_.groups - panel * kBf16Block > kBf16Tile ? 2 : 1;
}

// Of a step: its tiles, and as many of low parts, or half as many where these are bytes.
int64_t Conv2dBf16::StepNumbers(int64_t panel) const {
  const int64_t tiles = PanelTiles(panel) * kTileNumbers;
  return narrow_ ? tiles + tiles / 2 : planes() * tiles;
}

int64_t Conv2dBf16::PanelNumbers(int64_t panel) const { return steps_ * StepNumbers(panel); }

int64_t Conv2dBf16::GroupNumbers() const {
  return (panels() - 1) * PanelNumbers(0) + PanelNumbers(panels() - 1);
}

size_t Conv2dBf16::packed_bytes() const {
  return static_cast<size_t>(shape_.groups * GroupNumbers()) * sizeof(bfloat16_t);
}

void Conv2dBf16::PackPanel(const float* weights, int64_t channel_group, int64_t panel,
                           bfloat16_t* to) const {
  const int64_t channels = shape_.k / shape_.groups, depth = runs_ * run_;
  const int64_t tiles = PanelTiles(panel), run_steps = steps_ / runs_;
  std::fill_n(to, PanelNumbers(panel), bfloat16_t{0});
  for (int64_t column = 0; column < tiles * kBf16Tile; ++column) {
    const int64_t channel = panel * kBf16Block + column;
    if (channel >= channels) break;
    const float* w = weights + (channel_group * channels + channel) * depth;
    const int64_t of_column = column / kBf16Tile * kTileNumbers + column % kBf16Tile * 2;
    for (int64_t k = 0; k < depth; ++k) {
      const int64_t term = k % run_, step = k / run_ * run_steps + term / kBf16Step;
      const int64_t at = of_column + term % kBf16Step / 2 * (2 * kBf16Tile) + term % 2;
      bfloat16_t* high = to + step * StepNumbers(panel);
      bfloat16_t* low = high + tiles * kTileNumbers;
      high[at] = ToBfloat16(w[k]);
      if (narrow_) {
        reinterpret_cast<int8_t*>(low)[at] = NarrowLow(w[k], high[at]);
      } else if (types_.split) {
        low[at] = ToBfloat16(w[k] - FromBfloat16(high[at]));
      }
    }
  }
}

void Conv2dBf16::Pack(const float* weights, void* packed, ThreadPool* pool) const {
  ParallelFor(pool, static_cast<size_t>(shape_.groups * panels()), [&](size_t i) {
    const int64_t group = static_cast<int64_t>(i) / panels();
    const int64_t panel = static_cast<int64_t>(i) % panels();
    PackPanel(weights, group, panel,
              static_cast<bfloat16_t*>(packed) + group * GroupNumbers() + panel * PanelNumbers(0));
  });
}

// ---- the copy of the source ----

// Numbers of the source, from 'from' on, go to the copy.
void Conv2dBf16::Put(const Call& call, int64_t numbers, int64_t from, bfloat16_t* to) const {
  if (types_.src) {
    kernels_->copy(numbers, static_cast<const bfloat16_t*>(call.src) + from, to);
    if (types_.split) std::fill_n(to + copy_plane_, numbers, bfloat16_t{0});
  } else if (types_.split) {
    kernels_->split(numbers, static_cast<const float*>(call.src) + from, to, to + copy_plane_);
  } else {
    kernels_->to_bf16(numbers, static_cast<const float*>(call.src) + from, to);
  }
}

void Conv2dBf16::Zero(int64_t numbers, bfloat16_t* to) const {
  std::fill_n(to, numbers, bfloat16_t{0});
  if (types_.split) std::fill_n(to + copy_plane_, numbers, bfloat16_t{0});
}

// One line of the copy; padding is zeros.
void Conv2dBf16::CopyLine(const Call& call, int64_t line) const {
  const ConvShape& s = shape_;
  bfloat16_t* to = call.copy + line * copy_width_ * copy_pixel_;
  bfloat16_t* end = to + copy_width_ * copy_pixel_;
  const int64_t phase = line / image_lines_ / s.n, image = line / image_lines_ % s.n;
  const int64_t y = line % image_lines_ * phases_h_ + phase / phases_w_ - s.pad_top;
  const int64_t left = phase % phases_w_ - s.pad_left;  // the source's column of the first pixel
  if (y < 0 || y >= s.h) return Zero(end - to, to);
  const int64_t from = (image * s.h + y) * s.w * call.src_stride;
  // In one piece where pixels touch: else what lies between them is others'.
  if (phases_w_ == 1 && call.src_stride == s.c && copy_pixel_ == s.c) {
    Zero(s.pad_left * copy_pixel_, to);
    to += s.pad_left * copy_pixel_;
    Put(call, s.w * s.c, from, to);
    to += s.w * s.c;
    return Zero(end - to, to);
  }
  for (int64_t x = left; to < end; x += phases_w_, to += copy_pixel_) {
    const int64_t channels = x < 0 || x >= s.w ? 0 : s.c;
    Put(call, channels, from + x * call.src_stride, to);
    Zero(copy_pixel_ - channels, to + channels);
  }
}

// Of a convolution of one tap: the pixels that become its outputs [first, last).
void Conv2dBf16::CopyRows(const Call& call, int64_t first, int64_t last, bfloat16_t* to) const {
  const ConvShape& s = shape_;
  for (int64_t row = first; row < last; ++row, to += copy_pixel_) {
    const int64_t line = row / s.ow, image = line / s.oh;
    const int64_t y = line % s.oh * s.stride_h, x = row % s.ow * s.stride_w;
    Put(call, s.c, ((image * s.h + y) * s.w + x) * call.src_stride, to);
    Zero(copy_pixel_ - s.c, to + s.c);
  }
}

// ---- a task ----

int64_t Conv2dBf16::CopyNumbers() const { return copies_ ? planes() * copy_plane_ : 0; }

int64_t Conv2dBf16::LowNumbers() const { return narrow_ ? steps_ * 2 * kTileNumbers : 0; }

// Sums; where the rows of a task's groups lie; a panel's low parts that were bytes; either the
// rows' copy, or their tails and the last group, whose rows might end behind the source.
size_t Conv2dBf16::WorkerBytes() const {
  const int64_t copy = task_copies_ ? CopyNumbers() : 0;
  const int64_t tails = copies_ ? 0 : (task_groups_ + steps_) * kTileNumbers;
  return kSumsBytes + static_cast<size_t>(RoundUp(task_groups_ * sizeof(Bf16Rows), 64)) +
         static_cast<size_t>(LowNumbers() + copy + tails) * sizeof(bfloat16_t);
}

size_t Conv2dBf16::ScratchBytes(int threads) const {
  const int64_t copy = task_copies_ ? 0 : CopyNumbers();
  return static_cast<size_t>(copy) * sizeof(bfloat16_t) + threads * WorkerBytes();
}

// 'source': the first number of the group of channels. 'tail', 'last': memory for what is copied.
Bf16Rows Conv2dBf16::RowsOf(const Call& call, const bfloat16_t* source, int64_t group,
                            bfloat16_t* tail, bfloat16_t* last) const {
  const ConvShape& s = shape_;
  const int64_t line = group / line_groups_, row = group % line_groups_ * kBf16Tile;
  Bf16Rows rows;
  rows.rows = std::min(kBf16Tile, line_rows_ - row);
  if (copies_) {
    rows.stride = row_step_ * copy_pixel_;
    // Lines follow each other by images, or by rows of outputs.
    const int64_t per_image = lines_ / s.n;
    const int64_t copy_line =
        lines_ == 1 ? 0 : line / per_image * image_lines_ + line % per_image * s.stride_h;
    rows.a = source + copy_line * copy_width_ * copy_pixel_ + row * rows.stride;
    return rows;
  }
  rows.a = source + row * call.src_stride;
  rows.stride = call.src_stride;
  const int64_t channels = Channels(s), whole = channels / kBf16Step * kBf16Step;
  // What lies behind a pixel's channels meets weights that are zero, and does no harm if it is a
  // number: the next pixel's, where they touch. In a buffer with other channels it may be anything.
  const int64_t behind = (row + kBf16Tile - 1) * channels + steps_ * kBf16Step;
  const bool harmless =
      s.groups == 1 && call.src_stride == channels && behind <= line_rows_ * channels;
  const auto copy_row = [&](int64_t i, int64_t first, int64_t numbers, bfloat16_t* to) {
    kernels_->copy(channels - first, rows.a + i * rows.stride + first, to);
    std::fill(to + channels - first, to + numbers, bfloat16_t{0});
  };
  if (rows.rows < kBf16Tile) {
    const int64_t numbers = steps_ * kBf16Step;
    for (int64_t i = 0; i < rows.rows; ++i) copy_row(i, 0, numbers, last + i * numbers);
    rows.a = last;
    rows.stride = numbers;
  } else if (whole < channels && !harmless) {
    for (int64_t i = 0; i < kBf16Tile; ++i) copy_row(i, whole, kBf16Step, tail + i * kBf16Step);
    rows.tail = tail;
  }
  return rows;
}

// The outputs among the rows of a group, run by run.
void Conv2dBf16::Finish(const Call& call, int64_t group, int64_t column, int64_t cols,
                        const float* sums) const {
  const Bf16Epilogue& epilogue = *call.epilogue;
  const int64_t line = lines_ == 1 ? 0 : group / line_groups_;
  const int64_t first = (group - line * line_groups_) * kBf16Tile;
  const int64_t end = std::min(first + kBf16Tile, line_rows_);
  Bf16FinishArgs args;
  args.cols = cols;
  args.bias = epilogue.bias == nullptr ? nullptr : epilogue.bias + column;
  args.residual_stride = epilogue.residual_stride;
  args.act = epilogue.act;
  args.alpha = epilogue.alpha;
  args.dst_stride = call.dst_stride;
  const auto finish = kernels_->finish[types_.residual][types_.dst];
  const bool runs_on = line_rows_ > line_pitch_;
  for (int64_t row = first; row < end;) {
    const int64_t y = runs_on ? row / line_pitch_ : 0, x = row - y * line_pitch_;
    if (x < line_width_) {
      const int64_t pixel = line * line_outputs_ + y * line_width_ + x;
      args.rows = std::min(end - row, line_width_ - x);
      args.sums = sums + (row - first) * kBf16Block;
      const int64_t to = pixel * call.dst_stride + column;
      args.dst = static_cast<char*>(call.dst) + to * (types_.dst ? 2 : 4);
      if (epilogue.residual != nullptr) {
        const int64_t at = pixel * epilogue.residual_stride + column;
        args.residual =
            static_cast<const char*>(epilogue.residual) + at * (types_.residual ? 2 : 4);
      }
      finish(args);
    }
    row += std::min(end - row, line_pitch_ - x);
  }
}

// Where a panel's steps are, and their low parts; of bytes, its first block makes them.
void Conv2dBf16::SetPanel(const bfloat16_t* group, int64_t panel, bool first,
                          Bf16BlockArgs& args) const {
  const int64_t tiles = PanelTiles(panel) * kTileNumbers;
  args.cols = std::min(kBf16Block, shape_.k / shape_.groups - panel * kBf16Block);
  args.b = group + panel * PanelNumbers(0);
  args.b_step = StepNumbers(panel);
  const bfloat16_t* low = args.b + tiles;
  args.b_low = narrow_ ? args.widened : low;
  args.b_low_step = narrow_ ? tiles : args.b_step;
  args.narrow = narrow_ && first ? reinterpret_cast<const int8_t*>(low) : nullptr;
}

// What a block asks for where weights come from far. Of split products the first block does for its
// own panel, 16 KB ahead; the second-level cache would not keep a whole panel for long beside this
// one and the rows. Other blocks are too short for that: each asks for a share of the panel to
// come.
void Conv2dBf16::Fetch(int64_t panel, int64_t block, int64_t blocks, Bf16BlockArgs& args) const {
  constexpr int64_t kAhead = 16 * 1024 / sizeof(bfloat16_t);
  if (types_.split) {
    args.next = args.b + kAhead;
    args.next_lines = block == 0 ? PanelNumbers(panel) / kBf16Step : 0;
    return;
  }
  const int64_t lines = panel + 1 < panels() ? PanelNumbers(panel + 1) / kBf16Step : 0;
  const int64_t share = DivUp(lines, blocks);
  args.next = args.b + PanelNumbers(panel) + block * share * kBf16Step;
  args.next_lines = std::clamp<int64_t>(lines - block * share, 0, share);
}

void Conv2dBf16::RunTask(const Call& call, const Task& task, int64_t channel_group,
                         char* scratch) const {
  const int64_t channels = shape_.k / shape_.groups;
  auto* sums = reinterpret_cast<float*>(scratch);
  auto* rows = reinterpret_cast<Bf16Rows*>(scratch + kSumsBytes);
  auto* low = reinterpret_cast<bfloat16_t*>(scratch + kSumsBytes +
                                            RoundUp(task_groups_ * sizeof(Bf16Rows), 64));
  bfloat16_t* copied = low + LowNumbers();
  const auto* source = static_cast<const bfloat16_t*>(call.src);
  if (task_copies_) {
    const int64_t first = task.first_group * kBf16Tile;
    CopyRows(call, first, std::min(line_rows_, task.last_group * kBf16Tile), copied);
    source = copied - first * copy_pixel_;
  } else if (copies_) {
    source = call.copy;
  }
  source += channel_group * Channels(shape_);
  const int64_t groups = task.last_group - task.first_group;
  for (int64_t i = 0; i < groups; ++i) {
    rows[i] = RowsOf(call, source, task.first_group + i, copied + i * kTileNumbers,
                     copied + task_groups_ * kTileNumbers);
  }
  Bf16BlockArgs args;
  args.steps = steps_;
  args.offsets = offsets_.data();
  args.a_low = types_.split ? copy_plane_ : 0;
  args.widened = low;
  args.widen = kernels_->widen;
  const int64_t blocks = DivUp(groups, 2), task_panels = task.last_panel - task.first_panel;
  const auto multiply = [&](int64_t panel, int64_t block, float* to) {
    SetPanel(call.packed + channel_group * GroupNumbers(), panel, block == 0, args);
    args.a[0] = rows[2 * block];
    args.a[1] = 2 * block + 1 < groups ? rows[2 * block + 1] : Bf16Rows{};
    args.sums = to;
    if (far_weights_) Fetch(panel, block, blocks, args);
    (types_.split ? kernels_->split_product : kernels_->product)(args);
  };
  const auto finish = [&](int64_t panel, int64_t block, const float* from) {
    const int64_t column = panel * kBf16Block;
    for (int64_t i = 2 * block; i < std::min(groups, 2 * block + 2); ++i) {
      Finish(call, task.first_group + i, channel_group * channels + column,
             std::min(kBf16Block, channels - column), from + i % 2 * kBf16Tile * kBf16Block);
    }
  };
  if (kernels_->begin != nullptr) kernels_->begin();
  // A block's sums are read one block later: they have then left the store buffer, from which what
  // tile registers store is not forwarded, and the reading overlaps with the tiles' next products.
  const int64_t count = task_panels * blocks;
  for (int64_t i = 0; i <= count; ++i) {
    const auto panel = [&](int64_t k) {
      return task.first_panel + (panels_first_ ? k / blocks : k % task_panels);
    };
    const auto block = [&](int64_t k) { return panels_first_ ? k % blocks : k / task_panels; };
    if (i < count) multiply(panel(i), block(i), sums + i % 2 * kSums);
    if (i > 0) finish(panel(i - 1), block(i - 1), sums + (i - 1) % 2 * kSums);
  }
  if (kernels_->end != nullptr) kernels_->end();
}

void Conv2dBf16::Run(const void* src, int64_t src_stride, const void* packed, void* dst,
                     int64_t dst_stride, const Bf16Epilogue& epilogue, void* scratch,
                     ThreadPool* pool) const {
  Call call = {src,        src_stride, static_cast<const bfloat16_t*>(packed), dst,
               dst_stride, &epilogue,  static_cast<bfloat16_t*>(scratch)};
  auto* workers = static_cast<char*>(scratch);
  if (copies_ && !task_copies_) {
    const int64_t used = copy_lines_ * copy_width_ * copy_pixel_;
    Zero(copy_plane_ - used, call.copy + used);
    ParallelFor(pool, static_cast<size_t>(copy_lines_), [&](size_t i) {
      const auto line = static_cast<int64_t>(i);
      if (!IsOneTap(shape_)) return CopyLine(call, line);
      CopyRows(call, line * copy_width_, (line + 1) * copy_width_,
               call.copy + line * copy_width_ * copy_pixel_);
    });
    workers += CopyNumbers() * static_cast<int64_t>(sizeof(bfloat16_t));
  }
  const int64_t tasks = row_tasks_ * panel_tasks_;
  ParallelForWorker(pool, static_cast<size_t>(shape_.groups * tasks), [&](size_t worker, size_t i) {
    const auto task = static_cast<int64_t>(i);
    RunTask(call, TaskOf(task % tasks), task / tasks, workers + worker * WorkerBytes());
  });
}

}  // namespace linnet::kernels
