#include "api/time_report.h"

#include <algorithm>

#include "base/text_table.h"
#include "base/units.h"

namespace linnet {
namespace {

// What makes the table fit 80 columns.
constexpr size_t kNameColumns = 18, kKernelColumns = 16;

// Names of layers differ at their ends.
std::string ShortName(const std::string& name) {
  if (TextColumns(name) <= kNameColumns) return name;
  return "…" + name.substr(name.size() - (kNameColumns - 1));
}

// "matmul_f32 AVX3 6x64" -> "matmul_f32 6x64": the instruction set is that of all.
std::string ShortKernel(std::string kernel, const std::string& target) {
  const size_t at = kernel.find(" " + target);
  if (at != std::string::npos) kernel.erase(at, target.size() + 1);
  return kernel.size() <= kKernelColumns ? kernel : kernel.substr(0, kKernelColumns - 1) + "…";
}

// Gives each list of reasons a letter.
class Notes {
 public:
  std::string Letter(const std::vector<std::string>& refused) {
    if (refused.empty()) return "";
    const auto found = std::find(lists_.begin(), lists_.end(), refused);
    const auto i = static_cast<size_t>(found - lists_.begin());
    if (found == lists_.end()) lists_.push_back(refused);
    return i < 26 ? std::string(1, static_cast<char>('a' + i)) : std::to_string(i);
  }
  std::string ToString() {
    std::string text = lists_.empty() ? "" : "\nkernels asked before, and why they refused:\n";
    for (const auto& list : lists_) {
      for (const std::string& reason : list) {
        text += (reason == list[0] ? "  " + Letter(list) + "  " : "     ") + reason + "\n";
      }
    }
    return text;
  }

 private:
  std::vector<std::vector<std::string>> lists_;
};

std::string Number(double value, int digits) { return fmt::format("{:.{}f}", value, digits); }

// Three digits: "139", "13.9", "1.39".
std::string ShortNumber(double value) {
  return Number(value, value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
}

// How many times as long as the hardware needs.
std::string RatioText(double ms, double floor_ms) {
  return floor_ms > 0 ? Number(ms / floor_ms, 1) : "";
}

std::string RateText(int64_t macs, double ms) {
  return macs > 0 && ms > 0 ? Number(static_cast<double>(macs) * 1e-6 / ms, 1) : "";
}

size_t Traffic(const StepInfo& step) { return step.bytes + step.weight_bytes; }

}  // namespace

Json StepsJson(const TimeReport& report) {
  Json steps = Json::array();
  for (size_t i = 0; i < report.times.size(); ++i) {
    const StepInfo& step = report.plan.steps()[i];
    if (step.kernel == "view") continue;
    const StepTime& time = report.times[i];
    steps.push_back(
        {{"name", step.name},
         {"op", step.op},
         {"kernel", step.kernel},
         {"refused", step.refused},
         {"measured", step.measured},
         {"ms", time.median_ms},
         {"gmacs_per_second", time.gmacs},
         {"limit_ms", time.floor_ms},
         {"times_limit", time.floor_ms > 0 ? Json(time.median_ms / time.floor_ms) : Json()},
         {"macs", step.macs},
         {"bytes", step.bytes},
         {"weight_bytes", step.weight_bytes},
         {"output", step.out.ToString()}});
  }
  return steps;
}

std::string StepsText(const TimeReport& report) {
  const std::string us = "µs";
  TextTable table("lllrrrrrr", {"step", "kernel", "", us, "%", "GMAC/s", "KB", "floor", "x"});
  Notes notes;
  double steps_ms = 0, floor_ms = 0, kilobytes = 0;
  for (const StepTime& time : report.times) steps_ms += time.median_ms;
  for (size_t i = 0; i < report.times.size(); ++i) {
    const StepInfo& step = report.plan.steps()[i];
    if (step.kernel == "view") continue;
    const StepTime& time = report.times[i];
    table.Row({ShortName(step.name), ShortKernel(step.kernel, report.machine.target),
               notes.Letter(step.refused), ShortNumber(1e3 * time.median_ms),
               steps_ms > 0 ? Number(100 * time.median_ms / steps_ms, 0) : "",
               RateText(step.macs, time.median_ms),
               Number(1e-3 * static_cast<double>(Traffic(step)), 0),
               ShortNumber(1e3 * time.floor_ms), RatioText(time.median_ms, time.floor_ms)});
    floor_ms += time.floor_ms;
    kilobytes += 1e-3 * static_cast<double>(Traffic(step));
  }
  table.Rule();
  table.Row({"whole", "", "", ShortNumber(1e3 * report.median_ms), "",
             RateText(report.plan.macs(), report.median_ms), Number(kilobytes, 0),
             ShortNumber(1e3 * floor_ms), RatioText(report.median_ms, floor_ms)});
  return table.ToString() + notes.ToString();
}

// Whether no other unit is faster at its precision.
bool IsBest(const kernels::Peak& peak, const std::vector<kernels::Peak>& peaks) {
  return std::none_of(peaks.begin(), peaks.end(), [&](const kernels::Peak& other) {
    return other.precision == peak.precision && other.gmacs > peak.gmacs;
  });
}

std::string MachineText(const kernels::KnownMachine& known) {
  const kernels::Machine& machine = known.machine;
  std::string peaks, reads;
  for (const kernels::Peak& peak : machine.peaks) {
    if (!IsBest(peak, machine.peaks)) continue;
    peaks += fmt::format("{}{} {} {:.0f}", peaks.empty() ? "" : ", ", FieldToText(peak.precision),
                         peak.unit, peak.gmacs);
  }
  for (const kernels::Bandwidth& level : machine.read) {
    reads += fmt::format("{}{} {:.0f}", reads.empty() ? "" : ", ",
                         BytesText(static_cast<int64_t>(level.bytes)), level.gbytes_per_second);
  }
  return fmt::format("machine  {}; {}, {} thread{}\n  GMAC/s of {}\n  GB/s from {}\n  {} {}\n",
                     machine.processor, machine.target, machine.threads,
                     machine.threads > 1 ? "s" : "", peaks, reads,
                     known.remembered ? "remembered from" : "measured", known.measured);
}

}  // namespace linnet
