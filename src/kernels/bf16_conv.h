// Convolution, dense and grouped, and fully connected layers, with factors of bfloat16 and sums of
// float32: kBf16, or kBf16x3 (split products, see bf16_kernels.h).
//
//   dst = act(conv(src, weights) + bias + residual)
//
// Activations are NHWC and float32 or bfloat16, each by itself; weights are float32, OHWI, and are
// rounded when they are packed.
//
// Method. Tile registers load 16 rows of A, any distance apart, so for a pointwise convolution of
// bfloat16 the map is A as it lies. For any other one, neighbouring output pixels of a line are
// rows of A that lie 'stride' pixels apart and overlap: nothing is gathered by taps. What it takes
// is a copy of the source with the padding around each line, in bfloat16, made in scratch. With
// stride 1 the lines of the copy run on from one to the next, and the few outputs in between that
// see both ends are dropped: on a map of 14x14 16 tiles of rows in place of 14 * 14 / 16 = 13. With
// stride 2 the copy has four phases, of even and odd lines and pixels, each of which is read with
// stride 1; not where channels are no whole steps, as a row of the kernel then makes fewer.
// The copy's pixels lie a cache line further apart than their channels where 16 rows would fall
// into few sets of the caches. A pointwise convolution's rows are copied by the task that reads
// them.
//
// Objects are prepared once for a shape and an instruction set, and are then read-only. Pack and
// Run allocate nothing. Results do not depend on the number of threads.
#ifndef LINNET_KERNELS_BF16_CONV_H_
#define LINNET_KERNELS_BF16_CONV_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/conv.h"

namespace linnet::kernels {

struct Bf16Kernels;  // the chosen instruction set's functions, bf16_kernels.h
struct Bf16Rows;
struct Bf16BlockArgs;

struct Bf16Epilogue {
  const float* bias = nullptr;  // [k], or none
  Activation act = Activation::kIdentity;
  float alpha = 0.01f;
  const void* residual = nullptr;  // rows as dst's, or none
  int64_t residual_stride = 0;     // numbers from one row to the next
};

class Conv2dBf16 {
 public:
  // Which values are of bfloat16.
  struct Types {
    bool src = false, residual = false, dst = false;
    bool split = false;  // kBf16x3
  };
  Conv2dBf16(const ConvShape& shape, const Types& types);
  const std::string& name() const { return name_; }  // "conv_bf16 AMX 32x32"
  size_t packed_bytes() const;
  size_t ScratchBytes(int threads) const;
  // packed and scratch are 64-byte aligned.
  void Pack(const float* weights, void* packed, ThreadPool* pool) const;
  // Pixels of src and dst lie so many numbers apart, at least c and k.
  void Run(const void* src, int64_t src_stride, const void* packed, void* dst, int64_t dst_stride,
           const Bf16Epilogue& epilogue, void* scratch, ThreadPool* pool) const;

 private:
  struct Call;  // what one Run was given
  struct Task {
    int64_t first_group, last_group, first_panel, last_panel;
  };
  void PlanRows();
  void CutTasks();
  Task TaskOf(int64_t i) const;
  int64_t panels() const;
  int64_t PanelTiles(int64_t panel) const;
  int64_t StepNumbers(int64_t panel) const;
  int64_t PanelNumbers(int64_t panel) const;
  int64_t GroupNumbers() const;  // of the packed weights of a group of channels
  int64_t row_groups() const { return lines_ * line_groups_; }
  int64_t CopyPixelNumbers() const;
  int64_t planes() const { return types_.split ? 2 : 1; }
  int64_t CopyNumbers() const;
  int64_t LowNumbers() const;
  size_t WorkerBytes() const;
  void PackPanel(const float* weights, int64_t channel_group, int64_t panel, uint16_t* to) const;
  void Put(const Call& call, int64_t numbers, int64_t from, uint16_t* to) const;
  void Zero(int64_t numbers, uint16_t* to) const;
  void CopyLine(const Call& call, int64_t line) const;
  void CopyRows(const Call& call, int64_t first, int64_t last, uint16_t* to) const;
  Bf16Rows RowsOf(const Call& call, const uint16_t* source, int64_t group, uint16_t* tail,
                  uint16_t* last) const;
  void SetPanel(const uint16_t* group, int64_t panel, bool first, Bf16BlockArgs& args) const;
  void Fetch(int64_t panel, int64_t block, int64_t blocks, Bf16BlockArgs& args) const;
  void RunTask(const Call& call, const Task& task, int64_t channel_group, char* scratch) const;
  void Finish(const Call& call, int64_t group, int64_t column, int64_t cols,
              const float* sums) const;

  ConvShape shape_;
  Types types_;
  const Bf16Kernels* kernels_;
  std::string name_;

  // A row of A: 'runs_' runs of numbers that lie side by side, each of whole steps.
  int64_t runs_ = 0, run_ = 0, steps_ = 0;
  std::vector<int64_t> offsets_;  // of the steps

  // The copy of the source, if one is made: lines of pixels, by all threads or, of a task's rows,
  // by the task. Low parts lie copy_plane_ numbers behind the high ones.
  bool copies_ = false, task_copies_ = false;
  int64_t copy_lines_ = 0, copy_width_ = 0, copy_pixel_ = 0, copy_plane_ = 0;
  int64_t phases_h_ = 1, phases_w_ = 1, image_lines_ = 0;  // lines of an image in a phase
  int64_t row_step_ = 1;  // pixels of the copy from one row of A to the next

  // Rows of A: lines, each of rows the same distance apart; in groups of 16. Of 'line_pitch_' rows
  // the first 'line_width_' are outputs.
  int64_t lines_ = 0, line_rows_ = 0, line_groups_ = 0, line_pitch_ = 0, line_width_ = 0;
  int64_t line_outputs_ = 0;

  int64_t task_groups_ = 0, task_panels_ = 0, row_tasks_ = 0, panel_tasks_ = 0;
  bool panels_first_ = false;  // a task goes through all rows with one panel, then the next
  bool far_weights_ = false;   // too many for the second-level cache
  bool narrow_ = false;        // low parts of weights are bytes
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_BF16_CONV_H_
