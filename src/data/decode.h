// Picture files to upright 8-bit RGB.
//
// The format is told by the content, never by the name. The rules, which belong to the image
// pipeline a model was trained with:
//   JPEG  libjpeg-turbo, accurate integer DCT, fancy upsampling; grey; CMYK and YCCK (inverted
//   where an
//         Adobe marker says so) by the plain formula R = C K / 255
//   PNG   any depth and colour type; 16 bit keeps the high byte; alpha is dropped, not composited
//   (as
//         Pillow's convert("RGB")); no gamma correction
//   WebP  lossy, lossless, the first frame of an animation; alpha dropped
//   GIF   the first frame
//   BMP   uncompressed 1, 4, 8, 24 and 32 bit;  PGM and PPM (P2, P3, P5, P6)
// EXIF orientation of JPEG, PNG and WebP is applied.
//
// Goal: an untrusted file can be refused; it cannot crash, hang, or take more memory than
// DecodeOptions announces. Damage that leaves pixels missing is an error; damage that a decoder
// repairs is a warning.
#ifndef LINNET_DATA_DECODE_H_
#define LINNET_DATA_DECODE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace linnet {

struct DecodeOptions {
  // Larger pictures are refused before memory is allocated: 3 bytes a pixel for the result, up to 6
  // more inside the JPEG decoder for progressive pictures.
  int64_t max_pixels = 100'000'000;
};

struct DecodeResult {
  Image image;
  std::vector<std::string> warnings;  // what the decoder had to put up with; at most 8
};

// Error (kData) "NAME: reason" if the picture cannot be decoded.
DecodeResult DecodeImage(std::span<const uint8_t> bytes, const std::string& name,
                         const DecodeOptions& options = {});

// The same from a file; Error (kFile) if it cannot be read.
DecodeResult ReadImage(const std::string& path, const DecodeOptions& options = {});

// "JPEG", "PNG", ... also of formats that are not decoded ("TIFF", "zip archive"); "unknown" else.
std::string PictureFormat(std::span<const uint8_t> bytes);

}  // namespace linnet

#endif  // LINNET_DATA_DECODE_H_
