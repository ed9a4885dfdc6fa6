// What convolutions and fully connected layers have in common: y = act(W x + bias + residual).
#ifndef LINNET_OPS_LINEAR_H_
#define LINNET_OPS_LINEAR_H_

#include <cstddef>
#include <functional>
#include <string>

#include "graph/op.h"
#include "kernels/epilogue.h"
#include "ops/op_def.h"

namespace linnet {

// The product W x by one kernel, on shapes that are fixed. Gradients are needed only in training.
struct LinearKernel {
  std::string name;
  size_t scratch_bytes = 0;          // the most that one of the functions needs
  size_t packed_bytes = 0;           // weights as 'forward' reads them
  size_t packed_gradient_bytes = 0;  // as 'input_gradient' does; 0: as 'forward'

  std::function<void(const float* weights, float* packed, ThreadPool* pool)> pack;
  std::function<void(const float* weights, float* packed, ThreadPool* pool)> pack_gradient;
  std::function<void(const float* x, const float* packed, const kernels::Epilogue& epilogue,
                     float* y, void* scratch, ThreadPool* pool)>
      forward;
  // The same where pixels of x and y lie so many floats apart; set instead of 'forward' by kernels
  // that can. strided_x: x_stride may be other than the channels of x.
  bool strided_x = true;
  int64_t best_x_stride = 0, best_y_stride = 0;  // Prepared::best_in_stride, best_out_stride
  std::function<void(const float* x, int64_t x_stride, const float* packed,
                     const kernels::Epilogue& epilogue, float* y, int64_t y_stride, void* scratch,
                     ThreadPool* pool)>
      forward_strided;
  // Rows [first, last) of y alone, of one image, without scratch memory; may be empty. 'rows': what
  // they need of x (Prepared::rows).
  RowWindow rows;
  std::function<void(int64_t first, int64_t last, const float* x, int64_t x_stride,
                     const float* packed, const kernels::Epilogue& epilogue, float* y,
                     int64_t y_stride, ThreadPool* pool)>
      forward_rows;
  // dx (+)= W^T dz
  std::function<void(const float* dz, const float* packed, bool accumulate, float* dx,
                     void* scratch, ThreadPool* pool)>
      input_gradient;
  // dw += the gradient of the weights
  std::function<void(const float* x, const float* dz, float* dw, void* scratch, ThreadPool* pool)>
      weight_gradient;
};

struct LinearFields {
  bool bias = false;      // params: weight, and this
  bool residual = false;  // inputs: x, and this
  FusedActivation act = {};
};

Prepared PrepareLinear(LinearKernel kernel, const LinearFields& fields, const PrepareArgs& args);

}  // namespace linnet

#endif  // LINNET_OPS_LINEAR_H_
