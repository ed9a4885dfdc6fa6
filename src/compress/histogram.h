// Histogram of what a value was on the calibration pictures.
#ifndef LINNET_COMPRESS_HISTOGRAM_H_
#define LINNET_COMPRESS_HISTOGRAM_H_

#include <cstdint>
#include <vector>

namespace linnet {

// Equal bins between the smallest and the largest number.
struct Histogram {
  // Eight for each level of a byte: the rounding to levels is seen, the noise of small samples not.
  static constexpr int kBins = 2048;

  float min = 0, max = 0;  // min <= max
  std::vector<int64_t> counts = std::vector<int64_t>(kBins);

  double width() const { return (static_cast<double>(max) - min) / kBins; }
  // The middle of a bin.
  double center(int bin) const { return min + (bin + 0.5) * width(); }
};

}  // namespace linnet

#endif  // LINNET_COMPRESS_HISTOGRAM_H_
