// time: latency on this machine.
#include <stdlib.h>

#include <chrono>
#include <filesystem>

#include "api/cold_start.h"
#include "api/commands.h"
#include "api/network.h"
#include "api/time_report.h"
#include "base/file.h"
#include "base/precision.h"
#include "base/text_table.h"
#include "base/units.h"
#include "data/decode.h"
#include "data/encode.h"
#include "data/shapes.h"
#include "io/open_model.h"

namespace linnet {
namespace {

constexpr const char* kGenerated = "generated";
constexpr int kColdStarts = 11;

struct TimeArgs {
  static constexpr const char* kPositional = "arch";
  std::string arch, model, picture, packed;
  int threads = 1, batch = 1;
  Precision precision = Precision::kFloat32;
  double seconds = 1, rate = 0;
  bool tune = false, cold = false, once = false, remeasure = false;
  OptionList arch_options;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("arch", self.arch, "architecture, model file, or file with a graph's text");
    v("model", self.model, "model file");
    v("threads", self.threads, "threads to use; 0: the processors this process may use");
    v("batch", self.batch, "pictures at a time");
    v("tune", self.tune, "choose kernels by measuring them here; remembered on this machine");
    v("precision", self.precision,
      "of the arithmetic: float32, bf16 or bf16x3; a quantized model has its own");
    v("seconds", self.seconds, "measure at least so long");
    v("rate", self.rate, "runs a second, as a camera asks; 0: one after the other");
    v("picture", self.picture,
      "file to decode and resize in each run, too; generated: one that is drawn");
    v("cold", self.cold, "from the start of the program to the first answer");
    v("once", self.once, "answer once and end: what --cold starts");
    v("packed", self.packed,
      "with --once: file of packed weights, read if it is this model's, else written");
    v("remeasure", self.remeasure, "measure the machine again, whatever is remembered of it");
  }
};

void CheckArgs(const TimeArgs& args) {
  if (args.arch.empty() == args.model.empty()) {
    Fail(ErrorKind::kUsage, "time: give either an architecture or --model");
  }
  constexpr double kMost = 1e6;
  if (args.batch < 1 || args.threads < 0 || !(args.seconds >= 0 && args.seconds <= kMost) ||
      !(args.rate == 0 || (args.rate >= 1 / kMost && args.rate <= kMost))) {
    Fail(ErrorKind::kUsage,
         "time: expected batch >= 1, threads >= 0, seconds from 0 to {0:g}, rate 0 or up to {0:g}",
         kMost);
  }
  const bool pictures = !args.picture.empty() || args.cold || args.once;
  if (pictures && args.batch != 1) {
    Fail(ErrorKind::kUsage, "time: --picture, --cold and --once take one picture at a time");
  }
  if (!args.packed.empty() && (!args.once || args.model.empty() || !args.arch_options.empty())) {
    Fail(ErrorKind::kUsage, "time: --packed is for --once with --model alone");
  }
  if (args.cold && args.once) Fail(ErrorKind::kUsage, "time: give either --cold or --once");
  const bool steps = !args.cold && !args.once && args.picture.empty();
  if (!steps && args.remeasure) {
    Fail(ErrorKind::kUsage, "time: --remeasure is for the times of steps");
  }
  if ((args.cold || args.once) && args.rate > 0) {
    Fail(ErrorKind::kUsage, "time: --rate is for runs one after the other");
  }
  if (args.precision == Precision::kInt8) {
    Fail(ErrorKind::kUsage,
         "time: --precision int8: expected float32, bf16 or bf16x3; a model that `linnet compress` "
         "has quantized runs in int8 by itself");
  }
}

std::unique_ptr<Plan> CompileNamed(const NamedNetwork& network, const TimeArgs& args) {
  if (network.model)
    return CompileModel(*network.model, args.batch, args.threads,
                        {.tune = args.tune, .precision = args.precision});
  constexpr uint64_t kSeed = 1;  // the time does not depend on the numbers
  return Compile(network.graph, InitParams(network.graph, kSeed),
                 {.batch = args.batch,
                  .threads = args.threads,
                  .tune = args.tune,
                  .precision = args.precision});
}

// ---- pictures ----

// What a model says of its pictures; an architecture says no more than their size.
ImagePipeline PipelineOf(const NamedNetwork& network, const Shape& input) {
  if (network.model) return network.model->pipeline;
  ImagePipeline pipeline{.size = {static_cast<int>(input.h()), static_cast<int>(input.w())},
                         .channels = static_cast<int>(input.c())};
  ValidatePipeline(pipeline, "time: --picture");
  return pipeline;
}

// A picture file in memory.
std::string PictureBytes(const std::string& file) {
  constexpr int kSide = 480;
  if (file != kGenerated) return ReadFile(file);
  return EncodePng(DrawShape({.count = 100, .size = kSide}, 0).image);
}

// From the bytes of a file to the network's input, as `predict` does it.
class PictureInput {
 public:
  PictureInput(const TimeArgs& args, const ImagePipeline& pipeline, const Shape& input)
      : name_(args.picture.empty() ? kGenerated : args.picture),
        bytes_(PictureBytes(name_)),
        pipeline_(pipeline),
        input_(input) {}

