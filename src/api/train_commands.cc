// train, fit: from pictures to a model file.
#include <array>
#include <filesystem>

#include "api/commands.h"
#include "api/network.h"
#include "base/fields_json.h"
#include "base/file.h"
#include "base/text_table.h"
#include "base/units.h"
#include "fit/fit.h"
#include "fit/fit_json.h"
#include "fit/report_fill.h"
#include "train/evaluate.h"
#include "train/recipe.h"

namespace linnet {
namespace {

// ---- train ----

struct TrainArgs {
  static constexpr const char* kPositional = "arch";
  static constexpr std::array kRequired = {"data"};
  static constexpr bool kInterruptible = true;
  std::string arch = "mobilenet_v1", data, out = "runs/train";
  std::string augment, pipeline;
  float val_fraction = static_cast<float>(kDefaultValFraction);
  TrainOptions options;
  OptionList arch_options;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("arch", self.arch, "architecture, or file with a graph's text");
    v("data", self.data, "data set: folder, tar, IDX, CIFAR, or shapes:count=2000,size=48");
    v("out", self.out, "folder of the run; a run that was interrupted there goes on");
    v("augment", self.augment,
      "changes to what the pictures' size suggests: crop=resized,flip=0,brightness=0.4");
    v("pipeline", self.pipeline,
      "changes to what is done to every picture: filter=bicubic,mode=stretch");
    v("val_fraction", self.val_fraction,
      "part of the training pictures that validates, where the data have no such split");
    TrainOptions::VisitFields(self.options, v);
  }
};

// "crop=resized,scale=0.3,1" sets the fields of 'object': a part without '=' belongs to the list
// before it.
template <class S>
void SetFields(S& object, const std::string& text, const char* where) {
  std::vector<std::string> changes;
  for (const std::string_view part : SplitText(text, ',')) {
    if (part.find('=') == std::string_view::npos && !changes.empty()) {
      changes.back() += "," + std::string(part);
    } else {
      changes.emplace_back(part);
    }
  }
  for (const std::string& change : changes) {
    const size_t equals = change.find('=');
    if (equals == std::string::npos) {
      Fail(ErrorKind::kUsage, "{}: '{}': expected field=value", where, change);
    }
    SetField(object, change.substr(0, equals), change.substr(equals + 1), where);
  }
}

// Before a thread is started or a picture read.
const TrainArgs& Checked(const TrainArgs& args) {
  CheckOptions(args.options);
  if (!(args.val_fraction >= 0 && args.val_fraction < 1)) {
    Fail(ErrorKind::kUsage, "val_fraction={}: expected 0 (no validation) to less than 1",
         args.val_fraction);
  }
  if (args.out.empty()) Fail(ErrorKind::kUsage, "--out is empty: expected a folder for the run");
  return args;
}

class TrainRun {
 public:
  TrainRun(const TrainArgs& args, const CommandContext& context)
      : args_(Checked(args)), context_(context), pool_(args.options.threads) {
    auto data =
        std::make_shared<Dataset>(OpenDataset(args.data, {.val_fraction = args.val_fraction}));
    RequireSplit(*data, Split::kTrain);
    EnsureValidation(*data, args.val_fraction);
    const PictureSurvey survey = SurveyPictures(*data);
    MakeGraph(*data, survey);
    job_.pipeline = DefaultPipeline(job_.graph, survey);
    SetFields(job_.pipeline, args.pipeline, "--pipeline");
    ValidatePipeline(job_.pipeline, "--pipeline");
    job_.augment = DefaultAugment(survey, job_.pipeline.height());
    SetFields(job_.augment, args.augment, "--augment");
    ValidateAugment(job_.augment, "--augment");
    job_.options = args.options;
    job_.images = std::make_shared<ImageCache>(data);
    job_.folder = args.out;
    if (data->items(Split::kVal).empty()) job_.validation = Validation::kNever;
  }

