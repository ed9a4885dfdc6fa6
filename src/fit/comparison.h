// How far chance alone takes a comparison of accuracies.
#ifndef LINNET_FIT_COMPARISON_H_
#define LINNET_FIT_COMPARISON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "fit/report.h"

namespace linnet {

// One standard error of an accuracy that was measured on so many pictures, a fraction: binomial,
// with two right and two wrong answers added (Agresti and Coull 1998), so that 20 of 20 are not
// certain. The luck of a training's seed is not in it.
double StandardError(double accuracy, int64_t pictures);

// The last round in words: by how much the winner leads, and whether chance alone could have made
// that. Empty where nothing was compared.
std::string ComparisonText(const std::vector<ReportCandidate>& candidates, int64_t pictures);

}  // namespace linnet

#endif  // LINNET_FIT_COMPARISON_H_
