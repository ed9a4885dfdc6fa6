#include "data/augment.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/fields.h"

namespace linnet {
namespace {

struct IntPoint {
  int x, y;
};

// The index of a picture of 'size' that stands at 'i' when it is mirrored at its border pixels.
int Reflect(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = ((i % period) + period) % period;
  return i < size ? i : period - i;
}

// Pixels of src [height, width, 3] from 'corner' on, which may lie outside, to dst of the
// pipeline's size.
void CropWithPadding(const uint8_t* src, int width, int height, IntPoint corner, PadMode mode,
                     const ImagePipeline& p, uint8_t* dst) {
  const size_t dst_stride = static_cast<size_t>(p.width()) * 3;
  // Output columns [begin, end) lie inside the picture.
  const int begin = std::clamp(-corner.x, 0, p.width());
  const int end = std::clamp(width - corner.x, begin, p.width());
  for (int y = 0; y < p.height(); ++y, dst += dst_stride) {
    int sy = corner.y + y;
    if (sy < 0 || sy >= height) {
      if (mode == PadMode::kZero) {
        std::memset(dst, 0, dst_stride);
        continue;
      }
      sy = Reflect(sy, height);
    }
    const uint8_t* row = src + static_cast<size_t>(sy) * width * 3;
    if (end > begin) std::memcpy(dst + 3 * begin, row + 3 * (corner.x + begin), 3 * (end - begin));
    for (int x = 0; x < p.width(); ++x) {
      if (x == begin) x = end;
      if (x == p.width()) break;
      if (mode == PadMode::kZero) {
        std::memset(dst + 3 * x, 0, 3);
      } else {
        std::memcpy(dst + 3 * x, row + 3 * Reflect(corner.x + x, width), 3);
      }
    }
  }
}

int RandomBetween(int low, int high, Rng& rng) {
  return low + static_cast<int>(rng.Below(static_cast<uint32_t>(high - low + 1)));
}

// A picture like a ribbon would take gigabytes once its short side is enlarged to the crop's: of
// what is longer than many crops, some section [begin, end) that is not.
void ShortenRibbon(double& begin, double& end, int& resized, int crop, Rng& rng) {
  constexpr int kCrops = 16;
  if (resized / kCrops <= crop) return;
  const double part = double(kCrops) * crop / resized, length = end - begin;
  resized = kCrops * crop;
  begin += rng.Uniform(0, 1) * (1 - part) * length;
  end = std::min(end, begin + part * length);
}

void RandomCrop(const ImageView& image, const ImagePipeline& p, const AugmentOptions& options,
                Rng& rng, PipelineScratch& scratch) {
  const Placement place = PlaceForEvaluation(image.width, image.height, p);
  int width = place.resized_width, height = place.resized_height;
  kernels::ResizeBox box = {0, 0, double(image.width), double(image.height)};
  ShortenRibbon(box.x0, box.x1, width, p.width(), rng);
  ShortenRibbon(box.y0, box.y1, height, p.height(), rng);
  const uint8_t* src = image.pixels;
  if (width != image.width || height != image.height) {
    scratch.resized.resize(static_cast<size_t>(width) * height * 3);
    kernels::ResizeRgb(image.pixels, image.width, image.height, box, p.filter,
                       scratch.resized.data(), width, height, scratch.resize);
    src = scratch.resized.data();
  }
  const int x = RandomBetween(-options.pad, width - p.width() + options.pad, rng);
  const int y = RandomBetween(-options.pad, height - p.height() + options.pad, rng);
  CropWithPadding(src, width, height, {x, y}, options.pad_mode, p, scratch.bytes.data());
}

// torchvision's RandomResizedCrop: ten tries, then the centre with the nearest allowed aspect.
kernels::ResizeBox RandomBox(const ImageView& image, const AugmentOptions& options, Rng& rng) {
  const float area = static_cast<float>(image.width) * static_cast<float>(image.height);
  const float log_low = std::log(options.ratio[0]), log_high = std::log(options.ratio[1]);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const float target = area * rng.Uniform(options.scale[0], options.scale[1]);
    const float aspect = std::exp(rng.Uniform(log_low, log_high));
    const int w = static_cast<int>(std::lround(std::sqrt(target * aspect)));
    const int h = static_cast<int>(std::lround(std::sqrt(target / aspect)));
    if (w < 1 || h < 1 || w > image.width || h > image.height) continue;
    const int x = RandomBetween(0, image.width - w, rng),
              y = RandomBetween(0, image.height - h, rng);
    return {double(x), double(y), double(x + w), double(y + h)};
  }
  const double aspect = double(image.width) / image.height;
  double w = image.width, h = image.height;
  if (aspect < options.ratio[0]) h = std::max(1.0, std::round(w / options.ratio[0]));
  if (aspect > options.ratio[1]) w = std::max(1.0, std::round(h * options.ratio[1]));
  const double x = std::floor((image.width - w) / 2), y = std::floor((image.height - h) / 2);
  return {x, y, x + w, y + h};
}

void FlipRows(int width, int height, uint8_t* bytes) {
  for (int y = 0; y < height; ++y, bytes += 3 * static_cast<size_t>(width)) {
    uint8_t* left = bytes;
    uint8_t* right = bytes + 3 * (static_cast<size_t>(width) - 1);
    for (; left < right; left += 3, right -= 3) std::swap_ranges(left, left + 3, right);
  }
}

// 3 x 3 and an offset: out = m rgb + offset.
struct ColorMap {
  float m[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  float offset = 0;
};

constexpr float kLuma[3] = {0.299f, 0.587f, 0.114f};

// a after b, where b's offset is the same for the three channels.
ColorMap Compose(const ColorMap& a, const ColorMap& b) {
  ColorMap out;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      out.m[i][j] = a.m[i][0] * b.m[0][j] + a.m[i][1] * b.m[1][j] + a.m[i][2] * b.m[2][j];
    }
  }
  // The rows of saturation and hue sum to 1, so a grey offset passes unchanged.
  out.offset = a.offset + b.offset * (a.m[0][0] + a.m[0][1] + a.m[0][2]);
  return out;
}

