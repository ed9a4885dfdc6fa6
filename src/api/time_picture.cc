// Runs with what comes before the network: a picture is decoded and resized each time.
#include <chrono>

#include "api/cold_start.h"
#include "api/time_modes.h"
#include "base/file.h"
#include "base/text_table.h"
#include "base/units.h"
#include "data/decode.h"
#include "data/encode.h"
#include "data/shapes.h"
#include "io/open_model.h"

namespace linnet {
namespace {

// From the bytes of a file to the network's input, as `predict` does it.
class PictureInput {
 public:
  PictureInput(const TimeArgs& args, const ImagePipeline& pipeline, const Shape& input)
      : name_(args.picture.empty() ? kGenerated : args.picture),
        bytes_(PictureBytes(name_)),
        pipeline_(pipeline),
        input_(input) {}

  void Decode() { image_ = DecodeImage(AsBytes(bytes_), name_).image; }
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

}  // namespace

ImagePipeline PipelineOf(const NamedNetwork& network, const Shape& input) {
  if (network.model) return network.model->pipeline;
  ImagePipeline pipeline{.size = {static_cast<int>(input.h()), static_cast<int>(input.w())},
                         .channels = static_cast<int>(input.c())};
  ValidatePipeline(pipeline, "time: --picture");
  return pipeline;
}

std::string PictureBytes(const std::string& file) {
  constexpr int kSide = 480;
  if (file != kGenerated) return ReadFile(file);
  return EncodePng(DrawShape({.count = 100, .size = kSide}, 0).image);
}

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

}  // namespace linnet
