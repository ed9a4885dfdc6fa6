// fit.json and the answer of `linnet fit --json`.
#ifndef LINNET_FIT_FIT_JSON_H_
#define LINNET_FIT_FIT_JSON_H_

#include <nlohmann/json.hpp>

#include "fit/fit.h"

namespace linnet {

// {schema, arch, options, top1, split, count, latency_ms, latency_tries, bytes, file, skipped,
// budget: {latency_ms, bytes, minutes}, compared_on, comparison, candidates: [{arch, width, size,
// params, macs, bytes, latency_ms, images_per_second, status, rounds: [{epochs, top1}]}]}. What is
// not known, or not known yet, is null: file before the delivered file was measured.
nlohmann::ordered_json FitToJson(const FitOptions& options, const FitResult& result);

}  // namespace linnet

#endif  // LINNET_FIT_FIT_JSON_H_
