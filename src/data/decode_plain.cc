// The uncompressed formats, read by hand: BMP, PGM, PPM.
#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "data/decode_formats.h"

namespace linnet::internal {
namespace {

uint32_t U16(Bytes bytes, size_t at) { return bytes[at] | bytes[at + 1] << 8; }
uint32_t U32(Bytes bytes, size_t at) { return U16(bytes, at) | U16(bytes, at + 2) << 16; }

struct BmpHeader {
  int64_t width, height;  // height positive
  bool top_down;
  int bits;
  size_t pixels;        // offset
  size_t palette;       // offset
  size_t palette_step;  // bytes an entry
  size_t colors;
};

// BITMAPCOREHEADER (12 bytes) or BITMAPINFOHEADER and its extensions (40 and more).
BmpHeader ReadBmpHeader(Bytes bytes) {
  if (bytes.size() < 26) Fail(ErrorKind::kData, "the header is cut");
  const size_t size = U32(bytes, 14);
  const bool core = size == 12;
  if (!core && (size < 40 || size > 1000 || bytes.size() < 14 + size)) {
    Fail(ErrorKind::kData, "the header says that it has {} bytes", size);
  }
  BmpHeader header{};
  int64_t height;
  if (core) {
    header.width = U16(bytes, 18), height = U16(bytes, 20), header.bits = U16(bytes, 24);
  } else {
    header.width = static_cast<int32_t>(U32(bytes, 18));
    height = static_cast<int32_t>(U32(bytes, 22));
    header.bits = U16(bytes, 28);
  }
  header.top_down = height < 0;
  header.height = height < 0 ? -height : height;
  const uint32_t compression = core ? 0 : U32(bytes, 30);
  // Bit fields are taken only in the order that 32-bit files have anyway.
  const bool usual_fields = compression == 3 && header.bits == 32 && bytes.size() >= 66 &&
                            U32(bytes, 54) == 0xFF0000 && U32(bytes, 58) == 0xFF00 &&
                            U32(bytes, 62) == 0xFF;
  if (compression != 0 && !usual_fields) {
    Fail(ErrorKind::kData, "compressed BMP (method {}) is not supported", compression);
  }
  header.pixels = U32(bytes, 10);
  header.palette = 14 + size;
  header.palette_step = core ? 3 : 4;
  header.colors = core ? 0 : U32(bytes, 46);
  if (header.bits <= 8 && header.colors == 0) header.colors = size_t{1} << header.bits;
  return header;
}

void PaletteRow(Bytes bytes, const BmpHeader& header, const uint8_t* src, uint8_t* dst) {
  const int per_byte = 8 / header.bits, mask = (1 << header.bits) - 1;
  for (int64_t x = 0; x < header.width; ++x, dst += 3) {
    const int shift = 8 - header.bits * (static_cast<int>(x % per_byte) + 1);
    const size_t index = src[x / per_byte] >> shift & mask;
    const size_t entry = header.palette + index * header.palette_step;
    if (index >= header.colors || entry + 3 > bytes.size()) continue;  // stays black
    dst[0] = bytes[entry + 2], dst[1] = bytes[entry + 1], dst[2] = bytes[entry];
  }
}

}  // namespace

void DecodeBmp(DecodeJob& job) {
  const Bytes bytes = job.bytes;
  const BmpHeader header = ReadBmpHeader(bytes);
  const int bits = header.bits;
  if (bits != 1 && bits != 4 && bits != 8 && bits != 24 && bits != 32) {
    Fail(ErrorKind::kData, "{} bits a pixel are not supported", bits);
  }
  AllocateImage(job, header.width, header.height, 8);
  const size_t stride = (static_cast<size_t>(header.width) * bits + 31) / 32 * 4;
  const size_t needed = stride * header.height;
  if (header.pixels > bytes.size() || needed > bytes.size() - header.pixels) {
    Fail(ErrorKind::kData,
         "premature end: {} bytes of pixels from offset {} expected, the file has {}", needed,
         header.pixels, bytes.size());
  }
  for (int y = 0; y < job.image.height; ++y) {
    const int64_t stored = header.top_down ? y : header.height - 1 - y;
    const uint8_t* src = bytes.data() + header.pixels + stored * stride;
    uint8_t* dst = job.image.row(y);
    if (bits <= 8) {
      PaletteRow(bytes, header, src, dst);
      continue;
    }
    for (int x = 0; x < job.image.width; ++x, src += bits / 8, dst += 3) {
      dst[0] = src[2], dst[1] = src[1], dst[2] = src[0];
    }
  }
}

namespace {

// The next number of a PNM text, after blanks and comments.
int64_t PnmNumber(Bytes bytes, size_t& at) {
  const auto is_blank = [](uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (at < bytes.size() && (is_blank(bytes[at]) || bytes[at] == '#')) {
    if (bytes[at] == '#') {
      while (at < bytes.size() && bytes[at] != '\n') ++at;
    } else {
      ++at;
    }
  }
  const size_t begin = at;
  int64_t value = 0;
  for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9' && value < 1'000'000'000; ++at) {
    value = value * 10 + (bytes[at] - '0');
  }
  if (at == begin) Fail(ErrorKind::kData, "expected a number at byte {}", begin);
  return value;
}

}  // namespace

void DecodePnm(DecodeJob& job) {
  const Bytes bytes = job.bytes;
  const char kind = static_cast<char>(bytes[1]);
  const bool text = kind == '2' || kind == '3';
  const int components = kind == '3' || kind == '6' ? 3 : 1;
  size_t at = 2;
  const int64_t width = PnmNumber(bytes, at), height = PnmNumber(bytes, at);
  const int64_t highest = PnmNumber(bytes, at);
  if (highest < 1 || highest > 65535) Fail(ErrorKind::kData, "highest value {}", highest);
  AllocateImage(job, width, height, 1);
  ++at;  // the one blank before the pixels
  const size_t samples = static_cast<size_t>(width) * height * components;
  const size_t sample_bytes = highest > 255 ? 2 : 1;
  if (!text && (at > bytes.size() || bytes.size() - at < samples * sample_bytes)) {
    Fail(ErrorKind::kData, "premature end: {} bytes of pixels expected, {} are there",
         samples * sample_bytes, bytes.size() - std::min(at, bytes.size()));
  }
  uint8_t* dst = job.image.pixels.data();
  for (size_t i = 0; i < samples; ++i) {
    int64_t value;
    if (text) {
      value = PnmNumber(bytes, at);
    } else {
      value = sample_bytes == 2 ? bytes[at] << 8 | bytes[at + 1] : bytes[at];
      at += sample_bytes;
    }
    const auto level =
        static_cast<uint8_t>((std::min(value, highest) * 255 + highest / 2) / highest);
    for (int c = 0; c < 3 / components; ++c) *dst++ = level;
  }
}

}  // namespace linnet::internal
