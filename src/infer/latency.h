// Latency of a Plan on this machine, step by step, beside the hardware's limit.
#ifndef LINNET_INFER_LATENCY_H_
#define LINNET_INFER_LATENCY_H_

#include <functional>
#include <vector>

#include "base/thread_pool.h"
#include "infer/plan.h"
#include "kernels/machine.h"

namespace linnet {

struct LatencyOptions {
  double warmup_seconds = 0.1;  // at least one run
  double min_seconds = 0.5;     // both are reached, unless max_runs ends it
  int min_runs = 30;
  int max_runs = 10'000'000;
  // Runs a second, each begun at its time as a camera's pictures would: the processor may have
  // slept and the caches belong to others. The count is then what min_seconds gives, but at least
  // two. 0: one run after the other.
  double rate = 0;
};

// Of single runs. Percentiles by nearest rank: p95_ms is the time that 95 % of the runs did not
// exceed.
struct Latency {
  double median_ms = 0;
  double p95_ms = 0;
  double p99_ms = 0;
  double min_ms = 0;
  int runs = 0;
};
Latency Summarize(std::vector<double> seconds);

// Calls run(keep) as the options say; 'keep' is false for the warm-up.
void RunRepeatedly(const LatencyOptions& options, const std::function<void(bool keep)>& run);

// Runs the plan on a fixed picture of noise.
Latency MeasureLatency(Plan& plan, ThreadPool* pool, const LatencyOptions& options = {});

struct StepTime {
  double median_ms = 0;
  double floor_ms = 0;  // kernels::Machine::FloorSeconds of its multiply-adds and bytes
  double gmacs = 0;     // 1e9 multiply-adds a second at the median
};
// By step of the plan.
std::vector<StepTime> MeasureSteps(Plan& plan, ThreadPool* pool, const kernels::Machine& machine,
                                   const LatencyOptions& options = {});

// The sum of the steps' floors. Winograd's convolutions, which multiply less, and bands, which move
// fewer bytes, may be faster.
double LimitMs(const Plan& plan, const kernels::Machine& machine);

}  // namespace linnet

#endif  // LINNET_INFER_LATENCY_H_
