#include "infer/packed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "base/safetensors_header.h"
#include "infer/packing_version.inc"
#include "infer/plan_impl.h"
#include "kernels/machine.h"
#include "kernels/targets.h"

namespace linnet {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "1";
constexpr const char* kTensor = "packed";
// As of the graph in a model file: reading takes quadratic time.
constexpr size_t kMaxGraphText = 1 << 20;

size_t RoundUp(size_t bytes) {
  return (bytes + Tensor::kAlignment - 1) / Tensor::kAlignment * Tensor::kAlignment;
}

// Four sums side by side: one would wait for its own multiplications. 'bytes' is a multiple of 64.
std::string ChecksumOf(const uint8_t* data, size_t bytes) {
  constexpr size_t kLanes = 4;
  uint64_t sum[kLanes] = {1, 2, 3, 4};
  for (size_t i = 0; i < bytes; i += kLanes * sizeof(uint64_t)) {
    uint64_t words[kLanes];
    std::memcpy(words, data + i, sizeof(words));
    for (size_t lane = 0; lane < kLanes; ++lane) {
      sum[lane] = (sum[lane] ^ words[lane]) * 0x9e3779b97f4a7c15u;
      sum[lane] ^= sum[lane] >> 32;
    }
  }
  Checksum all;
  for (const uint64_t lane : sum) {
    all.Add({reinterpret_cast<const char*>(&lane), sizeof(lane)});
  }
  return fmt::format("{:016x}", all.value());
}

bool Has(const Metadata& metadata, const char* name, const std::string& value) {
  const auto found = metadata.find(name);
  return found != metadata.end() && found->second == value;
}

// Takes each array's bytes from the front of what is left.
class Cutter {
 public:
  Cutter(std::shared_ptr<const MappedFile> file, size_t begin, size_t end)
      : file_(std::move(file)), at_(begin), end_(end) {}

  Tensor Next(size_t bytes) {
    if (bytes > end_ - at_) Fail(ErrorKind::kFile, "an array ends behind the file");
    auto* data = const_cast<uint8_t*>(file_->data() + at_);  // read only, as all packed weights
    at_ += std::min(end_ - at_, RoundUp(bytes));
    const std::shared_ptr<void> owner(file_, data);
    return Tensor::Shared(data, {static_cast<int64_t>(bytes)}, DType::kU8, owner);
  }

 private:
  std::shared_ptr<const MappedFile> file_;
  size_t at_, end_;
};

PackedNetwork Parse(const Metadata& metadata, Cutter cutter) {
  PackedNetwork network;
  const std::string& text = metadata.at("linnet.graph");
  if (text.size() > kMaxGraphText) Fail(ErrorKind::kFile, "a graph of {} bytes", text.size());
  network.graph = GraphFromText(text);
  for (const json& item : json::parse(metadata.at("linnet.steps"))) {
    PackedStep step = {.kernel = item.at("kernel").get<std::string>(),
                       .implementation = item.at("implementation").get<std::string>(),
                       .measured = item.at("measured").get<std::string>()};
    for (const json& bytes : item.at("bytes")) {
      step.arrays.push_back(cutter.Next(bytes.get<size_t>()));
    }
    network.steps.push_back(std::move(step));
  }
  return network;
}

std::unique_ptr<PackedNetwork> Read(const std::string& path, const std::string& key) {
  const auto file = MappedFile::Open(path);
  const SafetensorsHeader header = ReadSafetensorsHeader(file->bytes(), path);
  const size_t bytes = file->size() - header.data_start;
  const bool ours = Has(header.metadata, "linnet.packed", kFormat) &&
                    Has(header.metadata, "linnet.packed_key", key) && header.entries.size() == 1 &&
                    header.data_start % Tensor::kAlignment == 0 && bytes % Tensor::kAlignment == 0;
  if (!ours) return nullptr;
  const uint8_t* data = file->data() + header.data_start;
  if (!Has(header.metadata, "linnet.packed_checksum", ChecksumOf(data, bytes))) return nullptr;
  return std::make_unique<PackedNetwork>(
      Parse(header.metadata, Cutter(file, header.data_start, file->size())));
}

// Whether there is a file of another kind, as a model: it is not to be lost.
bool IsOfAnotherKind(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) return false;
  const auto file = MappedFile::Open(path);
  if (file->size() == 0) return false;
  // Behind the length of the header; the keys of its metadata are in the order of the alphabet.
  constexpr size_t kLengthBytes = 8;
  constexpr std::string_view kBegin = R"({"__metadata__":{"linnet.graph":)";
  const std::string_view text(reinterpret_cast<const char*>(file->data()), file->size());
  return text.size() < kLengthBytes || !text.substr(kLengthBytes).starts_with(kBegin);
}

