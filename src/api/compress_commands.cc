// compress: from a model file to a smaller, faster one.
#include <array>

#include "api/commands.h"
#include "base/text_table.h"
#include "base/units.h"
#include "compress/compress.h"

namespace linnet {
namespace {

struct CompressArgs : CompressOptions {
  static constexpr const char* kPositional = "model";
  static constexpr std::array kRequired = {"model", "data", "out"};
  static constexpr bool kInterruptible = true;
};

Json MeasuredJson(const Measured& measured) {
  return {{"top1", measured.top1}, {"latency_ms", measured.median_ms}, {"bytes", measured.bytes}};
}

std::string BeforeAndAfter(const CompressResult& result) {
  TextTable table("lrrr", {"", "float32", "int8", ""});
  const Measured &before = result.before, &after = result.after;
  table.Row({"top-1 %", fmt::format("{:.2f}", 100 * before.top1),
             fmt::format("{:.2f}", 100 * after.top1),
             fmt::format("{:+.2f} points", 100 * (after.top1 - before.top1))});
  table.Row({"latency, 1 thread", fmt::format("{:.3f} ms", before.median_ms),
             fmt::format("{:.3f} ms", after.median_ms),
             fmt::format("{:.2f} times as fast", before.median_ms / after.median_ms)});
  table.Row({"file", BytesText(before.bytes), BytesText(after.bytes),
             fmt::format("{:.0f} %", 100.0 * static_cast<double>(after.bytes) /
                                         static_cast<double>(before.bytes))});
  return table.ToString();
}

CommandResult CompressCommand(const CompressArgs& args, const CommandContext& context) {
  const CompressResult result =
      Compress(args, {.progress = context.progress, .interrupt = context.stop});
  Json float_layers = Json::array();
  std::string text = BeforeAndAfter(result);
  text += fmt::format(
      "\nmeasured on {} pictures ({}); calibration {}{}; {} of {} layers on bytes\n",
      result.pictures, result.split, result.calibration, result.equalized ? ", equalised" : "",
      result.layers - static_cast<int>(result.float_layers.size()), result.layers);
  for (const FloatLayer& layer : result.float_layers) {
    float_layers.push_back({{"name", layer.name}, {"reason", layer.reason}});
    text += fmt::format("in float32: {}: {}\n", layer.name, layer.reason);
  }
  text += fmt::format("model: {}\n", result.file);
  return {.json = {{"file", result.file},
                   {"precision", "int8"},
                   {"before", MeasuredJson(result.before)},
                   {"after", MeasuredJson(result.after)},
                   {"drop_points", result.drop},
                   {"max_drop_points", args.max_drop},
                   {"split", result.split},
                   {"pictures", result.pictures},
                   {"calibration", result.calibration},
                   {"equalized", result.equalized},
                   {"answer_error", result.answer_error},
                   {"layers", result.layers},
                   {"float_layers", std::move(float_layers)}},
          .text = std::move(text)};
}

}  // namespace

std::vector<Command> CompressCommands() {
  return {MakeCommand<CompressArgs>(
      "compress", "makes a trained model smaller and faster, with an accuracy gate",
      "linnet compress --int8 --model model.safetensors --data pictures --out small.safetensors",
      CompressCommand)};
}

}  // namespace linnet
