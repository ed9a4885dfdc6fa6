// The JSON is read event by event: nothing nested deeper than the format allows is ever built, and
// repeated keys, which a document tree would swallow, are seen.
#include "base/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "base/error.h"

namespace linnet {
namespace {

// The limit of the reference implementation.
constexpr uint64_t kMaxHeader = 100'000'000;

std::optional<DType> DTypeFromName(std::string_view name) {
  for (const DType dtype :
       {DType::kF32, DType::kBF16, DType::kF16, DType::kI8, DType::kU8, DType::kI32, DType::kI64}) {
    if (name == DTypeName(dtype)) return dtype;
  }
  if (name == "BOOL") return DType::kU8;
  return std::nullopt;
}

// A name from a file, fit for a message.
std::string Shown(std::string_view name) {
  constexpr size_t kLongest = 80;
  return std::string(name.substr(0, kLongest)) + (name.size() > kLongest ? "..." : "");
}

class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(SafetensorsHeader& header, const std::string& where)
      : header_(header), where_(where) {}

  bool start_object(size_t) override {
    if (depth_ == 0 || (depth_ == 1 && array_ == Array::kNone)) {
      ++depth_;
      return true;
    }
    Refuse("an object where a value was expected");
  }

  bool key(string_t& name) override {
    if (depth_ == 1) {
      if (!names_.insert(name).second) Refuse("this name twice", name);
      in_metadata_ = name == kMetadataName;
      entry_ = {};
      entry_.name = name;
    } else if (in_metadata_) {
      if (header_.metadata.contains(name)) Refuse("this metadata twice", name);
    } else if (name != "dtype" && name != "shape" && name != "data_offsets") {
      Refuse("an unknown field of a tensor", name);
    } else if (!fields_.insert(name).second) {
      Refuse("this field twice", name);
    }
    field_ = name;
    return true;
  }

  bool end_object() override {
    if (--depth_ == 0 || in_metadata_) return true;
    if (fields_.size() != 3 || offsets_ != 2) {
      Refuse("a tensor without dtype, shape and two data_offsets");
    }
    header_.entries.push_back(entry_);
    fields_.clear();
    offsets_ = 0;
    return true;
  }

  bool string(string_t& value) override {
    if (depth_ != 2 || array_ != Array::kNone) Refuse("text in the wrong place", value);
    if (in_metadata_) {
      header_.metadata[field_] = value;
      return true;
    }
    if (field_ != "dtype") Refuse("text where a list was expected", value);
    const auto dtype = DTypeFromName(value);
    if (!dtype) {
      Refuse("a dtype that is not supported (F32, F16, BF16, I8, U8, BOOL, I32 and I64 are)",
             value);
    }
    entry_.dtype = *dtype;
    return true;
  }

  bool start_array(size_t) override {
    if (depth_ != 2 || in_metadata_ || array_ != Array::kNone) Refuse("a list in the wrong place");
    if (field_ == "dtype") Refuse("a list where a dtype was expected");
    array_ = field_ == "shape" ? Array::kShape : Array::kOffsets;
    return true;
  }

  bool end_array() override {
    array_ = Array::kNone;
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (array_ == Array::kNone) Refuse("a number in the wrong place");
    if (array_ == Array::kOffsets) {
      if (offsets_ == 2) Refuse("more than two data_offsets");
      (offsets_++ == 0 ? entry_.begin : entry_.end) = value;
      return true;
    }
    if (entry_.shape.rank() == Shape::kMaxRank) Refuse("a shape of more than four dimensions");
    if (value > (uint64_t{1} << 40)) Refuse("a dimension that is too large");
    entry_.shape.Append(static_cast<int64_t>(value));
    return true;
  }

  bool number_integer(number_integer_t) override { Refuse("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    Refuse("a number that is not an integer");
  }
  bool null() override { Refuse("null"); }
  bool boolean(bool) override { Refuse("true or false"); }
  bool binary(binary_t&) override { Refuse("binary data"); }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    Fail(ErrorKind::kFile, "{}: damaged header: expected JSON at byte {}", where_, 8 + position);
  }

 private:
  enum class Array { kNone, kShape, kOffsets };

  [[noreturn]] void Refuse(const char* what) const {
    Fail(ErrorKind::kFile, "{}: damaged header: found {}, at '{}'", where_, what,
         Shown(entry_.name));
  }
  [[noreturn]] void Refuse(const char* what, std::string_view which) const {
    Fail(ErrorKind::kFile, "{}: damaged header: found {}: '{}', at '{}'", where_, what,
         Shown(which), Shown(entry_.name));
  }

  SafetensorsHeader& header_;
  const std::string& where_;
  int depth_ = 0;
  bool in_metadata_ = false;
  Array array_ = Array::kNone;
  SafetensorsEntry entry_;
  std::string field_;
  std::set<std::string> names_, fields_;
  int offsets_ = 0;
};

// Bytes of a tensor, or nothing if that does not fit in 63 bits.
std::optional<uint64_t> BytesOf(const SafetensorsEntry& entry) {
  int64_t bytes = static_cast<int64_t>(DTypeBytes(entry.dtype));
  for (int i = 0; i < entry.shape.rank(); ++i) {
    if (__builtin_mul_overflow(bytes, entry.shape[i], &bytes)) return std::nullopt;
  }
  return static_cast<uint64_t>(bytes);
}

void CheckCover(SafetensorsHeader& header, uint64_t data_bytes, const std::string& where) {
  std::stable_sort(header.entries.begin(), header.entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t covered = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    const auto bytes = BytesOf(entry);
    if (entry.end < entry.begin || !bytes || entry.end - entry.begin != *bytes) {
      Fail(ErrorKind::kFile, "{}: tensor '{}' {} {} does not fit its data_offsets [{},{}]", where,
           Shown(entry.name), DTypeName(entry.dtype), entry.shape.ToString(), entry.begin,
           entry.end);
    }
    if (entry.begin != covered) {
      Fail(ErrorKind::kFile, "{}: tensor '{}' starts at byte {} of the data, expected {}", where,
           Shown(entry.name), entry.begin, covered);
    }
    covered = entry.end;
  }
  if (covered != data_bytes) {
    Fail(ErrorKind::kFile,
         "{}: expected {} bytes of tensors after the header, found {}: the file is {}", where,
         covered, data_bytes, covered > data_bytes ? "truncated" : "too long");
  }
}

}  // namespace

SafetensorsHeader ReadSafetensorsHeader(std::span<const uint8_t> bytes, const std::string& where) {
  if (bytes.size() < 8) {
    Fail(ErrorKind::kFile, "{}: expected a safetensors file, found {} bytes", where, bytes.size());
  }
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  if (length > bytes.size() - 8 || length > kMaxHeader) {
    Fail(ErrorKind::kFile,
         "{}: expected a safetensors file; its header would have {} bytes, the file has {}: not of "
         "that format, or truncated",
         where, length, bytes.size());
  }
  const char* text = reinterpret_cast<const char*>(bytes.data()) + 8;
  if (length == 0 || text[0] != '{') {
    Fail(ErrorKind::kFile, "{}: expected a safetensors file; its header does not begin with '{{'",
         where);
  }
  // The JSON library would take a zero byte for the end.
  if (std::memchr(text, 0, length) != nullptr) {
    Fail(ErrorKind::kFile, "{}: damaged header: found a zero byte, expected JSON", where);
  }
  SafetensorsHeader header;
  header.data_start = 8 + length;
  HeaderReader reader(header, where);
  nlohmann::json::sax_parse(text, text + length, &reader);
  CheckCover(header, bytes.size() - header.data_start, where);
  return header;
}

}  // namespace linnet
