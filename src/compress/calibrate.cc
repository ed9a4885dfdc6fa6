#include "compress/calibrate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "graph/value_type.h"

namespace linnet {
namespace {

struct Range {
  double low = 0, high = 0;
};

constexpr int kLevels = 256;

int64_t Total(const Histogram& histogram) {
  return std::accumulate(histogram.counts.begin(), histogram.counts.end(), int64_t{0});
}

int Level(double x, const Quantization& q) {
  const double level = std::nearbyint(x / q.scale) + q.zero_point;
  return static_cast<int>(std::clamp(level, 0.0, kLevels - 1.0));
}

// The range without 'share' of the numbers at each end.
Range Percentiles(const Histogram& histogram, double share) {
  const double drop = share * static_cast<double>(Total(histogram));
  int first = 0, last = Histogram::kBins - 1;
  for (double sum = 0; first < last; ++first) {
    sum += static_cast<double>(histogram.counts[first]);
    if (sum > drop) break;
  }
  for (double sum = 0; last > first; --last) {
    sum += static_cast<double>(histogram.counts[last]);
    if (sum > drop) break;
  }
  return {histogram.min + first * histogram.width(),
          histogram.min + (last + 1) * histogram.width()};
}

// Ends to try: the extreme and ever smaller parts of it, as a tail may be long.
std::vector<double> Ends(double extreme, bool needed) {
  if (!needed) return {0};
  std::vector<double> ends;
  for (double part = 1; part > 0.05; part *= 0.93) ends.push_back(extreme * part);
  return ends;
}

Range LeastSquares(const Histogram& histogram) {
  Range best;
  double least = -1;
  for (const double low : Ends(histogram.min, histogram.min < 0)) {
    for (const double high : Ends(histogram.max, histogram.max > 0)) {
      const double error = MeanSquaredError(histogram, CoverRange(low, high));
      if (least < 0 || error < least) least = error, best = {low, high};
    }
  }
  return best;
}

// Of the distribution clipped to the levels' range from the same seen through the levels: each
// level's count is spread evenly over those of its bins that had any. The bins beside zero are left
// out: after a ReLU they hold half of all numbers, and every range has them right.
double Divergence(const Histogram& histogram, const Quantization& q) {
  std::vector<double> clipped(histogram.counts.begin(), histogram.counts.end());
  std::vector<double> level_counts(kLevels), level_bins(kLevels);
  double in_range_total = 0, total = 0;
  const double low = -q.zero_point * double{q.scale};
  const double high = (kLevels - 1 - q.zero_point) * double{q.scale};
  std::vector<double> seen(clipped.size());
  int first = -1, last = -1;
  double below = 0, above = 0;
  for (int bin = 0; bin < Histogram::kBins; ++bin) {
    const double x = histogram.center(bin);
    if (std::abs(x) < q.scale / 2) {
      clipped[bin] = 0;
    } else if (x < low) {
      below += clipped[bin], clipped[bin] = 0;
    } else if (x > high) {
      above += clipped[bin], clipped[bin] = 0;
    } else {
      if (first < 0) first = bin;
      last = bin;
      level_counts[Level(x, q)] += clipped[bin];
      level_bins[Level(x, q)] += clipped[bin] > 0;
      in_range_total += clipped[bin];
    }
  }
  if (first < 0 || in_range_total == 0) return 1e30;
  for (int bin = first; bin <= last; ++bin) {
    const int level = Level(histogram.center(bin), q);
    if (clipped[bin] > 0) seen[bin] = level_counts[level] / level_bins[level];
  }
  clipped[first] += below;
  clipped[last] += above;
  total = in_range_total + below + above;
  double divergence = 0;
  for (int bin = first; bin <= last; ++bin) {
    if (clipped[bin] == 0) continue;
    const double p = clipped[bin] / total;
    const double s = std::max(seen[bin] / in_range_total, 1e-9);
    divergence += p * std::log(p / s);
  }
  return divergence;
}

Range LeastDivergence(const Histogram& histogram) {
  Range best;
  double least = -1;
  for (double part = 1; part > 0.05; part *= 0.95) {
    const Range range = {histogram.min * part, histogram.max * part};
    const double divergence = Divergence(histogram, CoverRange(range.low, range.high));
    if (least < 0 || divergence < least) least = divergence, best = range;
  }
  return best;
}

}  // namespace

Quantization CoverRange(double low, double high) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  if (low == high) return {};
  const double scale =
      std::clamp((high - low) / (kLevels - 1), double{kMinScale}, double{kMaxScale});
  // Not of the scale, which may have been limited: of a range beyond it both signs stay.
  const double zero_point = std::nearbyint(-low / (high - low) * (kLevels - 1));
  return {static_cast<float>(scale), static_cast<int>(zero_point)};
}

double MeanSquaredError(const Histogram& histogram, const Quantization& q) {
  double sum = 0;
  for (int bin = 0; bin < Histogram::kBins; ++bin) {
    if (histogram.counts[bin] == 0) continue;
    const double x = histogram.center(bin);
    const double difference = x - (Level(x, q) - q.zero_point) * double{q.scale};
    sum += difference * difference * static_cast<double>(histogram.counts[bin]);
  }
  return sum / std::max<double>(1, static_cast<double>(Total(histogram)));
}

Quantization Calibrate(const Histogram& histogram, Calibration method) {
  Range range = {histogram.min, histogram.max};
  if (method == Calibration::kPercentile) range = Percentiles(histogram, 1e-4);
  if (method == Calibration::kMse) range = LeastSquares(histogram);
  if (method == Calibration::kKl) range = LeastDivergence(histogram);
  return CoverRange(range.low, range.high);
}

}  // namespace linnet
