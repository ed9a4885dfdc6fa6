#include "fit/report_image.h"

#include <png.h>

#include <vector>

namespace linnet::report {

std::string Base64(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = uint32_t{bytes[i]} << 16;
    if (have > 1) group |= uint32_t{bytes[i + 1]} << 8;
    if (have > 2) group |= bytes[i + 2];
    out += kDigits[group >> 18];
    out += kDigits[group >> 12 & 63];
    out += have > 1 ? kDigits[group >> 6 & 63] : '=';
    out += have > 2 ? kDigits[group & 63] : '=';
  }
  return out;
}

std::string PngUri(int width, int height, std::span<const uint8_t> rgb) {
  constexpr int kMaxSide = 1 << 14;
  if (width <= 0 || height <= 0 || width > kMaxSide || height > kMaxSide) return "";
  if (rgb.size() != size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height)) return "";
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  std::vector<uint8_t> file(PNG_IMAGE_PNG_SIZE_MAX(image));
  png_alloc_size_t bytes = file.size();
  const int done = png_image_write_to_memory(&image, file.data(), &bytes, /*convert_to_8_bit=*/0,
                                             rgb.data(), /*row_stride=*/0, /*colormap=*/nullptr);
  png_image_free(&image);
  if (done == 0) return "";
  return "data:image/png;base64," + Base64({file.data(), bytes});
}

}  // namespace linnet::report
