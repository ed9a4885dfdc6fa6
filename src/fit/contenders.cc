#include "fit/contenders.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "fit/halving.h"
#include "train/growth.h"

namespace linnet {

double PassesInSeconds(const ReportCandidate& candidate, double pictures, double seconds) {
  TrainOptions options;
  options.start_size = candidate.start_size;
  const InputSize size = {1, candidate.resolution, candidate.resolution};
  const double full = seconds * candidate.speed / pictures;
  // More passes have more small inputs, which make room for more passes.
  double passes = full;
  for (int i = 0; i < 4; ++i) {
    passes = full / MeanWork(options, size, static_cast<int64_t>(std::ceil(passes)));
  }
  return passes;
}

namespace {

// What part of the pictures it needs this network would see as the winner.
double Enough(const TrainingBounds& bounds, const ReportCandidate& candidate) {
  const double needed = std::min(kPicturesPerParameter * static_cast<double>(candidate.params),
                                 kEnoughEpochs * bounds.training_pictures);
  const double passes = PassesInSeconds(candidate, bounds.training_pictures, bounds.winner_seconds);
  return passes * bounds.training_pictures / std::max(1.0, needed);
}

// The widest of one resolution that can be trained. Measures from the narrowest on, which is soon
// done, up to the first that cannot; wider ones are slower and need more.
std::optional<size_t> WidestTrainable(const TrainingBounds& bounds, const SpeedOf& speed_of,
                                      std::vector<ReportCandidate>& candidates,
                                      const std::vector<size_t>& by_width) {
  std::optional<size_t> widest;
  size_t n = 0;
  for (; n < by_width.size(); ++n) {
    ReportCandidate& candidate = candidates[by_width[n]];
    candidate.speed = speed_of(candidate);
    if (Enough(bounds, candidate) < 1) break;
    widest = by_width[n];
  }
  for (; n < by_width.size(); ++n) candidates[by_width[n]].status = CandidateStatus::kTooLong;
  return widest;
}

// Whether each of 'racing' sees enough pictures in the first of the rounds that halve them.
bool FirstRoundIsLongEnough(const TrainingBounds& bounds,
                            const std::vector<ReportCandidate>& candidates,
                            const std::vector<size_t>& racing) {
  if (racing.size() < 2) return true;
  const double count = static_cast<double>(racing.size());
  const double round_seconds = bounds.comparison_seconds / std::ceil(std::log2(count));
  return PicturesForEach(candidates, racing, round_seconds) >=
         std::min(kLeastPicturesCompared, bounds.training_pictures);
}

// Multiply-adds, those for pixels that the pictures do not have left out.
double Work(const TrainingBounds& bounds, const ReportCandidate& candidate) {
  const double enlarged =
      std::max(1.0, static_cast<double>(candidate.resolution) / bounds.picture_side);
  return static_cast<double>(candidate.macs) / (enlarged * enlarged);
}

// Of 'widest', one of each resolution, those to compare, largest first.
std::vector<size_t> Largest(const TrainingBounds& bounds,
                            const std::vector<ReportCandidate>& candidates,
                            std::vector<size_t> widest) {
  if (widest.empty()) return {};
  std::stable_sort(widest.begin(), widest.end(), [&](size_t a, size_t b) {
    return Work(bounds, candidates[a]) > Work(bounds, candidates[b]);
  });
  const double least = kLeastShareOfMacs * Work(bounds, candidates[widest[0]]);
  std::erase_if(widest, [&](size_t i) { return Work(bounds, candidates[i]) < least; });
  while (!FirstRoundIsLongEnough(bounds, candidates, widest)) widest.pop_back();
  return widest;
}

}  // namespace

std::vector<size_t> ChooseContenders(const TrainingBounds& bounds, const SpeedOf& speed_of,
                                     std::vector<ReportCandidate>& candidates) {
  std::map<int, std::vector<size_t>> inside;  // by resolution
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].status != CandidateStatus::kNotTried) continue;
    inside[candidates[i].resolution].push_back(i);
  }
  std::vector<size_t> widest, narrowest;
  for (auto& [resolution, indices] : inside) {
    std::sort(indices.begin(), indices.end(),
              [&](size_t a, size_t b) { return candidates[a].width < candidates[b].width; });
    narrowest.push_back(indices[0]);
    if (const auto found = WidestTrainable(bounds, speed_of, candidates, indices)) {
      widest.push_back(*found);
    }
  }
  std::vector<size_t> racing = Largest(bounds, candidates, std::move(widest));
  if (racing.empty() && !narrowest.empty()) {
    racing = {*std::max_element(narrowest.begin(), narrowest.end(), [&](size_t a, size_t b) {
      return Enough(bounds, candidates[a]) < Enough(bounds, candidates[b]);
    })};
  }
  std::stable_sort(racing.begin(), racing.end(), [&](size_t a, size_t b) {
    return candidates[a].latency_ms < candidates[b].latency_ms;
  });
  return racing;
}

}  // namespace linnet
