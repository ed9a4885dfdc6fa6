#include "infer/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "kernels/machine.h"
#include "kernels/targets.h"
#include "ops/op_def.h"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

// Raised when implementations or the way of measuring change: older choices are then forgotten.
constexpr int kFormat = 1;
constexpr int kMinRounds = 3, kMaxRounds = 15;
constexpr double kSeconds = 0.25;  // for one operation; kMinRounds are made in any case
// More than any third cache of a core or two.
constexpr size_t kMostPassing = size_t{64} << 20;
// A file of ours has some hundred lines.
constexpr size_t kMostFileBytes = size_t{16} << 20;

Json EmptyFile() { return {{"format", kFormat}, {"choices", Json::object()}}; }

// The choices of a file, or none, whatever is wrong with it.
Json ReadChoices(const std::string& file) {
  std::error_code error;
  if (file.empty() || !std::filesystem::is_regular_file(file, error)) return Json::object();
  try {
    const auto mapped = MappedFile::Open(file);
    if (mapped->size() > kMostFileBytes) return Json::object();
    const auto* text = reinterpret_cast<const char*>(mapped->data());
    const Json json = Json::parse(text, text + mapped->size());
    if (json.at("format") != kFormat || !json.at("choices").is_object()) return Json::object();
    return json.at("choices");
  } catch (const std::exception&) {
    return Json::object();
  }
}

Tensor Noise(const Shape& shape, uint64_t seed) {
  Tensor tensor(shape);
  Rng rng(seed);
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.data()[i] = rng.Uniform(0, 1);
  return tensor;
}

// One implementation with weights and memory of its own, ready to be timed.
struct Timed {
  Prepared prepared;
  std::vector<Tensor> params;
  Tensor scratch;
  std::vector<double> seconds;

  double MedianMs() {
    std::nth_element(seconds.begin(), seconds.begin() + seconds.size() / 2, seconds.end());
    return 1e3 * seconds[seconds.size() / 2];
  }
};

Timed MakeTimed(const Op& op, const PrepareArgs& args, ThreadPool* pool) {
  Timed timed;
  timed.prepared = DefOf(op).prepare(op, args);
  for (const ParamSpec& spec : DefOf(op).params(op, args.in)) {
    timed.params.push_back(Noise(spec.shape, 1));
  }
  if (timed.prepared.pack) timed.prepared.pack(timed.params, pool);
  timed.scratch = Tensor({static_cast<int64_t>(timed.prepared.scratch_bytes / 4 + 1)});
  return timed;
}

// What a remembered measurement says about these candidates; empty if it is not about them.
std::vector<double> RememberedMs(const Json& choice, const std::vector<std::string>& candidates) {
  std::vector<double> ms;
  if (!choice.is_object() || choice.size() != candidates.size()) return {};
  for (const std::string& name : candidates) {
    const auto found = choice.find(name);
    if (found == choice.end() || !found->is_number()) return {};
    ms.push_back(found->get<double>());
  }
  return ms;
}

}  // namespace

std::string TuneFile() {
  const std::string folder = UserCacheFolder();
  return folder.empty() ? "" : folder + "/tune.json";
}

Tuner::Tuner(std::string file, int threads, size_t weight_bytes)
    : file_(std::move(file)),
      pool_(threads),
      passing_({static_cast<int64_t>(std::min(weight_bytes, kMostPassing) / 4)}),
      choices_(ReadChoices(file_)) {}

std::string Tuner::Key(const Op& op, const std::vector<Shape>& in) const {
  Graph graph;
  std::vector<Value> inputs;
  std::string shapes;
  for (size_t i = 0; i < in.size(); ++i) {
    inputs.push_back(graph.Emit("x" + std::to_string(i), Input{}));
    shapes += (i > 0 ? ", " : "") + in[i].ToString();
  }
  graph.outputs = {graph.Emit("y", op, inputs)};
  const std::string text = GraphToText(graph);
  const size_t begin = text.find("y = ") + 4;
  const size_t mb = passing_.bytes() >> 20;
  return fmt::format("{} | {} | {} threads | {} | {} | weights {} MB", kernels::ProcessorName(),
                     kernels::TargetName(kernels::CurrentTarget()), pool_.threads(),
                     text.substr(begin, text.find('\n', begin) - begin), shapes,
                     mb == 0 ? 0 : size_t{1} << (63 - __builtin_clzll(mb)));
}

std::vector<double> Tuner::Measure(const Op& op, const std::vector<Shape>& in, const Shape& out,
                                   const std::vector<std::string>& candidates) {
  std::vector<Timed> timed;
  for (const std::string& name : candidates) {
    timed.push_back(MakeTimed(
        op, {.in = in, .out = out, .threads = pool_.threads(), .implementation = name}, &pool_));
  }
  std::vector<Tensor> noise, inputs;
  for (const Shape& shape : in) {
    noise.push_back(Noise(shape, 2));
    inputs.push_back(noise.back().Clone());
  }
  const Tensor result(out);
  const Clock::time_point begin = Clock::now();
  for (int round = 0; round < kMaxRounds; ++round) {
    if (round >= kMinRounds && Clock::now() - begin > std::chrono::duration<double>(kSeconds)) {
      break;
    }
    for (Timed& one : timed) {
      // The other layers' weights pass; then the layer before writes our inputs.
      std::fill_n(passing_.data(), passing_.elements(), static_cast<float>(round));
      for (size_t i = 0; i < inputs.size(); ++i) {
        std::copy_n(noise[i].data(), noise[i].elements(), inputs[i].data());
      }
      const Clock::time_point start = Clock::now();
      one.prepared.forward({.in = inputs,
                            .out = result,
                            .params = one.params,
                            .saved = {},
                            .scratch = reinterpret_cast<std::byte*>(one.scratch.data()),
                            .pool = &pool_});
      one.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    }
  }
  std::vector<double> ms;
  for (Timed& one : timed) ms.push_back(one.MedianMs());
  return ms;
}

Tuner::Choice Tuner::Choose(const Op& op, const std::vector<Shape>& in, const Shape& out,
                            const std::vector<std::string>& candidates) {
  const std::string key = Key(op, in);
  std::vector<double> ms = RememberedMs(choices_.value(key, Json()), candidates);
  if (ms.empty()) {
    ms = Measure(op, in, out, candidates);
    ++measured_;
    Json choice = Json::object();
    for (size_t i = 0; i < ms.size(); ++i) choice[candidates[i]] = ms[i];
    choices_[key] = std::move(choice);
  }
  Choice best{candidates[std::min_element(ms.begin(), ms.end()) - ms.begin()], ""};
  for (size_t i = 0; i < ms.size(); ++i) {
    best.why += fmt::format("{}{} {:.4f} ms", i > 0 ? ", " : "", candidates[i], ms[i]);
  }
  return best;
}

void Tuner::Save() const {
  if (file_.empty() || measured_ == 0) return;
  try {
    Json all = EmptyFile();
    all["choices"] = ReadChoices(file_);  // another process may have added some
    all["choices"].update(choices_);
    std::filesystem::create_directories(std::filesystem::path(file_).parent_path());
    WriteFileAtomic(file_, all.dump(1) + "\n");
  } catch (const std::exception&) {
    // Measured again next time.
  }
}

}  // namespace linnet
