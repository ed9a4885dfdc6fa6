#include "train/train.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/file.h"
#include "train/evaluate.h"
#include "train/growth.h"
#include "train/trainer.h"

namespace linnet {
namespace {

void CopyBack(const Tensor& from, std::span<float> to, const std::string& where) {
  if (from.elements() != static_cast<int64_t>(to.size())) {
    Fail(ErrorKind::kFile, "{}: expected {} numbers, found {}", where, to.size(), from.elements());
  }
  std::memcpy(to.data(), from.data(), from.bytes());
}

// All that decides the result of a run, as lines: a checkpoint of other lines is of another run.
// What only changes its speed is left out.
std::string Identity(const TrainJob& job) {
  TrainOptions options = job.options;
  options.threads = options.loader_threads = 1;
  options.checkpoint_minutes = 0;
  std::string text;
  const auto add = [&](const char* name, const auto& field, const char*) {
    text += std::string(name) + "=" + FieldToText(field) + "\n";
  };
  VisitFields(options, add);
  VisitFields(job.augment, add);
  VisitFields(job.pipeline, add);
  const Dataset& data = job.images->dataset();
  // A sum and not the names, which come from folders and need not be UTF-8.
  Checksum classes;
  for (const std::string& name : data.classes) classes.Add(name);
  text += fmt::format("classes={} checksum={:016x}\n", data.classes.size(), classes.value());
  // The pictures of the built-in set depend on its arguments alone; other sets may move.
  if (data.format == "shapes") text += data.path + "\n";
  for (const Split split : {Split::kTrain, Split::kVal}) {
    Checksum pictures;
    for (const DataItem& item : data.items(split)) {
      pictures.Add(item.name);
      pictures.Add(data.classes[item.label]);
    }
    text += fmt::format("{} pictures={} checksum={:016x}\n", FieldToText(split),
                        data.items(split).size(), pictures.value());
  }
  return text + GraphToText(job.graph);
}

void ExpectSameRun(const std::string& path, const std::string& found, const std::string& expected) {
  if (found == expected) return;
  const auto a = SplitText(found, '\n'), b = SplitText(expected, '\n');
  const auto [there, here] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  Fail(ErrorKind::kUsage,
       "{} is of another run: it has '{}', this run has '{}'. Continue with the same options, or "
       "choose another "
       "folder",
       path, there == a.end() ? "" : *there, here == b.end() ? "" : *here);
}

void ExpectClasses(const TrainJob& job) {
  const InputSize size{1, job.pipeline.height(), job.pipeline.width()};
  const std::vector<Shape> shapes = InferShapes(job.graph, size);
  if (shapes[0].c() != job.pipeline.channels) {
    Fail(ErrorKind::kUsage, "the network takes {} channels, the image pipeline gives {}",
         shapes[0].c(), job.pipeline.channels);
  }
  const int64_t classes = static_cast<int64_t>(job.images->dataset().classes.size());
  for (const Value output : job.graph.outputs) {
    if (shapes[output].rank() != 2 || shapes[output][1] != classes) {
      Fail(ErrorKind::kUsage,
           "the data have {} classes, but output '{}' of the network is {}; use classes={}",
           classes, job.graph.nodes[output].name, shapes[output].ToString(), classes);
    }
  }
}

InputSize FullSizeOf(const TrainJob& job) {
  return {1, job.pipeline.height(), job.pipeline.width()};
}

void ExpectGrowth(const TrainJob& job) {
  const std::string reason = CannotGrow(job.graph, job.options, FullSizeOf(job));
  if (reason.empty()) return;
  Fail(ErrorKind::kUsage, "start_size={:g}: the inputs of this network cannot grow: {}. Use 1",
       job.options.start_size, reason);
}

// One run, from its first step or its checkpoint to its last step.
class Run {
 public:
  Run(const TrainJob& job, const TrainHooks& hooks)
      : job_(job),
        hooks_(hooks),
        pool_(job.options.threads),
        size_(FullSizeOf(job_)),
        loader_(LoaderOf(size_)),
        trainer_(job.graph, {loader_->batch(), size_.height, size_.width}, job.options, &pool_),
        epoch_steps_(loader_->batches()),
        schedule_(MakeSchedule(job.options, epoch_steps_)),
        planned_steps_(schedule_.steps),
        begin_(SecondsNow()),
        last_checkpoint_(begin_) {
    state_.identity = Identity(job);
    if (!job.folder.empty()) Resume();
  }

  TrainResult Go() {
    while (!Done()) {
      TrainEpoch();
      EndEpoch();
    }
    return {.params = trainer_.Delivered(),
            .log = state_.log,
            .best_epoch = state_.best_epoch,
            .steps = schedule_.steps,
            .images_per_second = seconds_ > 0 ? static_cast<double>(images_) / seconds_ : 0,
            .broken = loader_->broken()};
  }

