// What `linnet time` says: the steps of a Plan beside what this machine allows.
#ifndef LINNET_API_TIME_REPORT_H_
#define LINNET_API_TIME_REPORT_H_

#include <string>
#include <vector>

#include "api/command.h"
#include "infer/latency.h"
#include "infer/plan.h"
#include "kernels/machine_store.h"

namespace linnet {

struct TimeReport {
  const Plan& plan;
  const kernels::Machine& machine;
  const std::vector<StepTime>& times;  // of each step
  double median_ms = 0;                // of whole runs
};

// A list with an object for each step that computes.
Json StepsJson(const TimeReport& report);

// A table that fits 80 columns, with the sums as its last row; then, by letter, why kernels that
// were asked before the chosen ones refused.
std::string StepsText(const TimeReport& report);

// The lines about the machine: peaks, bandwidths, when they were measured.
std::string MachineText(const kernels::KnownMachine& known);

}  // namespace linnet

#endif  // LINNET_API_TIME_REPORT_H_