ColorMap Scaled(float factor, float offset) {
  ColorMap map;
  for (int i = 0; i < 3; ++i) map.m[i][i] = factor;
  map.offset = offset;
  return map;
}

ColorMap Saturation(float factor) {
  ColorMap map;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) map.m[i][j] = (1 - factor) * kLuma[j] + (i == j ? factor : 0);
  }
  return map;
}

// A turn of the chroma plane of YIQ, by 'turn' of the circle; greys stay.
ColorMap Hue(float turn) {
  const float c = std::cos(turn * 6.2831853f), s = std::sin(turn * 6.2831853f);
  // RGB -> YIQ, the turn, YIQ -> RGB.
  const ColorMap to_yiq{
      {{0.299f, 0.587f, 0.114f}, {0.5959f, -0.2746f, -0.3213f}, {0.2115f, -0.5227f, 0.3112f}}, 0};
  const ColorMap turned{{{1, 0, 0}, {0, c, -s}, {0, s, c}}, 0};
  const ColorMap to_rgb{{{1, 0.956f, 0.619f}, {1, -0.272f, -0.647f}, {1, -1.106f, 1.703f}}, 0};
  return Compose(to_rgb, Compose(turned, to_yiq));
}

float MeanGrey(const std::vector<uint8_t>& bytes) {
  uint64_t sums[3] = {};
  for (size_t i = 0; i < bytes.size(); i += 3) {
    for (int c = 0; c < 3; ++c) sums[c] += bytes[i + c];
  }
  float grey = 0;
  for (int c = 0; c < 3; ++c) {
    grey += kLuma[c] * static_cast<float>(sums[c]) / static_cast<float>(bytes.size() / 3);
  }
  return grey;
}

float Factor(float range, Rng& rng) { return rng.Uniform(std::max(0.0f, 1 - range), 1 + range); }

// Brightness, contrast, saturation and hue in this order, as one affine map, rounded once.
void JitterColors(const AugmentOptions& o, Rng& rng, std::vector<uint8_t>& bytes) {
  if (o.brightness == 0 && o.contrast == 0 && o.saturation == 0 && o.hue == 0) return;
  const float brightness = Factor(o.brightness, rng), contrast = Factor(o.contrast, rng);
  const float saturation = Factor(o.saturation, rng), hue = rng.Uniform(-o.hue, o.hue);
  const float mean = o.contrast == 0 ? 0 : MeanGrey(bytes) * brightness;
  ColorMap map = Compose(Scaled(contrast, (1 - contrast) * mean), Scaled(brightness, 0));
  if (o.saturation != 0) map = Compose(Saturation(saturation), map);
  if (o.hue != 0) map = Compose(Hue(hue), map);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const float r = bytes[i], g = bytes[i + 1], b = bytes[i + 2];
    for (int c = 0; c < 3; ++c) {
      const float value = map.m[c][0] * r + map.m[c][1] * g + map.m[c][2] * b + map.offset;
      bytes[i + c] = static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f) + 0.5f);
    }
  }
}

}  // namespace

AugmentOptions NoAugmentation() {
  AugmentOptions options;
  options.crop = CropMode::kCenter;
  options.flip = 0;
  return options;
}

void ValidateAugment(const AugmentOptions& o, std::string_view where) {
  const auto expect = [&](bool good, const char* what) {
    if (!good) Fail(ErrorKind::kUsage, "{}: expected {}", where, what);
  };
  expect(o.pad >= 0 && o.pad <= 1024, "pad from 0 to 1024");
  expect(o.scale[0] > 0 && o.scale[0] <= o.scale[1] && o.scale[1] <= 1,
         "0 < scale <= 1, the least first");
  expect(o.ratio[0] > 0.01f && o.ratio[0] <= o.ratio[1] && o.ratio[1] < 100,
         "ratio above 0, the least first");
  expect(o.flip >= 0 && o.flip <= 1, "flip, a probability");
  expect(o.brightness >= 0 && o.brightness <= 10, "brightness from 0 to 10");
  expect(o.contrast >= 0 && o.contrast <= 10, "contrast from 0 to 10");
  expect(o.saturation >= 0 && o.saturation <= 10, "saturation from 0 to 10");
  expect(o.hue >= 0 && o.hue <= 0.5f, "hue from 0 to 0.5");
}

void Augment(const ImageView& image, const ImagePipeline& p, const AugmentOptions& options, Rng rng,
             float* dst, PipelineScratch& scratch) {
  Check(image.width > 0 && image.height > 0, "a picture of {} x {}", image.width, image.height);
  scratch.bytes.resize(static_cast<size_t>(p.width()) * p.height() * 3);
  if (options.crop == CropMode::kRandom) {
    RandomCrop(image, p, options, rng, scratch);
  } else {
    const kernels::ResizeBox box = options.crop == CropMode::kResized
                                       ? RandomBox(image, options, rng)
                                       : PlaceForEvaluation(image.width, image.height, p).box;
    kernels::ResizeRgb(image.pixels, image.width, image.height, box, p.filter, scratch.bytes.data(),
                       p.width(), p.height(), scratch.resize);
  }
  if (options.flip > 0 && rng.Coin(options.flip))
    FlipRows(p.width(), p.height(), scratch.bytes.data());
  JitterColors(options, rng, scratch.bytes);
  NormalizeInput(scratch.bytes.data(), p, dst, scratch);
}

}  // namespace linnet
