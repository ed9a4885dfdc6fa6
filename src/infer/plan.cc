#include "infer/plan.h"

#include <chrono>
#include <cstring>

#include "infer/plan_impl.h"

namespace linnet {

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
  for (size_t i = 0; i < impl_->steps.size(); ++i) impl_->RunStep(i, pool);
  for (size_t i = 0; i < outputs.size() && i < impl_->outputs.size(); ++i) {
    const Tensor& output = impl_->outputs[i];
    if (outputs[i] != nullptr) std::memcpy(outputs[i], output.data(), output.bytes());
  }
}

void Plan::RunTimed(const float* input, ThreadPool* pool, std::span<double> seconds) noexcept {
  using Clock = std::chrono::steady_clock;
  impl_->BindInput(input);
  Clock::time_point before = Clock::now();
  for (size_t i = 0; i < impl_->steps.size(); ++i) {
    impl_->RunStep(i, pool);
    const Clock::time_point after = Clock::now();
    if (i < seconds.size()) seconds[i] = std::chrono::duration<double>(after - before).count();
    before = after;
  }
}

}  // namespace linnet
