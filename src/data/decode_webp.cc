// WebP through libwebp. The demuxer finds the first frame (a still picture has one) and the EXIF
// block.
#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "data/decode_formats.h"

namespace linnet::internal {
namespace {

using Demuxer = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

int Orientation(const WebPDemuxer* demuxer) {
  WebPChunkIterator chunk;
  int orientation = 1;
  if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) {
    Bytes exif{chunk.chunk.bytes, chunk.chunk.size};
    // Some writers keep JPEG's prefix.
    constexpr uint8_t kPrefix[] = {'E', 'x', 'i', 'f', 0, 0};
    if (exif.size() > 6 && std::equal(kPrefix, kPrefix + 6, exif.begin())) exif = exif.subspan(6);
    orientation = ExifOrientation(exif);
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

// Decodes 'frame' to its place on the canvas.
void DecodeFrame(const WebPIterator& frame, Image& canvas) {
  int width = 0, height = 0;
  if (!WebPGetInfo(frame.fragment.bytes, frame.fragment.size, &width, &height)) {
    Fail(ErrorKind::kData, "damaged header");
  }
  if (frame.x_offset < 0 || frame.y_offset < 0 || width > canvas.width - frame.x_offset ||
      height > canvas.height - frame.y_offset) {
    Fail(ErrorKind::kData, "the frame lies outside the picture");
  }
  uint8_t* dst = canvas.row(frame.y_offset) + 3 * static_cast<size_t>(frame.x_offset);
  const size_t room = canvas.pixels.size() - static_cast<size_t>(dst - canvas.pixels.data());
  if (!WebPDecodeRGBInto(frame.fragment.bytes, frame.fragment.size, dst, room,
                         static_cast<int>(canvas.stride()))) {
    Fail(ErrorKind::kData, "damaged or cut data");
  }
}

}  // namespace

void DecodeWebp(DecodeJob& job) {
  const WebPData data{job.bytes.data(), job.bytes.size()};
  const Demuxer demuxer(WebPDemux(&data), WebPDemuxDelete);
  if (demuxer == nullptr) Fail(ErrorKind::kData, "damaged or cut file");
  // A lossless picture of one colour takes a few bytes, so the size says nothing about the bytes.
  AllocateImage(job, WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT), job.max_pixels);
  job.orientation = Orientation(demuxer.get());
  WebPIterator frame;
  if (!WebPDemuxGetFrame(demuxer.get(), 1, &frame)) Fail(ErrorKind::kData, "no picture inside");
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> release(
      &frame, WebPDemuxReleaseIterator);
  DecodeFrame(frame, job.image);
}

}  // namespace linnet::internal
