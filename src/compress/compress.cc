#include "compress/compress.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "compress/equalize.h"
#include "compress/sensitivity.h"
#include "data/dataset.h"
#include "infer/latency.h"
#include "io/model_file.h"
#include "train/evaluate.h"
#include "train/recipe.h"

namespace linnet {
namespace {

// A network in one of the ways to prepare it, and what its values were.
struct Variant {
  Network network;
  bool equalized = false;
  std::vector<Observation> observed;
};

// A file that is gone at the end, unless it was renamed.
struct RemovedAtEnd {
  std::string path;
  ~RemovedAtEnd() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

// What accuracy is measured on.
Split SplitOf(const CompressOptions& options, const Dataset& data) {
  Split split = data.items(Split::kTest).empty() ? Split::kVal : Split::kTest;
  if (!options.split.empty() && !FieldFromText(options.split, split)) {
    Fail(ErrorKind::kUsage, "--split {}: expected {}", options.split, FieldKind(split));
  }
  return split;
}

// Where the set has no validation pictures: those that training held out.
std::shared_ptr<Dataset> DataOf(const CompressOptions& options, const Model& model) {
  auto data = std::make_shared<Dataset>(OpenDataset(
      options.data,
      {.classes = model.labels, .val_fraction = ValFractionOf(model), .strict = false}));
  if (SplitOf(options, *data) != Split::kTest) EnsureValidation(*data, ValFractionOf(model));
  return data;
}

class CompressRun {
 public:
  CompressRun(const CompressOptions& options, const CompressHooks& hooks)
      : options_(options),
        hooks_(hooks),
        model_(LoadModel(options.model)),
        data_(DataOf(options, model_)),
        images_(std::make_shared<ImageCache>(data_, /*max_bytes=*/0)),
        pool_(options.threads) {
    if (IsQuantized(model_.graph)) {
      Fail(ErrorKind::kUsage, "{}: is quantized already; start from the float32 model",
           options.model);
    }
    for (const Node& node : model_.graph.nodes) {
      if (!node.type.is_bf16()) continue;
      Fail(ErrorKind::kUsage, "{}: '{}' is bfloat16; start from the float32 model", options.model,
           node.name);
    }
    CheckOut();
    split_ = SplitOf(options, *data_);
    RequireSplit(*data_, split_);
    RequireSplit(*data_, Split::kTrain);
  }

  CompressResult Go() {
    plain_ = PrepareForQuantization(model_.graph, model_.params,
                                    {1, model_.pipeline.height(), model_.pipeline.width()});
    KeepAskedLayers();
    const Evaluation before = EvaluateModel(model_);
    result_.split = FieldToText(split_);
    result_.pictures = before.count;
    result_.before = {.top1 = before.top1(), .bytes = FileBytes(options_.model)};
    SplitPictures();
    ChooseVariant();
    TryUntilGood();
    return result_;
  }

 private:
  // Before minutes of work, not after them.
  void CheckOut() const {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::path out = options_.out, folder = out.has_parent_path() ? out.parent_path() : ".";
    if (fs::is_directory(out, ignored) || !fs::is_directory(folder, ignored)) {
      Fail(ErrorKind::kUsage, "--out {}: expected the name of a file in a folder that exists",
           options_.out);
    }
    for (const std::string& written : {options_.out, TrialPath()}) {
      if (!fs::equivalent(written, options_.model, ignored)) continue;
      Fail(ErrorKind::kUsage, "--out {}: {} is the model itself, which would be lost", options_.out,
           written);
    }
  }

  // The file until it is known to be good.
  std::string TrialPath() const { return options_.out + ".trial"; }

  static int64_t FileBytes(const std::string& path) {
    return static_cast<int64_t>(std::filesystem::file_size(path));
  }

  void PollInterrupt() const {
    if (hooks_.interrupt != nullptr && *hooks_.interrupt) {
      Fail(ErrorKind::kInterrupted, "interrupted; nothing was written");
    }
  }

  Evaluation EvaluateModel(const Model& model) {
    return Evaluate({.graph = model.graph,
                     .params = model.params,
                     .pipeline = model.pipeline,
                     .images = images_,
                     .split = split_,
                     .loader_threads = options_.loader_threads,
                     .pool = &pool_,
                     .progress = hooks_.progress});
  }

  // Every second picture calibrates, the others compare.
  void SplitPictures() {
    const auto pictures =
        CalibrationPictures(*images_, Split::kTrain, model_.pipeline, options_.pictures);
    for (size_t i = 0; i < pictures.size(); ++i)
      (i % 2 ? compare_ : calibrate_).push_back(pictures[i]);
    if (compare_.empty()) compare_ = calibrate_;
  }