  CommandResult Go() {
    context_.progress.Say(fmt::format("{}: {} classes, {} pictures to train, {} to validate", spec_,
                                      data().classes.size(), data().items(Split::kTrain).size(),
                                      data().items(Split::kVal).size()));
    for (const std::string& note : data().notes) context_.progress.Say(note);
    TrainResult trained =
        Train(job_, {.progress = context_.progress,
                     .interrupt = context_.stop,
                     .best = [&](const ParamMap& params, const EpochLog& row) {
                       WriteArguments();
                       Save(ModelPath(), params, {.log = {row}, .best_epoch = row.epoch});
                     }});
    const bool have_best = validates() && std::filesystem::exists(ModelPath());
    if (validates() && !have_best) {
      context_.progress.Say(ModelPath() + " is gone: the last weights take its place");
    }
    if (!have_best && !trained.log.empty()) trained.best_epoch = trained.log.back().epoch;
    WriteArguments();
    FinishModels(trained, have_best);
    return Measure(trained);
  }

 private:
  const Dataset& data() const { return job_.images->dataset(); }
  std::string ModelPath() const { return args_.out + "/best.safetensors"; }

  void MakeGraph(const Dataset& data, const PictureSurvey& survey) {
    std::error_code ignored;  // of a text too long for a name
    if (std::filesystem::is_regular_file(args_.arch, ignored)) {
      const NamedNetwork network = FindNetwork(args_.arch, args_.arch_options);
      if (network.model) {
        Fail(ErrorKind::kUsage,
             "{}: is a trained model, and training begins with fresh weights: give an architecture "
             "or a graph's text",
             args_.arch);
      }
      spec_ = network.name;
      job_.graph = network.graph;
      return;
    }
    ExpectNoPath(args_.arch);
    ArchSpec spec = ParseArchSpec(args_.arch);
    for (const auto& [key, value] : args_.arch_options) SetOption(spec, key, value);
    spec = FitArchToData(std::move(spec), data, survey);
    spec_ = ToString(spec);
    job_.graph = BuildArch(spec);
  }

  bool validates() const { return job_.validation != Validation::kNever; }

  // Beside the model, once there is one: a run that is refused leaves those of the run before.
  void WriteArguments() const {
    Json arguments = {{"verb", "train"}, {"network", spec_}};
    VisitFields(args_, [&](const char* name, const auto& field, const char*) {
      arguments["arguments"][name] = FieldToText(field);
    });
    WriteFileAtomic(args_.out + "/arguments.json", JsonDocument(arguments));
  }

  void Save(const std::string& path, const ParamMap& params, const TrainResult& so_far) const {
    SaveModel(path, {.graph = job_.graph,
                     .params = params,
                     .pipeline = job_.pipeline,
                     .labels = data().classes,
                     .record = TrainingRecord(job_, so_far)});
  }

  // The best and the last of the run, with the whole record.
  void FinishModels(const TrainResult& trained, bool have_best) const {
    Save(ModelPath(), have_best ? LoadModel(ModelPath()).params : trained.params, trained);
    Save(args_.out + "/last.safetensors", trained.params, trained);
  }

  // On the file: read back, verified, compiled.
  CommandResult Measure(const TrainResult& trained) {
    const Model model = LoadModel(ModelPath());
    VerifyModel(model, ModelPath(), &pool_);
    const Split split = !data().items(Split::kTest).empty() ? Split::kTest
                        : validates()                       ? Split::kVal
                                                            : Split::kTrain;
    const Evaluation evaluation = Evaluate({.graph = model.graph,
                                            .params = model.params,
                                            .pipeline = model.pipeline,
                                            .images = job_.images,
                                            .split = split,
                                            .loader_threads = job_.options.loader_threads,
                                            .pool = &pool_,
                                            .progress = context_.progress});
    WriteReport(trained, model, evaluation, split);
    return Describe(trained, evaluation, split);
  }

