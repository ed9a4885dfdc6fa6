#include "fit/fit_json.h"

#include <cmath>

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStatusNames[] = {"too_slow",   "too_large", "too_long", "not_tried",
                                        "eliminated", "finalist",  "winner"};

Json NumberOrNull(double number) { return std::isfinite(number) ? Json(number) : Json(); }

Json CandidateToJson(const ReportCandidate& candidate) {
  return {{"arch", candidate.spec},
          {"width", NumberOrNull(candidate.width)},
          {"size", candidate.resolution},
          {"params", candidate.params},
          {"macs", candidate.macs},
          {"bytes", candidate.bytes},
          {"latency_ms", NumberOrNull(candidate.latency_ms)},
          {"images_per_second", NumberOrNull(candidate.speed)},
          {"status", kStatusNames[static_cast<int>(candidate.status)]},
          {"round", candidate.round},
          {"epochs", NumberOrNull(candidate.epochs)},
          {"top1", NumberOrNull(candidate.accuracy)}};
}

}  // namespace

Json FitToJson(const FitOptions& options, const FitResult& result) {
  Json candidates = Json::array();
  for (const ReportCandidate& candidate : result.candidates)
    candidates.push_back(CandidateToJson(candidate));
  Json budget = {{"latency_ms", options.latency.ms()},
                 {"bytes", options.size.bytes},
                 {"minutes", options.minutes}};
  return {{"schema", "linnet.fit/1"},
          {"arch", result.arch},
          {"options", result.options},
          {"top1", result.top1},
          {"latency_ms", result.latency_ms},
          {"bytes", result.bytes},
          {"file", result.file},
          {"budget", budget},
          {"candidates", candidates}};
}

}  // namespace linnet
