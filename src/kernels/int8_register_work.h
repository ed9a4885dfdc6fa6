// What vectors do while tile registers multiply: between the steps of a product they bring the sums
// of the one before to bytes, a few rows at a time, so that both units work at once. Private to the
// kernels folder.
#ifndef LINNET_KERNELS_INT8_REGISTER_WORK_H_
#define LINNET_KERNELS_INT8_REGISTER_WORK_H_

#include <algorithm>
#include <cstdint>

#include "kernels/int8_kernels.h"

namespace linnet::kernels {

// Of one task. Its sums are those of Int8Kernels::finish.
class RegisterWork {
 public:
  // Where the next sums go; those that wait are in the other half.
  int32_t* sums() { return sums_[turn_]; }

  // 'steps' steps follow, during which all that waits should be done.
  void Begin(int64_t steps) { rows_of_step_ = std::max<int64_t>(4, (left_ + steps - 1) / steps); }
  void Step() {
    if (left_ > 0) Finish(std::min(left_, rows_of_step_));
  }
  void Rest() {
    if (left_ > 0) Finish(left_);
  }
  // sums() have been made, of 'tile'.
  void Take(const Int8TileArgs& tile, int vectors) {
    Rest();
    tile_ = tile;
    finish_ = tile.base->finish[vectors];
    left_ = tile.rows;
    from_ = sums_[turn_];
    turn_ ^= 1;
  }

 private:
  void Finish(int64_t rows) {
    tile_.rows = rows;
    finish_(tile_, from_);
    if (tile_.output->has_table) {
      tile_.base->lookup({rows, tile_.cols, tile_.output->table.data(), tile_.dst, tile_.dst_stride,
                          tile_.dst, tile_.dst_stride});
    }
    tile_.dst += rows * tile_.dst_stride;
    if (tile_.residual != nullptr) tile_.residual += rows * tile_.dst_stride;
    from_ += rows * tile_.base->lanes;
    left_ -= rows;
  }

  static constexpr int64_t kLanes = 16;  // of a register's row
  alignas(64) int32_t sums_[2][Int8Kernels::kVectors * Int8Kernels::kMaxRows * kLanes];
  int turn_ = 0;
  int64_t rows_of_step_ = 0, left_ = 0;
  Int8TileArgs tile_;
  void (*finish_)(const Int8TileArgs&, const int32_t*) = nullptr;
  const int32_t* from_ = nullptr;
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_INT8_REGISTER_WORK_H_
