#include "fit/halving.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace linnet {
namespace {

ReportTrial TrainAndScore(const FitOptions& options, ReportCandidate& candidate,
                          std::shared_ptr<ImageCache> images, const PictureSurvey& survey,
                          int64_t steps, const FitHooks& hooks) {
  ReportTrial trial;
  TrainJob job = CandidateJob(options, candidate, images, survey);
  job.options.steps = steps;
  job.validation = Validation::kAtTheEnd;
  const int64_t kept = images->bytes();
  TrainResult result;
  try {
    result = Train(job, {.progress = hooks.progress, .interrupt = hooks.interrupt});
  } catch (const Diverged& error) {
    hooks.progress.Say(error.what());
    return trial;
  }
  trial.epochs = static_cast<double>(result.steps) * options.batch /
                 static_cast<double>(images->dataset().items(Split::kTrain).size());
  trial.accuracy = result.log.back().val_top1;
  // Longer than the moment in which speeds were measured, so nearer to what the winner will reach;
  // but not while pictures were decoded that all later passes find decoded.
  if (result.images_per_second > 0 && images->bytes() == kept) {
    candidate.speed = result.images_per_second;
  }
  return trial;
}

// What diverged comes after everything else.
double Score(const ReportCandidate& candidate) {
  return std::isnan(candidate.accuracy()) ? -1 : candidate.accuracy();
}

}  // namespace

TrainOptions TrainOptionsOf(const FitOptions& options) {
  TrainOptions training;
  training.batch = options.batch;
  training.lr = options.lr;
  training.weight_decay = options.weight_decay;
  training.seed = options.seed;
  training.threads = options.threads;
  return training;
}

TrainJob CandidateJob(const FitOptions& options, const ReportCandidate& candidate,
                      std::shared_ptr<ImageCache> images, const PictureSurvey& survey) {
  TrainJob job;
  job.graph = BuildArch(candidate.spec);
  job.pipeline = DefaultPipeline(job.graph, survey);
  job.augment = DefaultAugment(survey, candidate.resolution);
  job.options = TrainOptionsOf(options);
  job.images = std::move(images);
  return job;
}

double PicturesForEach(const std::vector<ReportCandidate>& candidates,
                       const std::vector<size_t>& racing, double seconds) {
  double seconds_of_one = 0;
  for (const size_t i : racing) seconds_of_one += 1 / candidates[i].speed;
  return seconds / seconds_of_one;
}

size_t RunHalving(const FitOptions& options, std::shared_ptr<ImageCache> images,
                  const PictureSurvey& survey, double seconds,
                  std::vector<ReportCandidate>& candidates, std::vector<size_t> racing,
                  const FitHooks& hooks) {
  const double rounds = std::ceil(std::log2(static_cast<double>(racing.size())));
  const double end = SecondsNow() + seconds;
  for (int round = 1; racing.size() > 1; ++round) {
    // The time that is left goes in equal parts to the rounds that are left.
    const double round_seconds = (end - SecondsNow()) / (rounds - round + 1);
    const double pictures = PicturesForEach(candidates, racing, round_seconds);
    const int64_t steps = std::max<int64_t>(1, static_cast<int64_t>(pictures / options.batch));
    for (const size_t i : racing) {
      hooks.progress.Say(fmt::format("round {}: {}", round, candidates[i].spec));
      candidates[i].trials.push_back(
          TrainAndScore(options, candidates[i], images, survey, steps, hooks));
      candidates[i].status =
          racing.size() <= 2 ? CandidateStatus::kFinalist : CandidateStatus::kEliminated;
    }
    // Of equals the faster one goes on.
    std::stable_sort(racing.begin(), racing.end(), [&](size_t a, size_t b) {
      return std::pair(-Score(candidates[a]), candidates[a].latency_ms) <
             std::pair(-Score(candidates[b]), candidates[b].latency_ms);
    });
    if (Score(candidates[racing[0]]) < 0) {
      Fail(ErrorKind::kUsage,
           "the training of every candidate of round {} diverged; lower lr (now {})", round,
           options.lr);
    }
    racing.resize(SecondsNow() < end ? (racing.size() + 1) / 2 : 1);
  }
  candidates[racing[0]].status = CandidateStatus::kWinner;
  return racing[0];
}

}  // namespace linnet
