// Writing safetensors, and the check of what safetensors_header.cc has read.
#include "base/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/checksum.h"
#include "base/error.h"
#include "base/file.h"
#include "base/safetensors_header.h"

namespace linnet {
namespace {

std::string_view BytesOf(const Tensor& tensor) { return {tensor.data<char>(), tensor.bytes()}; }

// Wide numbers first, so that every tensor is aligned to its own type; then by name.
std::vector<TensorMap::const_iterator> FileOrder(const TensorMap& tensors) {
  std::vector<TensorMap::const_iterator> order;
  for (auto it = tensors.begin(); it != tensors.end(); ++it) order.push_back(it);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return DTypeBytes(a->second.dtype()) > DTypeBytes(b->second.dtype());
  });
  return order;
}

std::string ChecksumOf(const TensorMap& tensors, const Metadata& metadata) {
  Checksum sum;
  for (const auto& [key, value] : metadata) {
    sum.Add(key);
    sum.Add(value);
  }
  for (const auto& [name, tensor] : tensors) {
    sum.Add(name);
    sum.Add(DTypeName(tensor.dtype()));
    sum.Add(tensor.shape().ToString());
    sum.Add(BytesOf(tensor));
  }
  return fmt::format("{:016x}", sum.value());
}

// JSON text of a string; the library refuses what is not UTF-8.
std::string Quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    Fail(ErrorKind::kUsage, "a name or text for a safetensors file is not UTF-8: '{}'",
         nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
  }
}

std::string MetadataText(const TensorMap& tensors, const Metadata& metadata) {
  std::string text = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    if (key == kChecksumKey) Fail(ErrorKind::kUsage, "metadata '{}' is reserved", key);
    text += Quoted(key) + ":" + Quoted(value) + ",";
  }
  return text + Quoted(kChecksumKey) + ":\"" + ChecksumOf(tensors, metadata) + "\"}";
}

std::string HeaderBytes(const TensorMap& tensors, const Metadata& metadata) {
  std::string text = MetadataText(tensors, metadata);
  size_t offset = 0;
  for (const auto& it : FileOrder(tensors)) {
    const auto& [name, tensor] = *it;
    if (name == kMetadataName) Fail(ErrorKind::kUsage, "the tensor name '{}' is reserved", name);
    text += fmt::format(",{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}",
                        Quoted(name), DTypeName(tensor.dtype()), tensor.shape().ToString(), offset,
                        offset + tensor.bytes());
    offset += tensor.bytes();
  }
  text += "}";
  const size_t end = (8 + text.size() + Tensor::kAlignment - 1) / Tensor::kAlignment;
  text.resize(end * Tensor::kAlignment - 8, ' ');
  const uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + text;
}

// The header, then the tensors' own memory.
std::vector<std::string_view> Pieces(const std::string& header, const TensorMap& tensors) {
  std::vector<std::string_view> pieces = {header};
  for (const auto& it : FileOrder(tensors)) pieces.push_back(BytesOf(it->second));
  return pieces;
}

void VerifyChecksum(TensorFile& file, const std::string& where) {
  const auto stored = file.metadata.extract(kChecksumKey);
  if (!stored) return;
  const std::string computed = ChecksumOf(file.tensors, file.metadata);
  if (stored.mapped() != computed) {
    Fail(ErrorKind::kFile,
         "{}: the file is damaged: its checksum says {}, its contents give {}; fetch or write it "
         "again",
         where, stored.mapped(), computed);
  }
  file.verified = true;
}

}  // namespace

void SaveTensors(const std::string& path, const TensorMap& tensors, const Metadata& metadata) {
  const std::string header = HeaderBytes(tensors, metadata);
  WriteFileAtomic(path, Pieces(header, tensors));
}

std::string TensorsToBytes(const TensorMap& tensors, const Metadata& metadata) {
  const std::string header = HeaderBytes(tensors, metadata);
  std::string bytes;
  for (const std::string_view piece : Pieces(header, tensors)) bytes += piece;
  return bytes;
}

TensorFile TensorsFromBytes(std::span<const uint8_t> bytes, const std::string& where) {
  SafetensorsHeader header = ReadSafetensorsHeader(bytes, where);
  TensorFile file;
  file.metadata = std::move(header.metadata);
  for (const SafetensorsEntry& entry : header.entries) {
    Tensor tensor(entry.shape, entry.dtype);
    std::memcpy(tensor.data<char>(), bytes.data() + header.data_start + entry.begin,
                tensor.bytes());
    file.tensors.emplace(entry.name, std::move(tensor));
  }
  VerifyChecksum(file, where);
  return file;
}

TensorFile LoadTensors(const std::string& path) {
  const auto mapped = MappedFile::Open(path);
  return TensorsFromBytes(mapped->bytes(), path);
}

}  // namespace linnet