 private:
  int64_t step() const { return state_.epoch * epoch_steps_ + state_.step_in_epoch; }
  bool Done() const { return state_.epoch * epoch_steps_ >= schedule_.steps; }
  // Steps of the current epoch; the last one may be cut short by the end of the run.
  int64_t steps_now() const {
    return std::min(epoch_steps_, schedule_.steps - state_.epoch * epoch_steps_);
  }
  std::string CheckpointPath() const { return job_.folder + "/checkpoint.safetensors"; }
  bool Interrupted() const { return hooks_.interrupt != nullptr && *hooks_.interrupt; }

  void Resume() {
    std::filesystem::create_directories(job_.folder);
    std::optional<Checkpoint> found = LoadCheckpoint(CheckpointPath());
    if (!found) return;
    ExpectSameRun(CheckpointPath(), found->identity, state_.identity);
    state_ = std::move(*found);
    CopyBack(state_.weights, trainer_.parameters().all(), CheckpointPath());
    CopyBack(state_.momentum, trainer_.momentum(), CheckpointPath());
    CopyBack(state_.average, trainer_.average(), CheckpointPath());
    SaveLog();  // what is there may be older than the checkpoint, or younger
    hooks_.progress.Say(
        fmt::format("going on at epoch {}, step {}", state_.epoch + 1, state_.step_in_epoch));
  }

  void Save() {
    last_checkpoint_ = SecondsNow();
    if (job_.folder.empty()) return;
    state_.weights = CopyOf(trainer_.parameters().all());
    state_.momentum = CopyOf(trainer_.momentum());
    state_.average = CopyOf(trainer_.average());
    SaveCheckpoint(CheckpointPath(), state_);
    SaveLog();
  }

  void SaveLog() {
    if (!job_.folder.empty()) WriteFileAtomic(job_.folder + "/log.csv", LogToCsv(state_.log));
  }

  bool CheckpointDue() const {
    return SecondsNow() - last_checkpoint_ >= job_.options.checkpoint_minutes * 60;
  }

  void StopHere() {
    Save();
    Fail(ErrorKind::kInterrupted, "interrupted at epoch {}, step {}{}", state_.epoch + 1,
         state_.step_in_epoch,
         job_.folder.empty() ? ""
                             : "; the same command goes on from the checkpoint in " + job_.folder);
  }

  std::unique_ptr<Loader> LoaderOf(const InputSize& size) const {
    ImagePipeline pipeline = job_.pipeline;
    AugmentOptions augment = job_.augment;
    pipeline.size = {static_cast<int>(size.height), static_cast<int>(size.width)};
    const double share = static_cast<double>(size.height) / FullSizeOf(job_).height;
    if (augment.pad > 0)
      augment.pad = std::max(1, static_cast<int>(std::lround(augment.pad * share)));
    return Loader::Train(job_.images, Split::kTrain, pipeline, augment,
                         {.batch = job_.options.batch,
                          .seed = job_.options.seed,
                          .threads = job_.options.loader_threads});
  }

  // Inputs grow and do not shrink again, though the run may be shortened.
  void SetSize(const InputSize& size) {
    const bool same = size.height == size_.height && size.width == size_.width;
    const bool shrinks = sized_ && (size.height < size_.height || size.width < size_.width);
    sized_ = true;
    if (same || shrinks) return;
    size_ = size;
    loader_.reset();  // its threads and batches first
    loader_ = LoaderOf(size);
    trainer_.SetInputSize({loader_->batch(), size.height, size.width});
  }

  int64_t epochs() const { return (schedule_.steps + epoch_steps_ - 1) / epoch_steps_; }

  void TrainEpoch() {
    SetSize(SizeInEpoch(job_.options, FullSizeOf(job_), state_.epoch, epochs()));
    const double work = WorkOf(size_, FullSizeOf(job_));
    const int64_t batch = loader_->batch();
    Progress progress(hooks_.progress, fmt::format("epoch {}/{}", state_.epoch + 1, epochs()),
                      steps_now() * batch, "images");
    progress.Resume(state_.step_in_epoch * batch);
    loader_->Seek(state_.epoch, state_.step_in_epoch);
    while (state_.step_in_epoch < steps_now()) {
      const double begin = SecondsNow();
      const Batch& pictures = *loader_->Next();
      const double loss = trainer_.Step(pictures.images, pictures.labels, schedule_, step());
      if (!std::isfinite(loss)) FailDiverged(loss);
      seconds_ += SecondsNow() - begin;
      images_ += batch;
      work_ += work;
      state_.loss_sum += loss;
      ++state_.step_in_epoch;
      progress.Update(
          state_.step_in_epoch * batch,
          fmt::format("loss {:.3f}", state_.loss_sum / static_cast<double>(state_.step_in_epoch)));
      if (Interrupted()) StopHere();
      if (CheckpointDue()) Save();
      // Not in the first moments, in which caches are cold.
      if (SecondsNow() - begin_ > hooks_.seconds / 10) KeepToTime();
    }
    progress.Finish();
  }