Tensor Gather(const PackedNetwork& network) {
  size_t bytes = 0;
  for (const PackedStep& step : network.steps) {
    for (const Tensor& array : step.arrays) bytes += RoundUp(array.bytes());
  }
  Tensor all({static_cast<int64_t>(bytes)}, DType::kU8);
  char* to = all.data<char>();
  for (const PackedStep& step : network.steps) {
    for (const Tensor& array : step.arrays) {
      std::memcpy(to, array.data<char>(), array.bytes());
      to += RoundUp(array.bytes());
    }
  }
  return all;
}

std::string StepsText(const PackedNetwork& network) {
  json steps = json::array();
  for (const PackedStep& step : network.steps) {
    json bytes = json::array();
    for (const Tensor& array : step.arrays) bytes.push_back(array.bytes());
    steps.push_back({{"kernel", step.kernel},
                     {"implementation", step.implementation},
                     {"measured", step.measured},
                     {"bytes", std::move(bytes)}});
  }
  return steps.dump();
}

}  // namespace

std::string PackingKey() {
  return fmt::format("{} {} {} {}", kPackingVersion, kernels::TargetName(kernels::CurrentTarget()),
                     kernels::kExtrasNames[static_cast<int>(kernels::CurrentExtras())],
                     kernels::ProcessorName());
}

std::unique_ptr<PackedNetwork> ReadPackedFile(const std::string& path, const std::string& key) {
  if (access(path.c_str(), R_OK) != 0) return nullptr;
  try {
    return Read(path, key);
  } catch (const std::exception&) {  // of another kind, or damaged
    return nullptr;
  }
}

bool WritePackedFile(const std::string& path, const std::string& key,
                     const PackedNetwork& network) noexcept {
  try {
    if (IsOfAnotherKind(path)) return false;
    const Tensor all = Gather(network);
    const Metadata metadata = {
        {"linnet.packed", kFormat},
        {"linnet.packed_key", key},
        {"linnet.packed_checksum", ChecksumOf(all.data<uint8_t>(), all.bytes())},
        {"linnet.graph", GraphToText(network.graph)},
        {"linnet.steps", StepsText(network)}};
    SaveTensors(path, {{kTensor, all}}, metadata);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

std::optional<PackedNetwork> PackedOf(const Plan& plan) {
  PackedNetwork network{plan.graph(), {}};
  const Plan::Impl& impl = plan.impl();
  for (size_t i = 0; i < impl.steps.size(); ++i) {
    const Prepared& prepared = impl.steps[i].prepared;
    if (prepared.packed.empty() != (prepared.pack == nullptr)) return std::nullopt;
    const std::string& measured = impl.info[i].measured;
    PackedStep step = {
        prepared.kernel, measured.empty() ? "" : prepared.implementation, measured, {}};
    for (const auto& array : prepared.packed) step.arrays.push_back(*array);
    network.steps.push_back(std::move(step));
  }
  return network;
}

bool UsePacked(const std::vector<Tensor>& arrays, Prepared& prepared) {
  if (arrays.size() != prepared.packed.size()) return false;
  for (size_t i = 0; i < arrays.size(); ++i) {
    if (arrays[i].bytes() != prepared.packed[i]->bytes()) return false;
  }
  for (size_t i = 0; i < arrays.size(); ++i) {
    Tensor& to = *prepared.packed[i];
    const auto owner = std::make_shared<Tensor>(arrays[i]);
    to = Tensor::Shared(owner->data<char>(), to.shape(), to.dtype(), owner);
  }
  return true;
}

}  // namespace linnet
