// convert: networks in the formats of other tools.
#include <array>

#include "api/commands.h"
#include "api/network.h"
#include "base/file.h"
#include "base/units.h"
#include "io/onnx.h"

namespace linnet {
namespace {

struct ConvertArgs {
  static constexpr const char* kPositional = "arch";
  static constexpr std::array kRequired = {"arch", "out"};
  std::string arch, out;
  int batch = 1;
  uint64_t seed = 1;
  OptionList arch_options;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("arch", self.arch, "architecture, model file, or file with a graph's text");
    v("out", self.out, "file to write; its ending says the format: .onnx");
    v("batch", self.batch, "pictures at a time");
    v("seed", self.seed, "of the weights, where there is no model file");
  }
};

std::string OnnxBytes(const NamedNetwork& network, const ConvertArgs& args) {
  if (network.model) return ToOnnx(*network.model, args.batch);
  return ToOnnx(network.graph, InitParams(network.graph, args.seed), {.batch = args.batch});
}

CommandResult Convert(const ConvertArgs& args, const CommandContext&) {
  if (!args.out.ends_with(".onnx")) {
    Fail(ErrorKind::kUsage, "convert: --out {}: expected a name that ends in .onnx", args.out);
  }
  if (args.batch < 1)
    Fail(ErrorKind::kUsage, "convert: --batch {}: expected 1 or more", args.batch);
  const NamedNetwork network = FindNetwork(args.arch, args.arch_options);
  const std::string bytes = OnnxBytes(network, args);
  WriteFileAtomic(args.out, bytes);
  return {.json = {{"name", network.name}, {"file", args.out}, {"bytes", bytes.size()}},
          .text = fmt::format("written: {} ({}, {})\n", args.out, network.name,
                              BytesText(static_cast<int64_t>(bytes.size())))};
}

}  // namespace

std::vector<Command> ConvertCommands() {
  return {MakeCommand<ConvertArgs>(
      "convert", "writes a network in another tool's format (ONNX)",
      "linnet convert model.safetensors --out model.onnx\n"
      "linnet convert mobilenet_v2 --width 0.5 --size 160 --out mobilenet.onnx",
      Convert)};
}

}  // namespace linnet
