#include "fit/report_fill.h"

#include <algorithm>
#include <filesystem>

#include "cost/cost.h"
#include "kernels/resize.h"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

// Thumbnails in the report are at most this wide and high.
constexpr int kThumbnailSide = 160;

Image Thumbnail(const Image& image) {
  const int longer = std::max(image.width, image.height);
  if (longer <= kThumbnailSide) return image;
  const double scale = static_cast<double>(kThumbnailSide) / longer;
  Image small(std::max(1, static_cast<int>(image.width * scale)),
              std::max(1, static_cast<int>(image.height * scale)));
  kernels::ResizeScratch scratch;
  kernels::ResizeRgb(image.pixels.data(), image.width, image.height,
                     {0, 0, static_cast<double>(image.width), static_cast<double>(image.height)},
                     kernels::ResizeFilter::kBilinear, small.pixels.data(), small.width,
                     small.height, scratch);
  return small;
}

// Empty if the picture has gone since it was evaluated.
Image ThumbnailOf(const Dataset& data, const DataItem& item) {
  try {
    return Thumbnail(data.Load(item));
  } catch (const Error&) {
    return {};
  }
}

// One word for a POSIX shell.
std::string ShellWord(const std::string& text) {
  constexpr const char* kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

// 'file' as a string of C++.
std::string CppSnippet(const std::string& file) {
  return fmt::format(R"(#include <linnet/linnet.hpp>
#include <iostream>

int main() {{
  const linnet::Classifier classifier({});
  for (const linnet::Label& label : classifier.ClassifyFile("picture.jpg")) {{
    std::cout << label.name << " " << label.score << "\n";
  }}
}})",
                     Json(file).dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

std::string PredictCommand(const std::string& file) {
  return fmt::format("linnet predict --model {} picture.jpg", ShellWord(file));
}

void FillTraining(ReportData& report, const TrainJob& job, const TrainResult& result) {
  const bool validated = job.validation != Validation::kNever;
  for (const EpochLog& row : result.log) {
    report.epochs.push_back({.epoch = static_cast<double>(row.epoch),
                             .train_loss = row.train_loss,
                             .val_top1 = validated ? row.val_top1 : kUnknown,
                             .learning_rate = row.lr});
  }
  for (auto& fact : FactsOf(job.options)) {
    if (fact.first == "epochs" && job.options.steps > 0) continue;  // steps count instead
    report.record.push_back(fact);
  }
  for (auto& fact : FactsOf(job.augment)) report.record.push_back(fact);
}

void FillEvaluation(ReportData& report, const Evaluation& evaluation, const ImageCache& images,
                    Split split) {
  const Dataset& data = images.dataset();
  report.top1 = evaluation.top1();
  report.top5 = evaluation.top5();
  report.eval_split = FieldToText(split);
  report.eval_count = evaluation.count;
  report.confusion = evaluation.confusion;
  for (const BrokenImage& image : images.broken())
    report.skipped.push_back({image.name, image.error});
  for (const Mistake& mistake : evaluation.mistakes) {
    if (report.mistakes.size() == kMostMistakes) break;
    const DataItem& item = data.items(split)[mistake.item];
    const Image picture = ThumbnailOf(data, item);
    report.mistakes.push_back({.file = item.name,
                               .label = data.classes[mistake.label],
                               .predicted = data.classes[mistake.predicted],
                               .score = mistake.score,
                               .width = picture.width,
                               .height = picture.height,
                               .rgb = picture.pixels});
  }
}

void FillData(ReportData& report, const Dataset& data, const ImagePipeline& pipeline) {
  report.data = data.path;
  for (const std::string& name : data.classes) report.classes.push_back({.name = name});
  for (const DataItem& item : data.items(Split::kTrain)) ++report.classes[item.label].train;
  for (const DataItem& item : data.items(Split::kVal)) ++report.classes[item.label].val;
  for (const DataItem& item : data.items(Split::kTest)) ++report.classes[item.label].test;
  report.pipeline = FactsOf(pipeline);
}

void FillModel(ReportData& report, const std::string& file, const Model& model, const Plan& plan,
               const Latency& latency) {
  const Cost cost = CountCost(model.graph);
  report.delivered = true;
  report.file = file;
  report.bytes = static_cast<int64_t>(std::filesystem::file_size(file));
  report.macs = cost.macs;
  report.params = cost.params;
  report.median_ms = latency.median_ms;
  report.p95_ms = latency.p95_ms;
  report.p99_ms = latency.p99_ms;
  report.threads = plan.threads();
  report.precision = "float32";
  report.predict_command = PredictCommand(file);
  report.cpp_snippet = CppSnippet(file);
}

void FillSteps(ReportData& report, Plan& plan, ThreadPool* pool) {
  const kernels::Machine machine = kernels::MeasureMachine(pool);
  const std::vector<StepTime> times = MeasureSteps(plan, pool, machine);
  for (size_t i = 0; i < times.size(); ++i) {
    const StepInfo& step = plan.steps()[i];
    if (step.macs == 0 && times[i].floor_ms == 0) continue;  // a view: nothing is computed
    report.steps.push_back({.name = step.name,
                            .op = step.kernel,
                            .ms = times[i].median_ms,
                            .limit_ms = times[i].floor_ms,
                            .macs = step.macs});
  }
  report.limit_ms = LimitMs(plan, machine);
  report.machine = fmt::format("{}, {} thread{}", machine.target, machine.threads,
                               machine.threads > 1 ? "s" : "");
}

std::string TrainingRecord(const TrainJob& job, const TrainResult& result) {
  Json record;
  for (const auto& [name, value] : FactsOf(job.options)) record["options"][name] = value;
  for (const auto& [name, value] : FactsOf(job.augment)) record["augment"][name] = value;
  record["data"] = {{"train", job.images->dataset().items(Split::kTrain).size()},
                    {"val", job.images->dataset().items(Split::kVal).size()},
                    {"held_out", job.images->dataset().held_out}};
  if (result.steps > 0) record["steps"] = result.steps;  // not known before the end
  record["best_epoch"] = result.best_epoch;
  record["log"] = LogToCsv(result.log);
  return record.dump();
}

}  // namespace linnet
