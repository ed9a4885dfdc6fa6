// Internal to decode*.cc: one function a format, and what they share.
#ifndef LINNET_DATA_DECODE_FORMATS_H_
#define LINNET_DATA_DECODE_FORMATS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/decode.h"

namespace linnet::internal {

using Bytes = std::span<const uint8_t>;

// What a decoder is given and fills. Decoders throw Error (kData) with the reason alone;
// DecodeImage puts the name before it.
struct DecodeJob {
  Bytes bytes;
  int64_t max_pixels;
  Image image;
  int orientation = 1;  // EXIF, 1..8
  std::vector<std::string> warnings;

  void Warn(const std::string& text);
};

void DecodeJpeg(DecodeJob& job);
void DecodePng(DecodeJob& job);
void DecodeWebp(DecodeJob& job);
void DecodeGif(DecodeJob& job);
void DecodeBmp(DecodeJob& job);
void DecodePnm(DecodeJob& job);

// Error if the size is zero, above job.max_pixels, or more than 'pixels_per_byte' times the file's
// bytes, which no such file can hold. Else allocates job.image.
void AllocateImage(DecodeJob& job, int64_t width, int64_t height, int64_t pixels_per_byte);

// The orientation in an EXIF block (from its TIFF header on); 1 where there is none or it is
// damaged.
int ExifOrientation(Bytes tiff);

// The image turned as EXIF orientation 1..8 asks.
Image Oriented(Image image, int orientation);

}  // namespace linnet::internal

#endif  // LINNET_DATA_DECODE_FORMATS_H_
