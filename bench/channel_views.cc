// What values that live among the channels of others save (infer/channel_views.h), or steps that
// run by turns (infer/bands.h): whole networks with and without, in alternation in one process, one
// thread.
//
//   bench_channel_views [ARCH...]         densenet121 shufflenet_v2 squeezenet1_1 googlenet
//   bench_channel_views bands [ARCH...]
//
// Prints, for each network, the medians of a run in milliseconds, and by kind of step where they
// differ.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "archs/arch.h"
#include "base/error.h"
#include "infer/plan.h"

namespace linnet {
namespace {

constexpr int kRuns = 40, kWarmup = 4;

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

// One plan and the milliseconds of its runs, whole and by kind of step.
struct Measured {
  std::unique_ptr<Plan> plan;
  std::vector<double> whole;
  std::map<std::string, std::vector<double>> by_op;

  void RunOnce(const std::vector<float>& input, bool keep) {
    std::vector<double> seconds(plan->steps().size());
    plan->RunTimed(input.data(), nullptr, seconds);
    if (!keep) return;
    whole.push_back(1e3 * std::accumulate(seconds.begin(), seconds.end(), 0.0));
    std::map<std::string, double> sums;
    for (size_t i = 0; i < seconds.size(); ++i) sums[plan->steps()[i].op] += 1e3 * seconds[i];
    for (const auto& [op, sum] : sums) by_op[op].push_back(sum);
  }
};

void Compare(const std::string& arch, const CompileOptions& without) {
  const Graph graph = BuildArch(arch);
  const ParamMap params = InitParams(graph, 1);
  Measured apart, views;
  apart.plan = Compile(graph, params, without);
  views.plan = Compile(graph, params, {.threads = 1});
  const std::vector<float> input(static_cast<size_t>(apart.plan->input_shape().elements()), 0.3f);
  for (int run = 0; run < kWarmup + kRuns; ++run) {
    apart.RunOnce(input, run >= kWarmup);
    views.RunOnce(input, run >= kWarmup);
  }
  const double before = Median(apart.whole), after = Median(views.whole);
  std::printf("%-20s %8.3f -> %8.3f ms, %.3f times as fast\n", arch.c_str(), before, after,
              before / after);
  for (const auto& [op, times] : apart.by_op) {
    const double from = Median(times), to = Median(views.by_op[op]);
    if (std::abs(from - to) < 0.02 * std::max(from, to)) continue;
    std::printf("  %-18s %8.3f -> %8.3f\n", op.c_str(), from, to);
  }
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  std::vector<std::string> archs(argv + 1, argv + argc);
  linnet::CompileOptions without = {.threads = 1, .channel_views = false};
  if (!archs.empty() && archs[0] == "bands") {
    without = {.threads = 1, .bands = false};
    archs.erase(archs.begin());
  }
  if (archs.empty()) archs = {"densenet121", "shufflenet_v2", "squeezenet1_1", "googlenet"};
  try {
    for (const std::string& arch : archs) linnet::Compare(arch, without);
  } catch (const linnet::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
}
