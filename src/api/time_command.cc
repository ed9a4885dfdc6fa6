// time: latency on this machine.
#include "api/commands.h"
#include "api/time_modes.h"
#include "api/time_report.h"
#include "base/units.h"

namespace linnet {
namespace {

// A quantized model says itself what it computes in.
std::string PrecisionText(const TimeArgs& args, const NamedNetwork& network) {
  return IsQuantized(network.graph) ? "int8" : FieldToText(args.precision);
}

}  // namespace

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

namespace {

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