  std::vector<Calibration> Calibrations() const {
    if (options_.calibration == CalibrationChoice::kBest) {
      return {std::begin(kCalibrations), std::end(kCalibrations)};
    }
    return {static_cast<Calibration>(static_cast<int>(options_.calibration) - 1)};
  }

  void ChooseVariant() {
    expected_ = Answers(plain_, compare_, &pool_);
    if (options_.equalize != EqualizeChoice::kOn) Compare({plain_, false, {}});
    if (options_.equalize != EqualizeChoice::kOff) {
      Network equalized = plain_;
      const bool any = EqualizeLayers(equalized) > 0;
      if (any || options_.equalize == EqualizeChoice::kOn) Compare({equalized, any, {}});
    }
    hooks_.progress.Say(fmt::format("taken: {}{}", FieldToText(quantize_.calibration),
                                    chosen_->equalized ? ", equalised" : ""));
  }

  // Tries the calibrations on one variant and keeps it if one is the best so far.
  void Compare(Variant variant) {
    variant.observed = Observe(variant.network, calibrate_, &pool_, hooks_.progress);
    for (const Calibration calibration : Calibrations()) {
      PollInterrupt();
      const QuantizeOptions trial = {.calibration = calibration,
                                     .bias_correction = options_.bias_correction,
                                     .keep_float = quantize_.keep_float};
      const Network quantized = Quantize(variant.network, variant.observed, trial);
      const double error = RelativeError(expected_, Answers(quantized, compare_, &pool_));
      hooks_.progress.Say(fmt::format("{}{}: the answers are off by {:.3f} % of their variance",
                                      FieldToText(calibration),
                                      variant.equalized ? ", equalised" : "", 100 * error));
      const bool none_better = error >= result_.answer_error || std::isnan(error);
      if (chosen_ && none_better && !std::isnan(result_.answer_error)) continue;
      result_.answer_error = error;
      quantize_ = trial;
      if (!chosen_ || chosen_->equalized != variant.equalized) chosen_ = variant;
    }
  }

  void KeepAskedLayers() {
    const std::vector<std::string> layers = QuantizableLayers(plain_);
    if (layers.empty()) Fail(ErrorKind::kUsage, "{}: no layer can be quantized", options_.model);
    result_.layers = static_cast<int>(layers.size());
    for (const std::string& name : options_.float_layers) {
      if (std::count(layers.begin(), layers.end(), name) == 0) {
        Fail(ErrorKind::kUsage, "--float-layers {}: is not a layer that can be quantized", name);
      }
      KeepFloat({name, "as asked for"});
    }
    if (quantize_.keep_float.size() == layers.size()) {
      Fail(ErrorKind::kUsage, "--float-layers: names all {} layers; nothing is left to quantize",
           layers.size());
    }
  }

  void KeepFloat(FloatLayer layer) {
    if (!quantize_.keep_float.insert(layer.name).second) return;  // asked for twice
    result_.float_layers.push_back(std::move(layer));
  }

  void TryUntilGood() {
    const RemovedAtEnd trial{TrialPath()};
    std::vector<LayerError> sensitivity;
    size_t kept = 0;  // of 'sensitivity'
    while (!WriteAndMeasure(trial.path)) {
      PollInterrupt();
      if (sensitivity.empty()) sensitivity = Sensitivity();
      // 1, 2, 4, ... layers and those asked for, but with them never more than half: then it is no
      // quantized network any more.
      const size_t wanted = kept == 0 ? 1 : 2 * kept;
      const size_t in_float = quantize_.keep_float.size() + wanted - kept;
      if (wanted > sensitivity.size() || 2 * in_float > static_cast<size_t>(result_.layers)) {
        FailGate();
      }
      for (; kept < wanted; ++kept) KeepSensitive(sensitivity[kept]);
    }
    std::filesystem::rename(trial.path, options_.out);
    result_.file = options_.out;
    result_.calibration = FieldToText(quantize_.calibration);
    result_.equalized = chosen_->equalized;
  }

  std::vector<LayerError> Sensitivity() {
    constexpr size_t kPictures = 32;
    const auto some = std::span(compare_).first(std::min(kPictures, compare_.size()));
    return MeasureSensitivity(chosen_->network, chosen_->observed, quantize_, some, &pool_,
                              hooks_.progress, [&] { PollInterrupt(); });
  }

