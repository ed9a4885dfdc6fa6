#include "infer/latency.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "base/rng.h"

namespace linnet {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Tensor NoiseInput(const Shape& shape) {
  Tensor input(shape);
  Rng rng(1);
  for (int64_t i = 0; i < input.elements(); ++i) input.data()[i] = rng.Uniform(-2, 2);
  return input;
}

double FloorMs(const StepInfo& step, const kernels::Machine& machine) {
  if (step.macs == 0 && step.bytes == 0) return 0;
  return 1e3 * machine.FloorSeconds(static_cast<double>(step.macs), step.bytes + step.weight_bytes,
                                    step.precision);
}

double Rank(const std::vector<double>& sorted, double share) {
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

}  // namespace

Latency Summarize(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  return {.median_ms = 1e3 * Rank(seconds, 0.5),
          .p95_ms = 1e3 * Rank(seconds, 0.95),
          .p99_ms = 1e3 * Rank(seconds, 0.99),
          .min_ms = 1e3 * seconds.front(),
          .runs = static_cast<int>(seconds.size())};
}

void RunRepeatedly(const LatencyOptions& options, const std::function<void(bool keep)>& run) {
  const Clock::time_point warm = Clock::now();
  do run(false);
  while (SecondsSince(warm) < options.warmup_seconds);
  const bool paced = options.rate > 0;
  const int min_runs = paced ? 2 : options.min_runs;
  const Clock::time_point start = Clock::now();
  for (int runs = 0; runs < std::max(1, options.max_runs); ++runs) {
    if (runs >= min_runs && SecondsSince(start) >= options.min_seconds) break;
    if (paced) {
      const std::chrono::duration<double> due(runs / options.rate);
      std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(due));
    }
    run(true);
  }
}

Latency MeasureLatency(Plan& plan, ThreadPool* pool, const LatencyOptions& options) {
  const Tensor input = NoiseInput(plan.input_shape());
  std::vector<double> seconds;
  RunRepeatedly(options, [&](bool keep) {
    const Clock::time_point start = Clock::now();
    plan.Run(input.data(), {}, pool);
    if (keep) seconds.push_back(SecondsSince(start));
  });
  return Summarize(std::move(seconds));
}

std::vector<StepTime> MeasureSteps(Plan& plan, ThreadPool* pool, const kernels::Machine& machine,
                                   const LatencyOptions& options) {
  const Tensor input = NoiseInput(plan.input_shape());
  std::vector<double> run(plan.steps().size());
  std::vector<std::vector<double>> seconds(run.size());
  RunRepeatedly(options, [&](bool keep) {
    plan.RunTimed(input.data(), pool, run);
    for (size_t i = 0; keep && i < run.size(); ++i) seconds[i].push_back(run[i]);
  });
  std::vector<StepTime> times(run.size());
  for (size_t i = 0; i < run.size(); ++i) {
    const StepInfo& step = plan.steps()[i];
    times[i].median_ms = Summarize(std::move(seconds[i])).median_ms;
    times[i].floor_ms = FloorMs(step, machine);
    if (times[i].median_ms > 0) {
      times[i].gmacs = static_cast<double>(step.macs) * 1e-6 / times[i].median_ms;
    }
  }
  return times;
}

double LimitMs(const Plan& plan, const kernels::Machine& machine) {
  double sum = 0;
  for (const StepInfo& step : plan.steps()) sum += FloorMs(step, machine);
  return sum;
}

}  // namespace linnet
