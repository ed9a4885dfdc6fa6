// What the operations that compute on bytes have in common.
#ifndef LINNET_OPS_INT8_H_
#define LINNET_OPS_INT8_H_

#include <cstddef>
#include <functional>
#include <string>

#include "kernels/int8_conv.h"
#include "ops/op_def.h"

namespace linnet {

// Reasons for RefusesTypes; empty: none.
//
// Unless all values are of bytes.
std::string RefusesMixedTypes(const PrepareArgs& args);
// Unless they are, and all have one scale and zero point: the bytes are moved as they are.
std::string RefusesOtherThanMoves(const PrepareArgs& args);
// Unless they are, and so many pixels can be averaged.
std::string RefusesAverage(const PrepareArgs& args, int64_t pixels);
// Whether kernels look an activation up in a table; the others are limits of the result
// (kernels/int8_requantize.h).
bool IsLookedUp(Activation act);
// Unless the activation is no more than limits of the result, or says what it is applied to: the
// others are looked up in a table. (As nodes of their own they have that from their input.) Of a
// sum of two values the limit of relu6 is refused too.
std::string RefusesActivation(const FusedActivation& act, bool of_sum = false);

// What a layer's kernel does with its sums. The residual, if there is one, is the second input.
kernels::Int8Epilogue Int8EpilogueOf(const FusedActivation& act, bool residual,
                                     const PrepareArgs& args);

// A convolution or fully connected layer by one kernel, on shapes and types that are fixed.
struct Int8Layer {
  std::string name;
  size_t packed_bytes = 0, scratch_bytes = 0;
  std::function<void(const kernels::Int8Weights& weights, void* packed, ThreadPool* pool)> pack;
  std::function<void(const ForwardArgs& args, const void* packed)> forward;
};
// 'bias': the layer's parameters are weight, weight_scale, bias; else the first two.
Prepared PrepareInt8Layer(Int8Layer layer, bool bias);

}  // namespace linnet

#endif  // LINNET_OPS_INT8_H_
