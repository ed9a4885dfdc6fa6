// Cold start: the program is started anew for each answer.
#include <stdlib.h>

#include <filesystem>

#include "api/cold_start.h"
#include "api/time_modes.h"
#include "base/file.h"
#include "base/units.h"
#include "io/model_file.h"

namespace linnet {
namespace {

constexpr int kColdStarts = 11;

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

}  // namespace

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

}  // namespace linnet
