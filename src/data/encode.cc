#include "data/encode.h"

#include <png.h>

#include <cstring>

#include "base/error.h"

namespace linnet {

std::string EncodePng(const Image& image) {
  Check(image.width > 0 && image.height > 0, "a PNG of {} x {}", image.width, image.height);
  png_image png;
  std::memset(&png, 0, sizeof(png));
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string bytes(size, '\0');
  const int good =
      png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr);
  Check(good != 0, "PNG: {}", png.message);
  bytes.resize(size);
  return bytes;
}

}  // namespace linnet