  void Decode() {
    image_ =
        DecodeImage({reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size()}, name_).image;
  }
  const float* Preprocess() {
    linnet::Preprocess(image_, pipeline_, input_.data(), scratch_);
    return input_.data();
  }
  std::string size_text() const { return fmt::format("{}x{}", image_.width, image_.height); }

 private:
  std::string name_, bytes_;
  ImagePipeline pipeline_;
  Tensor input_;
  Image image_;
  PipelineScratch scratch_;
};

// ---- the parts of the answer ----

Json LatencyJson(const Latency& latency) {
  return {{"median_ms", latency.median_ms},
          {"p95_ms", latency.p95_ms},
          {"p99_ms", latency.p99_ms},
          {"min_ms", latency.min_ms},
          {"runs", latency.runs}};
}

std::string LatencyText(const Latency& latency) {
  return fmt::format("median {:.3f} ms   p95 {:.3f}   p99 {:.3f}   least {:.3f}   ({} runs)",
                     latency.median_ms, latency.p95_ms, latency.p99_ms, latency.min_ms,
                     latency.runs);
}

std::string ModeText(const TimeArgs& args) {
  return args.rate > 0 ? fmt::format("{} runs a second", args.rate) : "one run after the other";
}

// A quantized model says itself what it computes in.
std::string PrecisionText(const TimeArgs& args, const NamedNetwork& network) {
  return IsQuantized(network.graph) ? "int8" : FieldToText(args.precision);
}

// "mobilenet_v1" and below it, as a name with options is long, "float32, 1 thread, batch 1, one run
// after the other"
std::string Headline(const TimeArgs& args, const NamedNetwork& network, int threads,
                     const std::string& mode) {
  return fmt::format("{}\n{}, {} thread{}, batch {}, {}", network.name,
                     PrecisionText(args, network), threads, threads > 1 ? "s" : "", args.batch,
                     mode);
}

void AddCommonJson(const TimeArgs& args, const NamedNetwork& network, int threads, Json& json) {
  json["name"] = network.name;
  json["threads"] = threads;
  json["batch"] = args.batch;
  json["precision"] = PrecisionText(args, network);
}

// ---- runs with decoding and resizing ----

CommandResult TimeWithPicture(const TimeArgs& args, const NamedNetwork& network, Plan& plan,
                              ThreadPool& pool) {
  using Clock = std::chrono::steady_clock;
  PictureInput picture(args, PipelineOf(network, plan.input_shape()), plan.input_shape());
  const char* const names[] = {"decode", "resize and normalise", "network", "whole"};
  const char* const keys[] = {"decode", "resize", "network", "whole"};
  std::vector<double> seconds[4];
  RunRepeatedly({.min_seconds = args.seconds, .rate = args.rate}, [&](bool keep) {
    const Clock::time_point start = Clock::now();
    picture.Decode();
    const Clock::time_point decoded = Clock::now();
    const float* input = picture.Preprocess();
    const Clock::time_point resized = Clock::now();
    plan.Run(input, {}, &pool);
    const Clock::time_point done = Clock::now();
    const std::chrono::duration<double> spent[] = {decoded - start, resized - decoded,
                                                   done - resized, done - start};
    for (int i = 0; keep && i < 4; ++i) seconds[i].push_back(spent[i].count());
  });
  Json stages = Json::object();
  TextTable table("lrrr", {"", "median ms", "p95", "p99"});
  Latency latency;
  for (int i = 0; i < 4; ++i) {
    latency = Summarize(std::move(seconds[i]));
    stages[keys[i]] = LatencyJson(latency);
    if (i == 3) table.Rule();
    table.Row({names[i], fmt::format("{:.3f}", latency.median_ms),
               fmt::format("{:.3f}", latency.p95_ms), fmt::format("{:.3f}", latency.p99_ms)});
  }
  Json json = LatencyJson(latency);
  AddCommonJson(args, network, pool.threads(), json);
  json["mode"] = "picture";
  json["rate"] = args.rate;
  json["picture"] = args.picture;
  json["stages"] = std::move(stages);
  const std::string mode = fmt::format("a picture of {}, {}", picture.size_text(), ModeText(args));
  return {.json = std::move(json),
          .text = Headline(args, network, pool.threads(), mode) + "\n\n" + table.ToString()};
}

// ---- cold start ----

// Says when it has the first answer, and what memory it took.
CommandResult AnswerOnce(const TimeArgs& args, const ImagePipeline& pipeline, Plan& plan,
                         ThreadPool& pool) {
  PictureInput picture(args, pipeline, plan.input_shape());
  picture.Decode();
  plan.Run(picture.Preprocess(), {}, &pool);
  const size_t bytes = PeakResidentBytes();
  return {.json = {{"peak_memory_bytes", bytes}},
          .text = fmt::format("answered; at most {} in memory\n",
                              BytesText(static_cast<int64_t>(bytes)))};
}

CommandResult AnswerOncePacked(const TimeArgs& args, ThreadPool& pool) {
  const OpenedModel opened = OpenModel(
      args.model, {.threads = args.threads, .tune = args.tune, .precision = args.precision},
      args.packed);
  return AnswerOnce(args, opened.pipeline, *opened.plan, pool);
}

// A folder that is gone when the object is.
class ScratchFolder {
 public:
  ScratchFolder() {
    path_ = (std::filesystem::temp_directory_path() / "linnet_cold_XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) {
      Fail(ErrorKind::kFile, "{}: cannot make a folder", path_);
    }
  }
  ~ScratchFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// An architecture as a model file with fresh weights.
void SaveFresh(const NamedNetwork& network, const std::string& path) {
  const Shape input = InferShapes(network.graph)[0];
  SaveModel(path, {.graph = network.graph,
                   .params = InitParams(network.graph, /*seed=*/1),
                   .pipeline = PipelineOf(network, input)});
}

struct ColdFigures {
  Latency latency;
  int64_t bytes = 0;  // the most in memory
};

ColdFigures MeasureCold(const std::vector<std::string>& words) {
  const ColdStart cold = MeasureColdStart(words, kColdStarts);
  ColdFigures figures{cold.latency};
  for (const std::string& answer : cold.answers) {
    const auto bytes = Json::parse(answer).at("peak_memory_bytes").get<int64_t>();
    figures.bytes = std::max(figures.bytes, bytes);
  }
  return figures;
}

Json ColdJson(const ColdFigures& figures) {
  Json json = LatencyJson(figures.latency);
  json["peak_memory_bytes"] = figures.bytes;
  return json;
}

std::string ColdText(const ColdFigures& figures) {
  return LatencyText(figures.latency) + "\n  at most " + BytesText(figures.bytes) + " in memory\n";
}

CommandResult TimeCold(const TimeArgs& args, const std::string& program) {
  if (program.empty()) Fail(ErrorKind::kUsage, "time: --cold is for the program, not the library");
  const std::string named = args.arch.empty() ? args.model : args.arch;
  const NamedNetwork network = FindNetwork(named, args.arch_options);
  const ScratchFolder folder;
  const std::string model = network.model ? named : folder / "model.safetensors";
  if (!network.model) SaveFresh(network, model);
  std::string picture = args.picture;
  if (picture.empty() || picture == kGenerated) {
    picture = folder / "picture.png";
    WriteFileAtomic(picture, PictureBytes(kGenerated));
  }
  std::vector<std::string> words = {program,
                                    "time",
                                    "--once",
                                    "--json",
                                    "--quiet",
                                    "--model",
                                    model,
                                    "--picture",
                                    picture,
                                    "--threads",
                                    std::to_string(args.threads),
                                    "--precision",
                                    FieldToText(args.precision)};
  if (args.tune) words.push_back("--tune");
  const ColdFigures packing = MeasureCold(words);
  words.insert(words.end(), {"--packed", folder / "packed"});
  const ColdFigures packed = MeasureCold(words);
  const int threads = args.threads > 0 ? args.threads : DefaultThreads();
  Json json = ColdJson(packing);
  AddCommonJson(args, network, threads, json);
  json["mode"] = "cold";
  json["packed"] = ColdJson(packed);
  const std::string mode = "from the program's start to its first answer";
  return {.json = std::move(json),
          .text = Headline(args, network, threads, mode) + "\nweights packed at the start\n  " +
                  ColdText(packing) + "weights packed before, from a file\n  " + ColdText(packed)};
}

// ---- step by step ----

// What there is between the layers, beside the least that the lifetimes of values allow.
std::string MemoryText(const Plan& plan) {
  const double ratio = static_cast<double>(plan.arena_bytes()) /
                       static_cast<double>(std::max<size_t>(1, plan.arena_lower_bound()));
  return fmt::format("memory of a run {}: {:.2f} times the most that is alive at once, {}\n",
                     BytesText(static_cast<int64_t>(plan.arena_bytes())), ratio,
                     BytesText(static_cast<int64_t>(plan.arena_lower_bound())));
}

CommandResult TimeSteps(const TimeArgs& args, const NamedNetwork& network, Plan& plan,
                        ThreadPool& pool, const CommandContext& context) {
  context.progress.Say("measuring the network");
  const LatencyOptions options{.min_seconds = args.seconds};
  LatencyOptions whole = options;
  whole.rate = args.rate;
  const kernels::KnownMachine known = kernels::MachineOnce(&pool, args.remeasure);
  const Latency latency = MeasureLatency(plan, &pool, whole);
  const std::vector<StepTime> times = MeasureSteps(plan, &pool, known.machine, options);
  const double limit_ms = LimitMs(plan, known.machine);
  const TimeReport report{plan, known.machine, times, latency.median_ms};

  Json json = LatencyJson(latency);
  AddCommonJson(args, network, pool.threads(), json);
  json["mode"] = args.rate > 0 ? "paced" : "tight";
  json["rate"] = args.rate;
  json["limit_ms"] = limit_ms;
  json["times_limit"] = latency.median_ms / limit_ms;
  json["macs"] = plan.macs();
  json["memory_bytes"] = plan.arena_bytes() + plan.weight_bytes();
  json["arena_bytes"] = plan.arena_bytes();
  json["arena_lower_bound_bytes"] = plan.arena_lower_bound();
  json["machine"] = kernels::MachineToJson(known.machine);
  json["machine"]["measured"] = known.measured;
  json["steps"] = StepsJson(report);
  return {.json = std::move(json),
          .text = Headline(args, network, pool.threads(), ModeText(args)) + "\n\n" +
                  StepsText(report) + "\n" + LatencyText(latency) + "\n" +
                  fmt::format("the run takes {:.2f} times its floor; weights {}\n",
                              latency.median_ms / limit_ms,
                              BytesText(static_cast<int64_t>(plan.weight_bytes()))) +
                  MemoryText(plan) + "\n" + MachineText(known)};
}

CommandResult Time(const TimeArgs& args, const CommandContext& context) {
  CheckArgs(args);
  if (args.cold) return TimeCold(args, context.program);
  ThreadPool pool(args.threads);
  if (!args.packed.empty()) return AnswerOncePacked(args, pool);
  const NamedNetwork network =
      FindNetwork(args.arch.empty() ? args.model : args.arch, args.arch_options);
  const auto plan = CompileNamed(network, args);
  if (args.once) return AnswerOnce(args, PipelineOf(network, plan->input_shape()), *plan, pool);
  if (!args.picture.empty()) return TimeWithPicture(args, network, *plan, pool);
  return TimeSteps(args, network, *plan, pool, context);
}

}  // namespace

std::vector<Command> TimeCommands() {
  return {
      MakeCommand<TimeArgs>("time",
                            "measures latency on this machine, step by step, beside its limit",
                            "linnet time --model model.safetensors --threads 2\n"
                            "linnet time mobilenet_v1 --width 0.5 --size 160 --rate 30\n"
                            "linnet time mobilenet_v2 --cold",
                            Time),
  };
}

}  // namespace linnet
