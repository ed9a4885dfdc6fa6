#include "io/open_model.h"

#include "base/checksum.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "base/safetensors_header.h"
#include "infer/packed_file.h"
#include "io/model_check.h"
#include "io/model_file.h"

namespace linnet {
namespace {

// Of the model, by what its header says: metadata, tensors, and the checksum over them all. Threads
// are free: no kernel packs by their number.
std::string KeyOf(const MappedFile& model, const SafetensorsHeader& header,
                  CompileOptions options) {
  options.threads = 0;
  Checksum sum;
  sum.Add({reinterpret_cast<const char*>(model.data()), header.data_start});
  std::string key = fmt::format("{} {:016x} {}", PackingKey(), sum.value(), model.size());
  VisitFields(options, [&](const char* name, const auto& value, const char*) {
    key += fmt::format(" {}={}", name, FieldToText(value));
  });
  return key;
}

// The Plan of packed weights, or null.
std::unique_ptr<Plan> FromPacked(const std::string& path, const std::string& key,
                                 const CompileOptions& options, const ImagePipeline& pipeline) {
  const auto network = ReadPackedFile(path, key);
  if (network == nullptr) return nullptr;
  try {
    CheckGraph(network->graph, pipeline);
    return CompilePacked(*network, options);
  } catch (const std::exception&) {  // forged: what is written was checked, and fitted
    return nullptr;
  }
}

void KeepPacked(const std::string& path, const std::string& key, const Plan& plan) {
  if (const auto network = PackedOf(plan)) WritePackedFile(path, key, *network);
}

}  // namespace

OpenedModel OpenModel(const std::string& path, CompileOptions options, const std::string& packed) {
  const auto file = MappedFile::Open(path);
  const SafetensorsHeader header = ReadSafetensorsHeader(file->bytes(), path);
  OpenedModel opened;
  const bool keep = !packed.empty() && header.metadata.contains(kChecksumKey);
  std::string key;
  if (keep) {
    ModelFacts facts = FactsFromMetadata(header.metadata, path);
    opened.pipeline = facts.pipeline;
    opened.labels = std::move(facts.labels);
    options.height = opened.pipeline.height();
    options.width = opened.pipeline.width();
    key = KeyOf(*file, header, options);
    opened.plan = FromPacked(packed, key, options, opened.pipeline);
    opened.packed_before = opened.plan != nullptr;
    if (opened.packed_before) return opened;
  }
  Model model = ModelFromBytes(file->bytes(), path);
  options.height = model.pipeline.height();
  options.width = model.pipeline.width();
  opened.plan = Compile(model.graph, model.params, options);
  opened.pipeline = model.pipeline;
  opened.labels = std::move(model.labels);
  if (keep) KeepPacked(packed, key, *opened.plan);
  return opened;
}

}  // namespace linnet
