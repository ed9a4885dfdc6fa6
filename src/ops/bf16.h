// What the operations that compute on bfloat16 have in common.
#ifndef LINNET_OPS_BF16_H_
#define LINNET_OPS_BF16_H_

#include <string>

#include "kernels/bf16_elementwise.h"
#include "ops/op_def.h"

namespace linnet {

// The reason of an operation that takes and gives bfloat16 only; empty: none.
inline std::string RefusesOtherThanBf16(const PrepareArgs& args) {
  bool all = args.out_type.is_bf16() && !args.in_types.empty();
  for (const ValueType& type : args.in_types) all = all && type.is_bf16();
  return all ? "" : "its inputs and its result have to be of bfloat16, all of them";
}

// Of the first input and the result, which has the shape 'out'.
inline kernels::Bf16Map Bf16MapOf(const Shape& out, const ForwardArgs& args) {
  return {Rows(out), Channels(out), InStride(args, 0), OutStride(args)};
}

}  // namespace linnet

#endif  // LINNET_OPS_BF16_H_
