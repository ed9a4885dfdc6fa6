// eval, predict, time: what a model file can do.
#include <array>
#include <filesystem>

#include "api/commands.h"
#include "api/model_runner.h"
#include "api/network.h"
#include "base/text_table.h"
#include "base/units.h"
#include "data/dataset.h"
#include "data/decode.h"
#include "data/image_cache.h"
#include "kernels/machine.h"
#include "train/evaluate.h"

namespace linnet {
namespace {

// ---- eval ----

struct EvalArgs {
  static constexpr const char* kPositional = "model";
  static constexpr std::array kRequired = {"model", "data"};
  std::string model, data, split;
  int threads = 0, loader_threads = 1;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("model", self.model, "model file");
    v("data", self.data, "data set; its classes are matched with the model's by name");
    v("split", self.split, "train, val or test; empty: test, or val where there is none");
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
  auto data =
      std::make_shared<Dataset>(OpenDataset(args.data, {.classes = model.labels, .strict = false}));
  const Split split = ChooseSplit(args, *data);
  RequireSplit(*data, split);
  ThreadPool pool(args.threads);
  const Evaluation evaluation =
      Evaluate({.graph = model.graph,
                .params = model.params,
                .pipeline = model.pipeline,
                // Each picture is needed once.
                .images = std::make_shared<ImageCache>(data, /*max_bytes=*/0),
                .split = split,
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
  bool tune = false;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("model", self.model, "model file");
    v("files", self.files, "pictures");
    v("top", self.top, "labels for each picture; 0: all");
    v("threads", self.threads, "threads for arithmetic; 0: the processors this process may use");
    v("tune", self.tune, "choose kernels by measuring them here; remembered on this machine");
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
  if (row.contains("error")) return fmt::format("{}: {}\n", file, row["error"].get<std::string>());
  TextTable table("rl");
  for (const Json& label : row["labels"]) {
    table.Row({fmt::format("{:.2f} %", 100 * label["score"].get<double>()), label["label"]});
  }
  return fmt::format("{} ({}x{})\n{}", file, row["width"].get<int>(), row["height"].get<int>(),
                     table.ToString("  "));
}

CommandResult Predict(const PredictArgs& args, const CommandContext&) {
  ModelRunner runner(LoadModel(args.model), args.threads, args.tune);
  CommandResult result{.json = Json::array()};
  for (const std::string& file : args.files) {
    Json row;
    try {
      row = PredictOne(runner, file, args.top);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData && error.kind() != ErrorKind::kFile) throw;
      row = {{"file", file}, {"error", error.what()}};
      result.exit_code = static_cast<int>(ErrorKind::kData);
    }
    result.text += PredictionText(row);
    result.json.push_back(std::move(row));
  }
  return result;
}

// ---- time ----

enum class Precision { kFloat32 };
constexpr const char* kPrecisionNames[] = {"float32"};
std::span<const char* const> EnumNames(Precision) { return kPrecisionNames; }

struct TimeArgs {
  static constexpr const char* kPositional = "arch";
  std::string arch, model;
  int threads = 1, batch = 1;
  bool tune = false;
  Precision precision = Precision::kFloat32;
  double seconds = 1;
  OptionList arch_options;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("arch", self.arch, "architecture, model file, or file with a graph's text");
    v("model", self.model, "model file");
    v("threads", self.threads, "threads to use; 0: the processors this process may use");
    v("batch", self.batch, "pictures at a time");
    v("tune", self.tune, "choose kernels by measuring them here; remembered on this machine");
    v("precision", self.precision, "of the arithmetic");
    v("seconds", self.seconds, "measure at least so long");
  }
};

std::unique_ptr<Plan> CompileNamed(const NamedNetwork& network, const TimeArgs& args) {
  if (network.model) {
    return CompileModel(*network.model, args.batch, args.threads, args.tune);
  }
  constexpr uint64_t kSeed = 1;  // the time does not depend on the numbers
  return Compile(network.graph, InitParams(network.graph, kSeed),
                 {.batch = args.batch, .threads = args.threads, .tune = args.tune});
}

// A step's share of the machine's limit: 1 would be as fast as the hardware can.
std::string ShareText(double limit_ms, double ms) {
  return ms > 0 ? fmt::format("{:.0f}", 100 * limit_ms / ms) : "";
}

Json DescribeSteps(const Plan& plan, const std::vector<StepTime>& times, TextTable& table) {
  Json steps = Json::array();
  for (size_t i = 0; i < times.size(); ++i) {
    const StepInfo& step = plan.steps()[i];
    if (step.kernel == "view") continue;
    const StepTime& time = times[i];
    table.Row({step.name, step.kernel + (step.measured.empty() ? "" : " (measured)"),
               fmt::format("{:.4f}", time.median_ms),
               step.macs > 0 ? fmt::format("{:.2f}", time.gmacs) : "",
               ShareText(time.floor_ms, time.median_ms)});
    steps.push_back({{"name", step.name},
                     {"op", step.op},
                     {"kernel", step.kernel},
                     {"measured", step.measured},
                     {"ms", time.median_ms},
                     {"gmacs_per_second", time.gmacs},
                     {"limit_ms", time.floor_ms},
                     {"macs", step.macs}});
  }
  return steps;
}

CommandResult Time(const TimeArgs& args, const CommandContext& context) {
  if (args.arch.empty() == args.model.empty()) {
    Fail(ErrorKind::kUsage, "time: give either an architecture or --model");
  }
  if (args.batch < 1 || args.threads < 0 || !(args.seconds >= 0)) {
    Fail(ErrorKind::kUsage, "time: expected batch >= 1, threads >= 0, seconds >= 0");
  }
  const NamedNetwork network =
      FindNetwork(args.arch.empty() ? args.model : args.arch, args.arch_options);
  ThreadPool pool(args.threads);
  const auto plan = CompileNamed(network, args);
  context.progress.Say("measuring the machine, then the network");
  const kernels::Machine machine = kernels::MeasureMachine(&pool);
  const LatencyOptions options{.min_seconds = args.seconds};
  const Latency latency = MeasureLatency(*plan, &pool, options);
  const std::vector<StepTime> times = MeasureSteps(*plan, &pool, machine, options);
  const double limit_ms = LimitMs(*plan, machine);

  // A quantized model says itself what it computes in.
  const std::string precision = IsQuantized(plan->graph()) ? "int8" : FieldToText(args.precision);
  TextTable table("llrrr", {"step", "kernel", "ms", "GMAC/s", "limit %"});
  Json steps = DescribeSteps(*plan, times, table);
  table.Rule();
  const double gmacs = static_cast<double>(plan->macs()) / latency.median_ms / 1e6;
  table.Row({"whole", "", fmt::format("{:.4f}", latency.median_ms), fmt::format("{:.2f}", gmacs),
             ShareText(limit_ms, latency.median_ms)});
  return {
      .json = {{"name", network.name},
               {"median_ms", latency.median_ms},
               {"p95_ms", latency.p95_ms},
               {"p99_ms", latency.p99_ms},
               {"min_ms", latency.min_ms},
               {"runs", latency.runs},
               {"threads", pool.threads()},
               {"batch", args.batch},
               {"precision", precision},
               {"limit_ms", limit_ms},
               {"macs", plan->macs()},
               {"memory_bytes", plan->arena_bytes() + plan->weight_bytes()},
               {"machine", {{"target", machine.target}, {"peak_gmacs", machine.peak_gmacs}}},
               {"steps", std::move(steps)}},
      .text = fmt::format(
          "{}\n{}: median {:.3f} ms, p95 {:.3f}, p99 {:.3f} ({} runs, {} thread{}, batch {}, {})\n"
          "limit of this machine {:.3f} ms ({}, {:.1f} GMAC/s); memory {} + weights {}\n",
          table.ToString(), network.name, latency.median_ms, latency.p95_ms, latency.p99_ms,
          latency.runs, pool.threads(), pool.threads() > 1 ? "s" : "", args.batch, precision,
          limit_ms, machine.target, machine.peak_gmacs,
          BytesText(static_cast<int64_t>(plan->arena_bytes())),
          BytesText(static_cast<int64_t>(plan->weight_bytes())))};
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
      MakeCommand<TimeArgs>("time",
                            "measures latency on this machine, step by step, beside its limit",
                            "linnet time --model model.safetensors --threads 2\n"
                            "linnet time mobilenet_v1 --width 0.5 --size 160",
                            Time),
  };
}

}  // namespace linnet
