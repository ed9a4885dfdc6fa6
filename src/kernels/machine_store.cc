#include "kernels/machine_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <optional>

#include "base/fields.h"
#include "base/file.h"
#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

using Json = nlohmann::ordered_json;

// Raised when something else is measured: older files are then measured anew.
constexpr int kFormat = 1;

std::string StorePath(int threads) {
  const std::string folder = UserCacheFolder();
  if (folder.empty()) return "";
  std::string key = fmt::format("{} {} {} {}", ProcessorName(), TargetName(CurrentTarget()),
                                kExtrasNames[static_cast<int>(CurrentExtras())], threads);
  for (char& c : key) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return folder + "/machine_" + key + ".json";
}

bool IsRate(double rate) { return std::isfinite(rate) && rate > 0; }

Machine MachineFromJson(const Json& json) {
  Machine machine;
  machine.processor = json.at("processor");
  machine.threads = json.at("threads");
  machine.target = json.at("target");
  for (const Json& item : json.at("peaks")) {
    Peak peak{.unit = item.at("unit"), .gmacs = item.at("gmacs")};
    FieldFromText(item.at("precision").get<std::string>(), peak.precision);
    if (IsRate(peak.gmacs)) machine.peaks.push_back(std::move(peak));
  }
  for (const Json& item : json.at("read")) {
    const Bandwidth level{item.at("bytes"), item.at("gbytes_per_second")};
    if (IsRate(level.gbytes_per_second)) machine.read.push_back(level);
  }
  return machine;
}

// Nothing if there is no such file, or whatever it is, it is not one of ours.
std::optional<KnownMachine> Remembered(const std::string& path) {
  std::error_code error;
  if (path.empty() || !std::filesystem::is_regular_file(path, error)) return std::nullopt;
  try {
    const Json json = Json::parse(ReadFile(path));
    if (json.at("format") != kFormat) return std::nullopt;
    KnownMachine known{MachineFromJson(json.at("machine")), json.at("measured"), true};
    if (known.machine.PeakGmacs() == 0 || known.machine.read.empty()) return std::nullopt;
    return known;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void Remember(const std::string& path, const KnownMachine& known) {
  if (path.empty()) return;
  const Json json = {
      {"format", kFormat}, {"measured", known.measured}, {"machine", MachineToJson(known.machine)}};
  try {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    WriteFileAtomic(path, json.dump(2) + "\n");
  } catch (const std::exception&) {  // measured again next time
  }
}

std::string NowText() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &utc);
  return text;
}

}  // namespace

Json MachineToJson(const Machine& machine) {
  Json peaks = Json::array(), read = Json::array();
  for (const Peak& peak : machine.peaks) {
    peaks.push_back(
        {{"precision", FieldToText(peak.precision)}, {"unit", peak.unit}, {"gmacs", peak.gmacs}});
  }
  for (const Bandwidth& level : machine.read) {
    read.push_back({{"bytes", level.bytes}, {"gbytes_per_second", level.gbytes_per_second}});
  }
  return {{"processor", machine.processor}, {"threads", machine.threads},
          {"target", machine.target},       {"peak_gmacs", machine.PeakGmacs()},
          {"peaks", std::move(peaks)},      {"read", std::move(read)}};
}

KnownMachine MachineOnce(ThreadPool* pool, bool again) {
  const std::string path = StorePath(Threads(pool));
  if (!again) {
    if (auto known = Remembered(path)) return *std::move(known);
  }
  const KnownMachine known{MeasureMachine(pool), NowText(), false};
  Remember(path, known);
  return known;
}

}  // namespace linnet::kernels