  void WriteReport(const TrainResult& trained, const Model& model, const Evaluation& evaluation,
                   Split split) const {
    ReportData report;
    report.verb = "train";
    report.spec = spec_;
    report.arguments = FactsOf(args_);
    FillTraining(report, job_, trained);
    FillData(report, data(), job_.pipeline);
    FillEvaluation(report, evaluation, *job_.images, split);
    ThreadPool one(1);
    const auto plan = CompileModel(model, 1, one.threads());
    FillModel(report, ModelPath(), model, *plan, MeasureLatency(*plan, &one));
    WriteFileAtomic(args_.out + "/report.html", RenderReport(report));
  }

  CommandResult Describe(const TrainResult& trained, const Evaluation& evaluation,
                         Split split) const {
    Json log = Json::array();
    for (const EpochLog& row : trained.log) {
      log.push_back({{"epoch", row.epoch},
                     {"lr", row.lr},
                     {"train_loss", row.train_loss},
                     {"val_top1", validates() ? Json(row.val_top1) : Json()},
                     {"val_top5", validates() ? Json(row.val_top5) : Json()}});
    }
    const std::string speed =
        trained.images_per_second > 0
            ? fmt::format("trained at {:.0f} images/s", trained.images_per_second)
            : "nothing was left to train";
    return {.json = {{"arch", spec_},
                     {"top1", evaluation.top1()},
                     {"top5", evaluation.top5()},
                     {"count", evaluation.count},
                     {"split", FieldToText(split)},
                     {"best_epoch", trained.best_epoch},
                     {"steps", trained.steps},
                     {"images_per_second", trained.images_per_second},
                     {"skipped", job_.images->broken().size()},
                     {"file", ModelPath()},
                     {"report", args_.out + "/report.html"},
                     {"log", std::move(log)}},
            .text = fmt::format("{}: top-1 {:.2f} %, top-5 {:.2f} % of {} pictures ({}), epoch {}\n"
                                "{}; {} broken pictures skipped\n"
                                "model:  {}\nreport: {}/report.html\n\nuse it: {}\n",
                                spec_, 100 * evaluation.top1(), 100 * evaluation.top5(),
                                evaluation.count, FieldToText(split), trained.best_epoch, speed,
                                job_.images->broken().size(), ModelPath(), args_.out,
                                PredictCommand(ModelPath()))};
  }

  const TrainArgs& args_;
  const CommandContext& context_;
  ThreadPool pool_;
  std::string spec_;
  TrainJob job_;
};

CommandResult TrainCommand(const TrainArgs& args, const CommandContext& context) {
  return TrainRun(args, context).Go();
}

// ---- fit ----

struct FitArgs : FitOptions {
  static constexpr std::array kRequired = {"data"};
  static constexpr bool kInterruptible = true;
};

CommandResult FitCommand(const FitArgs& args, const CommandContext& context) {
  const FitResult result = Fit(args, {.progress = context.progress, .interrupt = context.stop});
  const std::string skipped =
      result.skipped == 0 ? "" : fmt::format("{} broken pictures skipped\n", result.skipped);
  return {.json = FitToJson(args, result),
          .text = fmt::format("{}:{}: top-1 {:.2f} % of {} pictures ({}), {:.3f} ms, {}\n{}"
                              "model:  {}\nreport: {}/report.html\n\nuse it: {}\n",
                              result.arch, result.options, 100 * result.top1, result.count,
                              FieldToText(result.split), result.latency_ms, BytesText(result.bytes),
                              skipped, result.file, args.out, PredictCommand(result.file))};
}

}  // namespace

std::vector<Command> TrainCommands() {
  return {
      MakeCommand<TrainArgs>(
          "train", "trains a network on labelled pictures",
          "linnet train mobilenet_v1 --width 0.5 --data pictures --epochs 30 --out runs/first",
          TrainCommand),
      MakeCommand<FitArgs>(
          "fit",
          "data and a budget in; the right-sized, trained, measured model and its report out",
          "linnet fit --data pictures --latency 1ms --size 500KB --minutes 10 --out fitted",
          FitCommand),
  };
}

}  // namespace linnet
