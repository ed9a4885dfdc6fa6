#include "fit/fit_json.h"

#include <cmath>

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStatusNames[] = {"too_slow",   "too_large", "too_long", "not_tried",
                                        "eliminated", "finalist",  "winner"};

Json NumberOrNull(double number) { return std::isfinite(number) ? Json(number) : Json(); }

Json CandidateToJson(const ReportCandidate& candidate) {
  Json trials = Json::array();
  for (const ReportTrial& trial : candidate.trials) {
    trials.push_back(
        {{"epochs", NumberOrNull(trial.epochs)}, {"top1", NumberOrNull(trial.accuracy)}});
  }
  return {{"arch", candidate.spec},
          {"width", NumberOrNull(candidate.width)},
          {"size", candidate.resolution},
          {"params", candidate.params},
          {"macs", candidate.macs},
          {"bytes", candidate.bytes},
          {"latency_ms", NumberOrNull(candidate.latency_ms)},
          {"images_per_second", NumberOrNull(candidate.speed)},
          {"status", kStatusNames[static_cast<int>(candidate.status)]},
          {"rounds", trials}};
}

}  // namespace

Json FitToJson(const FitOptions& options, const FitResult& result) {
  Json candidates = Json::array();
  for (const ReportCandidate& candidate : result.candidates)
    candidates.push_back(CandidateToJson(candidate));
  Json budget = {{"latency_ms", options.latency.ms()},
                 {"bytes", options.size.bytes},
                 {"minutes", options.minutes}};
  const bool delivered = !result.file.empty();
  return {{"schema", "linnet.fit/2"},
          {"arch", delivered ? Json(result.arch) : Json()},
          {"options", delivered ? Json(result.options) : Json()},
          {"top1", NumberOrNull(result.top1)},
          {"split", delivered ? Json(FieldToText(result.split)) : Json()},
          {"count", result.count},
          {"latency_ms", NumberOrNull(result.latency_ms)},
          {"latency_tries", result.latency_tries},
          {"bytes", delivered ? Json(result.bytes) : Json()},
          {"file", delivered ? Json(result.file) : Json()},
          {"skipped", result.skipped},
          {"budget", budget},
          {"compared_on", result.compared_on},
          {"comparison", result.comparison},
          {"candidates", candidates}};
}

}  // namespace linnet
