// GIF through giflib: the first frame, drawn on the logical screen.
#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "base/error.h"
#include "data/decode_formats.h"

namespace linnet::internal {
namespace {

int OnRead(GifFileType* gif, GifByteType* data, int size) {
  Bytes& rest = *static_cast<Bytes*>(gif->UserData);
  const size_t count = std::min(rest.size(), static_cast<size_t>(std::max(size, 0)));
  std::memcpy(data, rest.data(), count);
  rest = rest.subspan(count);
  return static_cast<int>(count);
}

struct Closer {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

void Require(int status, const GifFileType* gif) {
  if (status != GIF_ERROR) return;
  const char* reason = GifErrorString(gif->Error);
  Fail(ErrorKind::kData, "{}", reason == nullptr ? "damaged" : reason);
}

// Reads up to the first frame's descriptor.
void SeekFirstFrame(GifFileType* gif) {
  for (;;) {
    GifRecordType type;
    Require(DGifGetRecordType(gif, &type), gif);
    if (type == IMAGE_DESC_RECORD_TYPE) break;
    if (type == TERMINATE_RECORD_TYPE) Fail(ErrorKind::kData, "no picture inside");
    if (type != EXTENSION_RECORD_TYPE) continue;
    int code;
    GifByteType* block;
    Require(DGifGetExtension(gif, &code, &block), gif);
    while (block != nullptr) Require(DGifGetExtensionNext(gif, &block), gif);
  }
  Require(DGifGetImageDesc(gif), gif);
}

void SetPixel(const ColorMapObject& map, int index, uint8_t* rgb) {
  if (index >= map.ColorCount) return;  // stays black
  const GifColorType& color = map.Colors[index];
  rgb[0] = color.Red, rgb[1] = color.Green, rgb[2] = color.Blue;
}

void DrawFrame(GifFileType* gif, const ColorMapObject& map, Image& screen) {
  const GifImageDesc& frame = gif->Image;
  std::vector<GifPixelType> line(frame.Width);
  // Interlaced rows come in four passes: (first row, step).
  constexpr int kPasses[4][2] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}};
  const int plain[1][2] = {{0, 1}};
  const auto* passes = frame.Interlace ? kPasses : plain;
  for (int pass = 0; pass < (frame.Interlace ? 4 : 1); ++pass) {
    for (int y = passes[pass][0]; y < frame.Height; y += passes[pass][1]) {
      Require(DGifGetLine(gif, line.data(), frame.Width), gif);
      uint8_t* row = screen.row(frame.Top + y) + 3 * static_cast<size_t>(frame.Left);
      for (int x = 0; x < frame.Width; ++x) SetPixel(map, line[x], row + 3 * x);
    }
  }
}

}  // namespace

void DecodeGif(DecodeJob& job) {
  Bytes rest = job.bytes;
  int error = 0;
  const std::unique_ptr<GifFileType, Closer> gif(DGifOpen(&rest, OnRead, &error));
  if (gif == nullptr) {
    const char* reason = GifErrorString(error);
    Fail(ErrorKind::kData, "{}", reason == nullptr ? "damaged header" : reason);
  }
  SeekFirstFrame(gif.get());
  const GifImageDesc& frame = gif->Image;
  if (frame.Left < 0 || frame.Top < 0 || frame.Width <= 0 || frame.Height <= 0) {
    Fail(ErrorKind::kData, "empty frame");
  }
  const ColorMapObject* map = frame.ColorMap != nullptr ? frame.ColorMap : gif->SColorMap;
  if (map == nullptr) Fail(ErrorKind::kData, "no colour table");
  // Some writers leave the screen smaller than the frame. LZW strings grow to 4095 pixels for 12
  // bits.
  AllocateImage(job, std::max<int64_t>(gif->SWidth, int64_t{frame.Left} + frame.Width),
                std::max<int64_t>(gif->SHeight, int64_t{frame.Top} + frame.Height), 100'000);
  const bool covered = frame.Width == job.image.width && frame.Height == job.image.height;
  if (!covered && gif->SColorMap != nullptr) {
    for (size_t i = 0; i < job.image.pixels.size(); i += 3) {
      SetPixel(*gif->SColorMap, gif->SBackGroundColor, &job.image.pixels[i]);
    }
  }
  DrawFrame(gif.get(), *map, job.image);
}

}  // namespace linnet::internal
