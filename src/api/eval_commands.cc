// eval, predict: what a model file can do.
#include <array>
#include <filesystem>

#include "api/commands.h"
#include "api/model_runner.h"
#include "base/text_table.h"
#include "data/dataset.h"
#include "data/decode.h"
#include "data/image_cache.h"
#include "train/evaluate.h"
#include "train/recipe.h"

namespace linnet {
namespace {

// ---- eval ----

struct EvalArgs {
  static constexpr const char* kPositional = "model";
  static constexpr std::array kRequired = {"model", "data"};
  std::string model, data, split;
  Precision precision = Precision::kFloat32;
  int threads = 0, loader_threads = 1;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("model", self.model, "model file");
    v("data", self.data, "data set; its classes are matched with the model's by name");
    v("split", self.split, "train, val or test; empty: test, or val where there is none");
    v("precision", self.precision,
      "of the arithmetic: float32, bf16 or bf16x3; a quantized model has its own");
    v("threads", self.threads, "threads for arithmetic; 0: the processors this process may use");
    v("loader_threads", self.loader_threads, "threads that decode pictures");
  }
};

Split ChooseSplit(const EvalArgs& args, const Dataset& data) {
  if (args.split.empty()) return data.items(Split::kTest).empty() ? Split::kVal : Split::kTest;
  Split split;
  if (!FieldFromText(args.split, split)) {
    Fail(ErrorKind::kUsage, "eval: --split {}: expected {}", args.split, FieldKind(split));
  }
  return split;
}

std::string PercentText(int64_t part, int64_t whole) {
  if (whole == 0) return "-";
  return fmt::format("{:.2f}", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

// Adds a row and an object for each class.
void DescribeClasses(const Evaluation& evaluation, const std::vector<std::string>& names,
                     TextTable& table, Json& json) {
  const size_t n = names.size();
  for (size_t c = 0; c < n; ++c) {
    int64_t count = 0;
    for (size_t p = 0; p < n; ++p) count += evaluation.confusion[c * n + p];
    const int64_t correct = evaluation.confusion[c * n + c];
    table.Row({names[c], std::to_string(count), PercentText(correct, count)});
    json.push_back({{"label", names[c]},
                    {"count", count},
                    {"top1", count > 0 ? Json(static_cast<double>(correct) / count) : Json()}});
  }
}

CommandResult Eval(const EvalArgs& args, const CommandContext& context) {
  const Model model = LoadModel(args.model);
  auto data = std::make_shared<Dataset>(OpenDataset(
      args.data, {.classes = model.labels, .val_fraction = ValFractionOf(model), .strict = false}));
  const Split split = ChooseSplit(args, *data);
  if (split != Split::kTest) EnsureValidation(*data, ValFractionOf(model));
  RequireSplit(*data, split);
  ThreadPool pool(args.threads);
  const Evaluation evaluation =
      Evaluate({.graph = model.graph,
                .params = model.params,
                .pipeline = model.pipeline,
                // Each picture is needed once.
                .images = std::make_shared<ImageCache>(data, /*max_bytes=*/0),
                .split = split,
                .precision = args.precision,
                .loader_threads = args.loader_threads,
                .pool = &pool,
                .progress = context.progress});
  Json classes = Json::array(), skipped = Json::array();
  TextTable table("lrr", {"class", "pictures", "top-1 %"});
  DescribeClasses(evaluation, data->classes, table, classes);
  table.Rule();
  table.Row({"all", std::to_string(evaluation.count),
             PercentText(evaluation.correct1, evaluation.count)});
  std::string text = table.ToString();
  text +=
      fmt::format("\n{} of {}: top-1 {} %, top-5 {} %, {} skipped\n", FieldToText(split), args.data,
                  PercentText(evaluation.correct1, evaluation.count),
                  PercentText(evaluation.correct5, evaluation.count), evaluation.skipped.size());
  for (const BrokenImage& image : evaluation.skipped) {
    skipped.push_back({{"file", image.name}, {"error", image.error}});
    text += fmt::format("skipped: {}\n", image.error);
  }
  return {.json = {{"count", evaluation.count},
                   {"top1", evaluation.top1()},
                   {"top5", evaluation.top5()},
                   {"skipped", evaluation.skipped.size()},
                   {"split", FieldToText(split)},
                   {"classes", std::move(classes)},
                   {"skipped_files", std::move(skipped)}},
          .text = std::move(text)};
}

// ---- predict ----

struct PredictArgs {
  static constexpr const char* kPositional = "files";
  static constexpr std::array kRequired = {"model", "files"};
  std::string model;
  std::vector<std::string> files;
  int top = 5, threads = 0;
  Precision precision = Precision::kFloat32;
  bool tune = false;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("model", self.model, "model file");
    v("files", self.files, "pictures");
    v("top", self.top, "labels for each picture; 0: all");
    v("threads", self.threads, "threads for arithmetic; 0: the processors this process may use");
    v("precision", self.precision,
      "of the arithmetic: float32, bf16 or bf16x3; a quantized model has its own");
    v("tune", self.tune,
      "choose float32 kernels by measuring them here; remembered on this machine");
  }
};

Json PredictOne(ModelRunner& runner, const std::string& file, int top) {
  const DecodeResult decoded = ReadImage(file);
  Json labels = Json::array();
  for (const ClassScore& scored : runner.Classify(decoded.image, top)) {
    labels.push_back({{"label", runner.LabelName(scored.index)},
                      {"index", scored.index},
                      {"score", scored.score}});
  }
  Json row = {{"file", file},
              {"width", decoded.image.width},
              {"height", decoded.image.height},
              {"labels", std::move(labels)}};
  if (!decoded.warnings.empty()) row["warnings"] = decoded.warnings;
  return row;
}

std::string PredictionText(const Json& row) {
  const std::string file = row["file"];
  if (row.contains("error")) {
    const std::string error = row["error"];  // most begin with the file's name
    return error.starts_with(file) ? error + "\n" : fmt::format("{}: {}\n", file, error);
  }
  TextTable table("rl");
  for (const Json& label : row["labels"]) {
    table.Row({fmt::format("{:.2f} %", 100 * label["score"].get<double>()), label["label"]});
  }
  return fmt::format("{} ({}x{})\n{}", file, row["width"].get<int>(), row["height"].get<int>(),
                     table.ToString("  "));
}

CommandResult Predict(const PredictArgs& args, const CommandContext&) {
  ModelRunner runner(LoadModel(args.model), args.threads,
                     {.tune = args.tune, .precision = args.precision});
  CommandResult result{.json = Json::array()};
  for (const std::string& file : args.files) {
    Json row;
    try {
      row = PredictOne(runner, file, args.top);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData && error.kind() != ErrorKind::kFile) throw;
      row = {{"file", file}, {"error", error.what()}};
      if (result.exit_code == 0) result.exit_code = static_cast<int>(error.kind());
    }
    result.text += PredictionText(row);
    result.json.push_back(std::move(row));
  }
  return result;
}

}  // namespace

std::vector<Command> EvalCommands() {
  return {
      MakeCommand<EvalArgs>("eval", "measures a model's accuracy, on the network as it ships",
                            "linnet eval --model model.safetensors --data pictures --split test",
                            Eval),
      MakeCommand<PredictArgs>("predict", "says what is in pictures",
                               "linnet predict --model model.safetensors bird.jpg --top 3",
                               Predict),
  };
}

}  // namespace linnet
