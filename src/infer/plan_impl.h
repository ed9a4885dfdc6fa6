// The inside of a Plan: what compile.cc fills in and plan.cc runs.
#ifndef LINNET_INFER_PLAN_IMPL_H_
#define LINNET_INFER_PLAN_IMPL_H_

#include <vector>

#include "infer/bands.h"
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

// Some rows of a step.
struct PlanTurn {
  int step = 0;
  Turn rows;
  ptrdiff_t in_shift = 0, out_shift = 0;  // bytes from a strip to where row 0 of its map would be
  size_t to = 0, from = 0, bytes = 0;     // in the arena: the rows that the result's strip keeps
};

// Steps [first, last], which run by turns. A section is one thread's.
struct PlanGroup {
  int first = 0, last = 0;
  std::vector<std::vector<PlanTurn>> sections;
};

// A tensor whose memory is the caller's input, to be set by each Run: input 'index' of 'step',
// or output 'index' of the plan if step is kOutputs.
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
  std::vector<StepInfo> info;                      // of each step
  std::vector<PlanGroup> groups;                   // in the order of their steps
  std::vector<std::vector<double>> group_seconds;  // TimeGroup's, of the steps of each section
  std::vector<Tensor> outputs;
  std::vector<InputUse> input_uses;

  void BindInput(const float* input);
  void RunStep(size_t i, ThreadPool* pool);
  void RunTurn(const PlanTurn& turn);
  void RunGroup(const PlanGroup& group, ThreadPool* pool);
  // The same, with the seconds of each of its steps.
  void TimeGroup(const PlanGroup& group, ThreadPool* pool, std::span<double> seconds);
};

}  // namespace linnet

#endif  // LINNET_INFER_PLAN_IMPL_H_