  void KeepSensitive(const LayerError& layer) {
    KeepFloat({layer.name, fmt::format("alone on bytes it moves the answers by {:.3f} % of their "
                                       "variance",
                                       100 * layer.error)});
    hooks_.progress.Say(
        fmt::format("{} stays in float32: {}", layer.name, result_.float_layers.back().reason));
  }

  [[noreturn]] void FailGate() {
    Fail(
        ErrorKind::kGate,
        "top-1 drops from {:.2f} % to {:.2f} %, by {:.2f} points, with {} of {} layers in float32; "
        "allowed are {:.2f}. {} was not written. Allow more (--max-drop), or calibrate on more "
        "pictures (--pictures)",
        100 * result_.before.top1, 100 * result_.after.top1, result_.drop,
        result_.float_layers.size(), result_.layers, options_.max_drop, options_.out);
  }

  std::string Record() const {
    nlohmann::ordered_json record = nlohmann::ordered_json::parse(model_.record);
    if (!record.is_object()) record = {{"record", record}};
    record["compress"] = {{"from", std::filesystem::path(options_.model).filename().string()},
                          {"precision", "int8"},
                          {"calibration", FieldToText(quantize_.calibration)},
                          {"equalized", chosen_->equalized},
                          {"bias_correction", options_.bias_correction},
                          {"pictures", calibrate_.size()},
                          {"float_layers", quantize_.keep_float}};
    return record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  // Whether the file that was written is accurate enough.
  bool WriteAndMeasure(const std::string& path) {
    const Network quantized = Quantize(chosen_->network, chosen_->observed, quantize_);
    SaveModel(path, {.graph = quantized.graph,
                     .params = quantized.params,
                     .pipeline = model_.pipeline,
                     .labels = model_.labels,
                     .record = Record()});
    const Model written = LoadModel(path);
    VerifyModel(written, path, &pool_);
    result_.after = {.top1 = EvaluateModel(written).top1(), .bytes = FileBytes(path)};
    result_.drop = 100 * (result_.before.top1 - result_.after.top1);
    result_.answer_error =
        RelativeError(expected_, Answers({written.graph, written.params}, compare_, &pool_));
    hooks_.progress.Say(fmt::format("top-1 {:.2f} % -> {:.2f} %", 100 * result_.before.top1,
                                    100 * result_.after.top1));
    MeasureLatencies(written);
    // An accuracy is a count of pictures: a hair above the limit is rounding of this difference.
    return result_.drop <= options_.max_drop + 1e-9;
  }

  // In turns, so that a machine that changes its speed does so for both; each one's best median.
  void MeasureLatencies(const Model& written) {
    ThreadPool one(1);
    const auto before = CompileModel(model_, 1, 1), after = CompileModel(written, 1, 1);
    const LatencyOptions brief = {.warmup_seconds = 0.05, .min_seconds = 0.15, .min_runs = 5};
    for (int turn = 0; turn < 3; ++turn) {
      const double b = MeasureLatency(*before, &one, brief).median_ms;
      const double a = MeasureLatency(*after, &one, brief).median_ms;
      double& best_before = result_.before.median_ms;
      double& best_after = result_.after.median_ms;
      best_before = turn == 0 ? b : std::min(b, best_before);
      best_after = turn == 0 ? a : std::min(a, best_after);
    }
  }

  const CompressOptions& options_;
  const CompressHooks& hooks_;
  const Model model_;
  const std::shared_ptr<Dataset> data_;
  const std::shared_ptr<ImageCache> images_;
  ThreadPool pool_;
  Split split_ = Split::kVal;
  Network plain_;  // ready to be quantized
  std::vector<Tensor> calibrate_, compare_;
  std::vector<float> expected_;  // the float32 network's answers on 'compare_'
  std::optional<Variant> chosen_;
  QuantizeOptions quantize_;
  CompressResult result_;
};

void CheckOptions(const CompressOptions& options) {
  if (!options.int8) Fail(ErrorKind::kUsage, "compress: say how; there is --int8");
  if (!(options.max_drop >= 0)) {
    Fail(ErrorKind::kUsage, "compress: --max-drop {}: expected 0 or more points", options.max_drop);
  }
  if (options.pictures < 1) {
    Fail(ErrorKind::kUsage, "compress: --pictures {}: expected at least 1", options.pictures);
  }
  if (options.threads < 0 || options.loader_threads < 0) {
    Fail(ErrorKind::kUsage, "compress: expected threads >= 0, loader_threads >= 0");
  }
}

}  // namespace

CompressResult Compress(const CompressOptions& options, const CompressHooks& hooks) {
  CheckOptions(options);
  return CompressRun(options, hooks).Go();
}

}  // namespace linnet
