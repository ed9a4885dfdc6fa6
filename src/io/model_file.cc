#include "io/model_file.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "data/dataset.h"
#include "io/model_check.h"

namespace linnet {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "1";
// A long graph has some ten thousand bytes; reading takes quadratic time.
constexpr size_t kMaxGraphText = 1 << 20;

// Class names come from folders and may hold bytes that are not UTF-8; those become U+FFFD.
std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json ChecksToJson(const std::vector<CheckVector>& checks) {
  json list = json::array();
  for (const CheckVector& check : checks) {
    list.push_back({{"seed", check.seed}, {"output", check.output}});
  }
  return list;
}

std::vector<CheckVector> ChecksFromJson(const json& list) {
  std::vector<CheckVector> checks;
  for (const json& item : list) {
    checks.push_back(
        {item.at("seed").get<uint64_t>(), item.at("output").get<std::vector<float>>()});
  }
  return checks;
}

Metadata ToMetadata(const Model& model) {
  return {{"linnet.format", kFormat},
          {"linnet.graph", GraphToText(model.graph)},
          {"linnet.pipeline", PipelineToJson(model.pipeline).dump()},
          {"linnet.labels", Dump(model.labels)},
          {"linnet.record", model.record},
          {"linnet.checks", ChecksToJson(MakeChecks(model)).dump()}};
}

const std::string& Required(const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    Fail(ErrorKind::kFile, "expected a model written by Linnet; its metadata has no '{}'", key);
  }
  return found->second;
}

ModelFacts ParseFacts(const Metadata& metadata) {
  const std::string& format = Required(metadata, "linnet.format");
  if (format != kFormat) {
    Fail(ErrorKind::kFile, "expected model format {}, found '{}': written by a later release",
         kFormat, format.substr(0, 20));
  }
  return {
      PipelineFromJson(json::parse(Required(metadata, "linnet.pipeline")), "pipeline"),
      json::parse(Required(metadata, "linnet.labels")).get<std::vector<std::string>>(),
  };
}

Model FromMetadata(const Metadata& metadata) {
  ModelFacts facts = ParseFacts(metadata);
  const std::string& graph = Required(metadata, "linnet.graph");
  if (graph.size() > kMaxGraphText) {
    Fail(ErrorKind::kFile, "expected a graph of at most {} bytes, found {}", kMaxGraphText,
         graph.size());
  }
  Model model;
  model.graph = GraphFromText(graph);
  model.pipeline = facts.pipeline;
  model.labels = std::move(facts.labels);
  model.record = Required(metadata, "linnet.record");
  if (!json::accept(model.record)) Fail(ErrorKind::kFile, "its training record is not JSON");
  model.checks = ChecksFromJson(json::parse(Required(metadata, "linnet.checks")));
  return model;
}

// Calls f; what is wrong with the file is said with its name.
template <class F>
auto Named(const std::string& where, F&& f) {
  try {
    return f();
  } catch (const Error& error) {
    Fail(ErrorKind::kFile, "{}: {}", where, error.what());
  } catch (const json::exception& error) {
    Fail(ErrorKind::kFile, "{}: damaged metadata: {}", where, error.what());
  }
}

}  // namespace

ModelFacts FactsFromMetadata(const Metadata& metadata, const std::string& where) {
  return Named(where, [&] { return ParseFacts(metadata); });
}

std::string ModelToBytes(const Model& model) {
  CheckModel(model);
  return TensorsToBytes(model.params, ToMetadata(model));
}

void SaveModel(const std::string& path, const Model& model) {
  CheckModel(model);
  SaveTensors(path, model.params, ToMetadata(model));
}

Model ModelFromBytes(std::span<const uint8_t> bytes, const std::string& where) {
  TensorFile file = TensorsFromBytes(bytes, where);
  return Named(where, [&] {
    if (!file.verified) {
      Fail(ErrorKind::kFile, "expected a model written by Linnet; its metadata has no '{}'",
           kChecksumKey);
    }
    Model model = FromMetadata(file.metadata);
    model.params = std::move(file.tensors);
    CheckModel(model);
    return model;
  });
}

Model LoadModel(const std::string& path) {
  const auto mapped = MappedFile::Open(path);
  return ModelFromBytes(mapped->bytes(), path);
}

double ValFractionOf(const Model& model) {
  const json record = json::parse(model.record, nullptr, /*allow_exceptions=*/false);
  const auto number = [&](const char* name) -> std::optional<double> {
    const json::json_pointer pointer = json::json_pointer("/data") / name;
    if (!record.is_object() || !record.contains(pointer)) return std::nullopt;
    const json& value = record[pointer];
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
  };
  if (number("val") == 0) return 0;
  const double held_out = number("held_out").value_or(0);
  return held_out > 0 && held_out < 1 ? held_out : kDefaultValFraction;
}

}  // namespace linnet
