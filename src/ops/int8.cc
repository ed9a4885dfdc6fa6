#include "ops/int8.h"

#include <algorithm>
#include <memory>

#include "kernels/int8_pool.h"

namespace linnet {

std::string RefusesMixedTypes(const PrepareArgs& args) {
  return AllU8(args) ? "" : "its inputs and its result have to be of bytes, all of them";
}

std::string RefusesOtherThanMoves(const PrepareArgs& args) {
  const bool same = std::all_of(args.in_types.begin(), args.in_types.end(),
                                [&](const ValueType& type) { return type == args.out_type; });
  return same ? "" : "it moves bytes: its result has the type of its input";
}

bool IsLookedUp(Activation act) {
  return act != Activation::kIdentity && act != Activation::kRelu && act != Activation::kRelu6;
}

std::string RefusesAverage(const PrepareArgs& args, int64_t pixels) {
  if (pixels > kernels::kMostAveraged) return fmt::format("an average of {} pixels", pixels);
  return RefusesMixedTypes(args);
}

std::string RefusesActivation(const FusedActivation& act, bool of_sum) {
  // Terms are limited far beyond a result's range, but six may be nearer than one term.
  if (of_sum && act.kind == Activation::kRelu6) {
    return "act=relu6 on a sum: on bytes it is a node of its own";
  }
  if (!IsLookedUp(act.kind)) return "";
  if (act.scale == 0) {
    return fmt::format("act={}: on bytes it needs act_scale, or is a node of its own",
                       FieldToText(act.kind));
  }
  return WrongType(ValueType::U8({act.scale, act.zero_point}));
}

kernels::Int8Epilogue Int8EpilogueOf(const FusedActivation& act, bool residual,
                                     const PrepareArgs& args) {
  kernels::Int8Epilogue epilogue;
  epilogue.dst = args.out_type.quantization;
  epilogue.act = act.kind;
  epilogue.alpha = act.alpha;
  epilogue.before = {act.scale, act.zero_point};
  epilogue.has_residual = residual;
  if (residual) epilogue.residual = args.in_type(1).quantization;
  return epilogue;
}

Prepared PrepareInt8Layer(Int8Layer layer, bool bias) {
  struct State {
    Int8Layer layer;
    Tensor packed;
  };
  const int64_t bytes = static_cast<int64_t>(layer.packed_bytes);
  const auto state =
      std::make_shared<State>(State{std::move(layer), Unallocated({bytes}, DType::kU8)});
  Prepared prepared;
  prepared.kernel = state->layer.name;
  prepared.scratch_bytes = state->layer.scratch_bytes;
  prepared.pack = [=](std::span<const Tensor> params, ThreadPool* pool) {
    const kernels::Int8Weights weights = {.values = params[0].data<int8_t>(),
                                          .scales = params[1].data(),
                                          .bias = bias ? params[2].data() : nullptr};
    state->layer.pack(weights, Allocated(state->packed).data<std::byte>(), pool);
  };
  prepared.packed = {{state, &state->packed}};
  prepared.forward = [=](const ForwardArgs& a) {
    state->layer.forward(a, state->packed.data<std::byte>());
  };
  return prepared;
}

}  // namespace linnet
