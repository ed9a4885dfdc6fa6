#include "data/decode.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "data/decode_formats.h"

namespace linnet {
namespace internal {

void DecodeJob::Warn(const std::string& text) {
  constexpr size_t kMost = 8;
  if (warnings.size() < kMost &&
      std::find(warnings.begin(), warnings.end(), text) == warnings.end()) {
    warnings.push_back(text);
  }
}

void AllocateImage(DecodeJob& job, int64_t width, int64_t height, int64_t pixels_per_byte) {
  if (width <= 0 || height <= 0) {
    Fail(ErrorKind::kData, "the header says {} x {} pixels", width, height);
  }
  if (width > job.max_pixels / height) {
    Fail(ErrorKind::kData, "the header says {} x {} pixels; the limit is {} million", width, height,
         job.max_pixels / 1'000'000);
  }
  const int64_t bytes = static_cast<int64_t>(job.bytes.size());
  if (width * height / pixels_per_byte > bytes) {
    Fail(ErrorKind::kData, "the header says {} x {} pixels, which {} bytes cannot hold", width,
         height, bytes);
  }
  job.image = Image(static_cast<int>(width), static_cast<int>(height));
}

// TIFF 6.0 section 2: byte order, 42, offset of the first directory; a directory is a count and
// entries of 12 bytes: tag, type, count, value. Orientation is tag 0x112, one SHORT.
int ExifOrientation(Bytes tiff) {
  if (tiff.size() < 8) return 1;
  const bool big = tiff[0] == 'M' && tiff[1] == 'M';
  if (!big && !(tiff[0] == 'I' && tiff[1] == 'I')) return 1;
  const auto u16 = [&](size_t at) {
    return static_cast<uint32_t>(big ? tiff[at] << 8 | tiff[at + 1] : tiff[at + 1] << 8 | tiff[at]);
  };
  const auto u32 = [&](size_t at) {
    return big ? u16(at) << 16 | u16(at + 2) : u16(at + 2) << 16 | u16(at);
  };
  const size_t directory = u32(4);
  if (u16(2) != 42 || directory > tiff.size() - 2) return 1;
  const size_t count = u16(directory);
  for (size_t i = 0; i < count; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) return 1;
    if (u16(entry) != 0x112) continue;
    const uint32_t value = u16(entry + 8);
    return u16(entry + 2) == 3 && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

// Orientations 5..8 have rows and columns exchanged. For each, the stored pixel that becomes (x,
// y).
Image Oriented(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool exchanged = orientation >= 5;
  const int w = image.width, h = image.height;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image turned(exchanged ? h : w, exchanged ? w : h);
  for (int y = 0; y < turned.height; ++y) {
    uint8_t* dst = turned.row(y);
    for (int x = 0; x < turned.width; ++x, dst += 3) {
      const int sx = exchanged ? y : x, sy = exchanged ? x : y;
      const uint8_t* src = image.row(flip_y ? h - 1 - sy : sy) + 3 * (flip_x ? w - 1 - sx : sx);
      std::copy_n(src, 3, dst);
    }
  }
  return turned;
}

namespace {

struct Format {
  const char* name;
  std::string_view magic;
  size_t offset;
  void (*decode)(DecodeJob&);  // null: known, not decoded
};

using namespace std::string_view_literals;

constexpr Format kFormats[] = {
    {"JPEG", "\xFF\xD8\xFF"sv, 0, DecodeJpeg},
    {"PNG", "\x89PNG\r\n\x1A\n"sv, 0, DecodePng},
    {"WebP", "WEBP"sv, 8, DecodeWebp},
    {"GIF", "GIF8"sv, 0, DecodeGif},
    {"BMP", "BM"sv, 0, DecodeBmp},
    {"PGM", "P2"sv, 0, DecodePnm},
    {"PPM", "P3"sv, 0, DecodePnm},
    {"PGM", "P5"sv, 0, DecodePnm},
    {"PPM", "P6"sv, 0, DecodePnm},
    {"TIFF", "II*\0"sv, 0, nullptr},
    {"TIFF", "MM\0*"sv, 0, nullptr},
    {"AVIF", "ftypavif"sv, 4, nullptr},
    {"HEIC", "ftyphei"sv, 4, nullptr},
    {"JPEG XL", "\xFF\x0A"sv, 0, nullptr},
    {"JPEG XL", "\0\0\0\x0CJXL "sv, 0, nullptr},
    {"JPEG 2000", "\0\0\0\x0CjP  "sv, 0, nullptr},
    {"Photoshop", "8BPS"sv, 0, nullptr},
    {"PDF", "%PDF"sv, 0, nullptr},
    {"zip archive", "PK\x03\x04"sv, 0, nullptr},
    {"gzip", "\x1F\x8B"sv, 0, nullptr},
    {"web page", "<!DOCTYPE html"sv, 0, nullptr},
    {"web page", "<!doctype html"sv, 0, nullptr},
    {"web page", "<html"sv, 0, nullptr},
    {"SVG", "<svg"sv, 0, nullptr},
    {"XML", "<?xml"sv, 0, nullptr},
};

const Format* FindFormat(Bytes bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const Format& format : kFormats) {
    if (text.size() < format.offset + format.magic.size()) continue;
    if (text.substr(format.offset, format.magic.size()) == format.magic) return &format;
  }
  return nullptr;
}

void Decode(DecodeJob& job) {
  if (job.bytes.empty()) Fail(ErrorKind::kData, "the file is empty");
  const Format* format = FindFormat(job.bytes);
  if (format == nullptr) {
    Fail(ErrorKind::kData, "not a picture: expected JPEG, PNG, WebP, GIF, BMP, PGM or PPM");
  }
  if (format->decode == nullptr) {
    Fail(ErrorKind::kData, "{} is not supported: expected JPEG, PNG, WebP, GIF, BMP, PGM or PPM",
         format->name);
  }
  try {
    format->decode(job);
  } catch (const Error& error) {
    throw Error(error.kind(), std::string(format->name) + ": " + error.what());
  }
}

}  // namespace
}  // namespace internal

DecodeResult DecodeImage(std::span<const uint8_t> bytes, const std::string& name,
                         const DecodeOptions& options) {
  internal::DecodeJob job{bytes, options.max_pixels, {}, 1, {}};
  try {
    internal::Decode(job);
  } catch (const Error& error) {
    throw Error(error.kind(), name + ": " + error.what());
  }
  return {internal::Oriented(std::move(job.image), job.orientation), std::move(job.warnings)};
}

DecodeResult ReadImage(const std::string& path, const DecodeOptions& options) {
  return DecodeImage(AsBytes(ReadFile(path)), path, options);
}

std::string PictureFormat(std::span<const uint8_t> bytes) {
  const internal::Format* format = internal::FindFormat(bytes);
  return format == nullptr ? "unknown" : format->name;
}

}  // namespace linnet
