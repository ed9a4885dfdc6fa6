// A picture in memory: 8-bit RGB, interleaved, upright.
#ifndef LINNET_DATA_IMAGE_H_
#define LINNET_DATA_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace linnet {

struct Image {
  static constexpr int channels = 3;

  int width = 0, height = 0;
  std::vector<uint8_t> pixels;  // [height, width, 3], R G B

  Image() = default;
  Image(int w, int h) : width(w), height(h), pixels(static_cast<size_t>(w) * h * channels) {}

  size_t stride() const { return static_cast<size_t>(width) * channels; }
  uint8_t* row(int y) { return pixels.data() + y * stride(); }
  const uint8_t* row(int y) const { return pixels.data() + y * stride(); }
  bool operator==(const Image&) const = default;
};

}  // namespace linnet

#endif  // LINNET_DATA_IMAGE_H_
