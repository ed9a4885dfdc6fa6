// fit.json and the answer of `linnet fit --json`.
#ifndef LINNET_FIT_FIT_JSON_H_
#define LINNET_FIT_FIT_JSON_H_

#include <nlohmann/json.hpp>

#include "fit/fit.h"

namespace linnet {

// {schema, arch, options, top1, latency_ms, bytes, file, budget: {...}, candidates: [{spec, width,
// ...}]}
nlohmann::ordered_json FitToJson(const FitOptions& options, const FitResult& result);

}  // namespace linnet

#endif  // LINNET_FIT_FIT_JSON_H_
