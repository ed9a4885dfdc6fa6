// Calibration: which range of a value's numbers the 256 levels of a byte cover. What lies outside
// is clipped; what lies inside is rounded. The wider the range, the less of the one and the more of
// the other.
#ifndef LINNET_COMPRESS_CALIBRATE_H_
#define LINNET_COMPRESS_CALIBRATE_H_

#include <span>

#include "base/quantization.h"
#include "compress/histogram.h"

namespace linnet {

enum class Calibration {
  kMinMax,      // all that was seen
  kPercentile,  // but for 1 in 10000 at each end
  kMse,         // the least mean squared error of the values
  kKl,          // the least Kullback-Leibler divergence of their distribution
};
inline constexpr const char* kCalibrationNames[] = {"min_max", "percentile", "mse", "kl"};
inline std::span<const char* const> EnumNames(Calibration) { return kCalibrationNames; }
inline constexpr Calibration kCalibrations[] = {Calibration::kMinMax, Calibration::kPercentile,
                                                Calibration::kMse, Calibration::kKl};

// The scale and zero point whose levels cover 'low' to 'high' and zero, which is a level.
Quantization CoverRange(double low, double high);

Quantization Calibrate(const Histogram& histogram, Calibration method);

// The mean squared difference between the numbers of the histogram and their levels.
double MeanSquaredError(const Histogram& histogram, const Quantization& quantization);

}  // namespace linnet

#endif  // LINNET_COMPRESS_CALIBRATE_H_
