#include "ops/window.h"

#include <algorithm>

#include "base/error.h"

namespace linnet {
namespace {

void CheckPositive(const Pair& pair, const char* name) {
  if (pair[0] < 1 || pair[1] < 1) {
    Fail(ErrorKind::kUsage, "{}={},{}: both must be at least 1", name, pair[0], pair[1]);
  }
}

void CheckFields(const WindowFields& fields) {
  CheckPositive(fields.kernel, "kernel");
  CheckPositive(fields.stride, "stride");
  CheckPositive(fields.dilation, "dilation");
  const Padding& p = fields.padding;
  if (p.top < 0 || p.left < 0 || p.bottom < 0 || p.right < 0) {
    Fail(ErrorKind::kUsage, "padding={}: must not be negative", FieldToText(p));
  }
}

struct Side {
  int64_t out = 0;
  int before = 0, after = 0;
};

// One direction (0: down, 1: right) on a map of 'size'.
Side FitSide(const WindowFields& fields, int direction, int64_t size, int before, int after) {
  const int64_t stride = fields.stride[direction];
  const int64_t extent = (fields.kernel[direction] - int64_t{1}) * fields.dilation[direction] + 1;
  // More than the largest map has is no network's; kernels take memory by it.
  constexpr int64_t kMost = 8192;
  if (extent > kMost || before > kMost || after > kMost) {
    Fail(ErrorKind::kUsage, "a window of extent {} with {} and {} of padding is too large", extent,
         before, after);
  }
  if (fields.padding.same) {
    const int64_t out = (size + stride - 1) / stride;
    const int64_t total = std::max<int64_t>((out - 1) * stride + extent - size, 0);
    if (total > kMost) Fail(ErrorKind::kUsage, "a window of extent {} is too large", extent);
    return {out, static_cast<int>(total / 2), static_cast<int>(total - total / 2)};
  }
  const int64_t room = size + before + after - extent;
  if (room < 0) {
    Fail(ErrorKind::kUsage,
         "the window reaches over {} {} (kernel {}, dilation {}), but the map has {} and {} of "
         "padding: use a larger input, a smaller kernel or more padding",
         extent, direction == 0 ? "rows" : "columns", fields.kernel[direction],
         fields.dilation[direction], size, int64_t{before} + after);
  }
  int64_t out = (fields.ceil ? (room + stride - 1) / stride : room / stride) + 1;
  if (fields.ceil && (out - 1) * stride >= size + before) --out;
  return {out, before, after};
}

}  // namespace

void CheckTaps(const Pair& kernel) {
  constexpr int64_t kMostTaps = 1 << 16;
  if (int64_t{kernel[0]} * kernel[1] <= kMostTaps) return;
  Fail(ErrorKind::kUsage, "kernel={},{}: more than {} taps", kernel[0], kernel[1], kMostTaps);
}

Window FitWindow(const WindowFields& fields, const Shape& in) {
  CheckFields(fields);
  const Padding& p = fields.padding;
  const Side rows = FitSide(fields, 0, in.h(), p.top, p.bottom);
  const Side columns = FitSide(fields, 1, in.w(), p.left, p.right);
  // Some kernels copy the map with its padding.
  constexpr double kMostPadded = 0x1p31;
  const double padded = 1.0 * static_cast<double>(in.n() * in.c()) *
                        static_cast<double>(in.h() + rows.before + rows.after) *
                        static_cast<double>(in.w() + columns.before + columns.after);
  if (padded > kMostPadded) {
    Fail(ErrorKind::kUsage, "a map of {} with padding {},{},{},{} is too large", in.ToString(),
         rows.before, columns.before, rows.after, columns.after);
  }
  return {rows.out, columns.out, rows.before, columns.before, rows.after, columns.after};
}

}  // namespace linnet
