// The inside of a Plan: what compile.cc fills in and plan.cc runs.
#ifndef LINNET_INFER_PLAN_IMPL_H_
#define LINNET_INFER_PLAN_IMPL_H_

#include <vector>

#include "infer/plan.h"
#include "ops/op_def.h"

namespace linnet {

struct PlanStep {
  Prepared prepared;
  std::vector<Tensor> in;          // views
  Tensor out;                      // view
  std::vector<int64_t> in_stride;  // ForwardArgs
  int64_t out_stride = 0;
  std::vector<Tensor> params;
  std::byte* scratch = nullptr;
};

// A tensor whose memory is the caller's input, to be set by each Run: input 'index' of 'step'
// (-1: its result, a view), or output 'index' of the plan if step is kOutputs.
struct InputUse {
  static constexpr int kOutputs = -1;
  int step = 0;
  int index = 0;
};

struct Plan::Impl {
  Graph graph;
  Shape input_shape;
  int threads = 1;
  std::shared_ptr<void> arena;
  size_t arena_bytes = 0, arena_lower_bound = 0;
  std::vector<PlanStep> steps;
  std::vector<StepInfo> info;  // of each step
  std::vector<Tensor> outputs;
  std::vector<InputUse> input_uses;

  void BindInput(const float* input);
  void RunStep(size_t i, ThreadPool* pool);
};

}  // namespace linnet

#endif  // LINNET_INFER_PLAN_IMPL_H_
