#include "infer/plan.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "infer/plan_impl.h"

namespace linnet {
namespace {

using Clock = std::chrono::steady_clock;
double SecondsSince(Clock::time_point before) {
  return std::chrono::duration<double>(Clock::now() - before).count();
}

// Calls 'on_step' with each step that runs alone and 'on_group' with each group, in order.
template <class Impl, class OnStep, class OnGroup>
void InOrder(const Impl& impl, OnStep on_step, OnGroup on_group) {
  auto group = impl.groups.begin();
  for (size_t i = 0; i < impl.steps.size(); ++i) {
    if (group != impl.groups.end() && group->first == static_cast<int>(i)) {
      on_group(*group);
      i = static_cast<size_t>(group++->last);
    } else {
      on_step(i);
    }
  }
}

}  // namespace

void Plan::Impl::BindInput(const float* input) {
  float* data = const_cast<float*>(input);  // no step writes to it: Layout
  for (const InputUse& use : input_uses) {
    Tensor& tensor =
        use.step == InputUse::kOutputs ? outputs[use.index] : steps[use.step].in[use.index];
    tensor = Tensor::View(data, tensor.shape());
  }
}

void Plan::Impl::RunStep(size_t i, ThreadPool* pool) {
  PlanStep& step = steps[i];
  if (!step.prepared.forward) return;  // a view
  ForwardArgs args;
  args.in = step.in;
  args.out = step.out;
  args.in_stride = step.in_stride;
  args.out_stride = step.out_stride;
  args.params = step.params;
  args.scratch = step.scratch;
  args.pool = Threads(pool) <= threads ? pool : nullptr;
  step.prepared.forward(args);
}

void Plan::Impl::RunTurn(const PlanTurn& turn) {
  auto* memory = static_cast<std::byte*>(arena.get());
  if (turn.bytes > 0) std::memmove(memory + turn.to, memory + turn.from, turn.bytes);
  if (turn.rows.first == turn.rows.last) return;
  PlanStep& step = steps[turn.step];
  constexpr size_t kMostInputs = 2;  // of operations that compute rows (Prepared::rows)
  Tensor in[kMostInputs];
  for (size_t i = 0; i < step.in.size(); ++i) in[i] = step.in[i];
  const auto shifted = [](Tensor& tensor, ptrdiff_t bytes) {
    return Tensor::View(tensor.data<std::byte>() + bytes, tensor.shape(), tensor.dtype());
  };
  in[0] = shifted(in[0], turn.in_shift);
  ForwardArgs args;
  args.in = {in, step.in.size()};
  args.out = shifted(step.out, turn.out_shift);
  args.in_stride = step.in_stride;
  args.out_stride = step.out_stride;
  args.params = step.params;
  args.first_row = turn.rows.first;
  args.last_row = turn.rows.last;
  step.prepared.forward(args);
}

void Plan::Impl::RunGroup(const PlanGroup& group, ThreadPool* pool) {
  ParallelFor(Threads(pool) <= threads ? pool : nullptr, group.sections.size(), [&](size_t i) {
    for (const PlanTurn& turn : group.sections[i]) RunTurn(turn);
  });
}

// A thread that runs a section books its times there: what a step takes is then the sum over the
// sections, over the threads that ran them side by side.
void Plan::Impl::TimeGroup(const PlanGroup& group, ThreadPool* pool, std::span<double> seconds) {
  pool = Threads(pool) <= threads ? pool : nullptr;
  ParallelFor(pool, group.sections.size(), [&](size_t i) {
    for (double& of_step : group_seconds[i]) of_step = 0;
    for (const PlanTurn& turn : group.sections[i]) {
      const Clock::time_point before = Clock::now();
      RunTurn(turn);
      group_seconds[i][turn.step - group.first] += SecondsSince(before);
    }
  });
  const auto together = std::min<size_t>(Threads(pool), group.sections.size());
  for (int step = group.first; step <= group.last; ++step) {
    if (static_cast<size_t>(step) >= seconds.size()) return;
    seconds[step] = 0;
    for (size_t i = 0; i < group.sections.size(); ++i) {
      seconds[step] += group_seconds[i][step - group.first] / static_cast<double>(together);
    }
  }
}

std::unique_ptr<Plan> Plan::Twin() const {
  auto twin = std::make_unique<Impl>(*impl_);
  twin->arena = AllocateAligned(twin->arena_bytes);
  const auto* from = static_cast<const std::byte*>(impl_->arena.get());
  auto* to = static_cast<std::byte*>(twin->arena.get());
  // What lies outside the arena is the caller's input, which every Run binds anew.
  const auto move = [&](Tensor& tensor) {
    const auto offset = static_cast<size_t>(tensor.data<std::byte>() - from);
    if (tensor && offset < impl_->arena_bytes) {
      tensor = Tensor::View(to + offset, tensor.shape(), tensor.dtype());
    }
  };
  for (PlanStep& step : twin->steps) {
    for (Tensor& in : step.in) move(in);
    move(step.out);
    step.scratch = to + (step.scratch - from);
  }
  for (Tensor& output : twin->outputs) move(output);
  return std::make_unique<Plan>(std::move(twin));
}

Plan::Plan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Plan::~Plan() = default;

const Graph& Plan::graph() const { return impl_->graph; }
const Shape& Plan::input_shape() const { return impl_->input_shape; }
size_t Plan::outputs() const { return impl_->outputs.size(); }
const Tensor& Plan::output(size_t i) const { return impl_->outputs[i]; }
std::span<const StepInfo> Plan::steps() const { return impl_->info; }
size_t Plan::arena_bytes() const { return impl_->arena_bytes; }
size_t Plan::arena_lower_bound() const { return impl_->arena_lower_bound; }
int Plan::threads() const { return impl_->threads; }

int64_t Plan::macs() const {
  int64_t sum = 0;
  for (const StepInfo& step : impl_->info) sum += step.macs;
  return sum;
}

size_t Plan::weight_bytes() const {
  size_t sum = 0;
  for (const StepInfo& step : impl_->info) sum += step.weight_bytes;
  return sum;
}

void Plan::Run(const float* input, std::span<float* const> outputs, ThreadPool* pool) noexcept {
  impl_->BindInput(input);
  InOrder(
      *impl_, [&](size_t i) { impl_->RunStep(i, pool); },
      [&](const PlanGroup& group) { impl_->RunGroup(group, pool); });
  for (size_t i = 0; i < outputs.size() && i < impl_->outputs.size(); ++i) {
    const Tensor& output = impl_->outputs[i];
    if (outputs[i] != nullptr) std::memcpy(outputs[i], output.data(), output.bytes());
  }
}

void Plan::RunTimed(const float* input, ThreadPool* pool, std::span<double> seconds) noexcept {
  impl_->BindInput(input);
  const auto timed_step = [&](size_t i) {
    const Clock::time_point before = Clock::now();
    impl_->RunStep(i, pool);
    if (i < seconds.size()) seconds[i] = SecondsSince(before);
  };
  InOrder(*impl_, timed_step,
          [&](const PlanGroup& group) { impl_->TimeGroup(group, pool, seconds); });
}

}  // namespace linnet
