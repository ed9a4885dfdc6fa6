// The header of a safetensors file, read strictly. Part of base/safetensors.h.
#ifndef LINNET_BASE_SAFETENSORS_HEADER_H_
#define LINNET_BASE_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/tensor.h"

namespace linnet {

inline constexpr const char* kMetadataName = "__metadata__";

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  uint64_t begin = 0, end = 0;  // bytes from data_start
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  // by ascending offset; together they cover the data
  size_t data_start = 0;
};

// Error (kFile), beginning with 'where', unless all of this holds: the header lies in the file and
// is an object of the form above; metadata is text only; names differ; dtypes are those of DType
// (or BOOL, read as U8); shapes have at most four dimensions and as many bytes as their offsets
// span; the tensors cover the data without hole or overlap.
SafetensorsHeader ReadSafetensorsHeader(std::span<const uint8_t> bytes, const std::string& where);

}  // namespace linnet

#endif  // LINNET_BASE_SAFETENSORS_HEADER_H_
