// Named tensors and text in one file: the safetensors container.
//
//   8 bytes   N, little-endian: bytes of the header
//   N bytes   JSON: {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets"}, ...},
//             padded with spaces so that the data starts at a multiple of 64
//   the rest  the tensors' bytes, in the order of their offsets, without holes
//
// (https://github.com/huggingface/safetensors, "Format".) Any reader of that format opens these
// files. Ours adds a checksum to the metadata, kChecksumKey, over everything the file says, so that
// a flipped bit is noticed; files of other tools have none and are taken as they are.
//
// Reading trusts nothing: a truncated, damaged or hostile file gives Error (kFile) that names the
// file, what was expected and what came. Memory used is proportional to the file's real size.
#ifndef LINNET_BASE_SAFETENSORS_H_
#define LINNET_BASE_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/tensor.h"

namespace linnet {

using TensorMap = std::map<std::string, Tensor>;
using Metadata = std::map<std::string, std::string>;

inline constexpr const char* kChecksumKey = "linnet.checksum";

struct TensorFile {
  TensorMap tensors;      // own their memory
  Metadata metadata;      // without the checksum
  bool verified = false;  // the file had a checksum, and it is right
};

// Writes atomically (base/file.h). The bytes written depend on the arguments only. Error (kUsage)
// if a name or metadata is not UTF-8 or is reserved, Error (kFile) if the file cannot be written.
void SaveTensors(const std::string& path, const TensorMap& tensors, const Metadata& metadata = {});
// The same bytes, in memory.
std::string TensorsToBytes(const TensorMap& tensors, const Metadata& metadata = {});

TensorFile LoadTensors(const std::string& path);
// 'where' begins the messages: the file's name.
TensorFile TensorsFromBytes(std::span<const uint8_t> bytes, const std::string& where);

}  // namespace linnet

#endif  // LINNET_BASE_SAFETENSORS_H_