  [[noreturn]] void FailDiverged(double loss) {
    throw Diverged(
        ErrorKind::kUsage,
        fmt::format(
            "the loss became {} at epoch {}, step {}: training diverged. Lower lr (now {}){}", loss,
            state_.epoch + 1, state_.step_in_epoch + 1, job_.options.lr,
            job_.folder.empty() ? "" : "; earlier results in " + job_.folder + " are intact"));
  }

  void EndEpoch() {
    EpochLog row{.epoch = static_cast<int>(state_.epoch + 1),
                 .lr = LearningRate(job_.options, schedule_, step() - 1),
                 .train_loss = state_.loss_sum / static_cast<double>(state_.step_in_epoch)};
    const bool last = (state_.epoch + 1) * epoch_steps_ >= schedule_.steps;
    if (job_.validation == Validation::kEveryEpoch ||
        (job_.validation == Validation::kAtTheEnd && last)) {
      Validate(row);
    }
    state_.log.push_back(row);
    state_.loss_sum = 0;
    state_.step_in_epoch = 0;
    ++state_.epoch;
    if (!Done()) KeepToTime();
    // Epochs of small data sets are shorter than the writing of a checkpoint.
    if (Done() || CheckpointDue()) {
      Save();
    } else {
      SaveLog();
    }
    if (Interrupted() && !Done()) StopHere();
  }

  void KeepToTime() {
    if (hooks_.seconds <= 0) return;
    // As many steps more as the work done in the time so far says, at the sizes that are to come.
    const double left = work_ * (hooks_.seconds / (SecondsNow() - begin_) - 1);
    const double each = std::max(WorkOf(size_, FullSizeOf(job_)),
                                 MeanWork(job_.options, FullSizeOf(job_), epochs(), state_.epoch));
    const int64_t in_time =
        step() + static_cast<int64_t>(
                     std::min(std::max(0.0, left / each), static_cast<double>(planned_steps_)));
    schedule_.steps = std::clamp(in_time, step(), std::max(planned_steps_, step()));
  }

  void Validate(EpochLog& row) {
    const ParamMap params = trainer_.Delivered();
    const Evaluation result = Evaluate({.graph = job_.graph,
                                        .params = params,
                                        .pipeline = job_.pipeline,
                                        .images = job_.images,
                                        .split = Split::kVal,
                                        .loader_threads = job_.options.loader_threads,
                                        .pool = &pool_});
    row.val_top1 = result.top1();
    row.val_top5 = result.top5();
    // Answers to full inputs are far from what they will be while only small ones have been seen.
    const bool full = size_.height == FullSizeOf(job_).height;
    hooks_.progress.Say(
        fmt::format("epoch {}{}: loss {:.4f}, validation top-1 {:.2f} %", row.epoch,
                    full ? "" : fmt::format(" (inputs still of {}x{})", size_.height, size_.width),
                    row.train_loss, 100 * row.val_top1));
    if (row.val_top1 < state_.best_top1) return;
    state_.best_top1 = row.val_top1;
    state_.best_epoch = row.epoch;
    if (hooks_.best) hooks_.best(params, row);
  }

  const TrainJob& job_;
  const TrainHooks& hooks_;
  ThreadPool pool_;
  InputSize size_;      // of the inputs now
  bool sized_ = false;  // whether an epoch has said so
  std::unique_ptr<Loader> loader_;
  Trainer trainer_;
  const int64_t epoch_steps_;
  Schedule schedule_;
  const int64_t planned_steps_;
  const double begin_;
  Checkpoint state_;
  double last_checkpoint_;
  double seconds_ = 0;
  int64_t images_ = 0;
  double work_ = 0;  // of the steps of this process, in steps of full inputs
};

}  // namespace

TrainResult Train(const TrainJob& job, const TrainHooks& hooks) {
  CheckOptions(job.options);
  RequireSplit(job.images->dataset(), Split::kTrain);
  if (job.validation != Validation::kNever) RequireSplit(job.images->dataset(), Split::kVal);
  ExpectClasses(job);
  ExpectGrowth(job);
  return Run(job, hooks).Go();
}

}  // namespace linnet
