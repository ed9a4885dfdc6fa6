// Where a sliding window stands on a map: output size and padding, for convolutions and pooling.
#ifndef LINNET_OPS_WINDOW_H_
#define LINNET_OPS_WINDOW_H_

#include "base/tensor.h"
#include "graph/op.h"

namespace linnet {

// As an operation's fields have it.
struct WindowFields {
  Pair kernel = {1, 1};
  Pair stride = {1, 1};
  Pair dilation = {1, 1};
  Padding padding = {};
  bool ceil = false;  // round the output size up; no window starts in the padding
};

// On a map of known size. Output row y has its first tap at input row y * stride - top.
struct Window {
  int64_t out_h = 0, out_w = 0;
  int top = 0, left = 0, bottom = 0, right = 0;
};

// 'in' is [N,H,W,C]. Explicit padding: out = floor((in + before + after - extent) / stride) + 1
// with extent = (kernel - 1) * dilation + 1. SAME (TensorFlow): out = ceil(in / stride), and of the
// zeros needed for that the smaller half comes first. Error (kUsage) if a field makes no sense or
// the window does not fit.
Window FitWindow(const WindowFields& fields, const Shape& in);

// Error (kUsage) if there are so many taps that the pointers to them, which some kernels keep for
// each row of a block, would take more memory than the network's values.
void CheckTaps(const Pair& kernel);

// The fan of a convolution's Kaiming initialisation (1502.01852, sec. 2.2), of 'in' channels seen
// by a filter and 'out' filters of the layer. With a bias nothing rescales the result, and fan_in
// keeps the activations' size: by fan_out, a classifier of 1024 channels to 10 would begin with a
// loss of 15. Before batch norm (no bias) it is torchvision's fan_out, of all groups together: what
// the batch norm follows may begin as small as it likes, and a step of size lr turns a filter by
// lr / |w|^2, so that depthwise filters, which no decay makes smaller, hardly turn if they begin
// large. (timm's, of one group, is 22 times as large for 512 channels; `linnet train mobilenet_v1
// --width 0.25 --batch 32 --start-size 0.5 --epochs 12` on CIFAR-10 ended at 83.1 % of the test
// pictures with it and lr 0.2, 83.3 with 0.1; with this one at 84.6 and 84.8.)
inline double KaimingFan(const Pair& kernel, int64_t in, int64_t out, bool bias) {
  return 1.0 * kernel[0] * kernel[1] * static_cast<double>(bias ? in : out);
}

}  // namespace linnet

#endif  // LINNET_OPS_WINDOW_H_
