#include "fit/contenders.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace linnet {
namespace {

// What part of the pictures it needs this network would see as the winner.
double Enough(const TrainingTime& time, const ReportCandidate& candidate) {
  const double needed = std::min(kPicturesPerParameter * static_cast<double>(candidate.params),
                                 kEnoughEpochs * time.training_pictures);
  return time.winner_seconds * candidate.speed / std::max(1.0, needed);
}

// The indices of one resolution that can be trained, narrowest first. Measures from the narrowest
// on, which is soon done, up to the first that cannot; wider ones are slower and need more.
std::vector<size_t> Trainable(const TrainingTime& time, const SpeedOf& speed_of,
                              std::vector<ReportCandidate>& candidates,
                              const std::vector<size_t>& by_width) {
  std::vector<size_t> trainable;
  for (const size_t i : by_width) {
    candidates[i].speed = speed_of(candidates[i]);
    if (Enough(time, candidates[i]) < 1) break;
    trainable.push_back(i);
  }
  for (size_t n = trainable.size(); n < by_width.size(); ++n) {
    candidates[by_width[n]].status = CandidateStatus::kTooLong;
  }
  return trainable;
}

// Whether each of 'racing' sees enough pictures in the first of the rounds that halve them.
bool FirstRoundIsLongEnough(const TrainingTime& time,
                            const std::vector<ReportCandidate>& candidates,
                            const std::vector<size_t>& racing) {
  if (racing.size() < 2) return true;
  const double count = static_cast<double>(racing.size());
  const double each = time.comparison_seconds / std::ceil(std::log2(count)) / count;
  const double least = std::min(kLeastPicturesCompared, time.training_pictures);
  return std::all_of(racing.begin(), racing.end(),
                     [&](size_t i) { return each * candidates[i].speed >= least; });
}

std::vector<size_t> Widest(const std::map<int, std::vector<size_t>>& trainable, int count) {
  std::vector<size_t> widest;
  for (const auto& [resolution, indices] : trainable) {
    const auto begin = indices.end() -
                       std::min<std::ptrdiff_t>(count, static_cast<std::ptrdiff_t>(indices.size()));
    widest.insert(widest.end(), begin, indices.end());
  }
  return widest;
}

}  // namespace

std::vector<size_t> ChooseContenders(const TrainingTime& time, const SpeedOf& speed_of,
                                     std::vector<ReportCandidate>& candidates) {
  std::map<int, std::vector<size_t>> inside;  // by resolution
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].status != CandidateStatus::kNotTried) continue;
    inside[candidates[i].resolution].push_back(i);
  }
  std::map<int, std::vector<size_t>> trainable;
  std::vector<size_t> narrowest;
  for (auto& [resolution, indices] : inside) {
    std::sort(indices.begin(), indices.end(),
              [&](size_t a, size_t b) { return candidates[a].width < candidates[b].width; });
    narrowest.push_back(indices[0]);
    trainable[resolution] = Trainable(time, speed_of, candidates, indices);
  }
  int widths = kWidthsCompared;
  while (widths > 1 && !FirstRoundIsLongEnough(time, candidates, Widest(trainable, widths))) {
    --widths;
  }
  std::vector<size_t> racing = Widest(trainable, widths);
  if (racing.empty() && !narrowest.empty()) {
    racing = {*std::max_element(narrowest.begin(), narrowest.end(), [&](size_t a, size_t b) {
      return Enough(time, candidates[a]) < Enough(time, candidates[b]);
    })};
  }
  std::stable_sort(racing.begin(), racing.end(), [&](size_t a, size_t b) {
    return candidates[a].latency_ms < candidates[b].latency_ms;
  });
  return racing;
}

}  // namespace linnet
