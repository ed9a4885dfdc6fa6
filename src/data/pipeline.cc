#include "data/pipeline.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/fields.h"
#include "base/fields_json.h"

namespace linnet {

void ValidatePipeline(const ImagePipeline& p, std::string_view where) {
  constexpr int kLargest = 8192;
  for (const int side : p.size) {
    if (side < 1 || side > kLargest) {
      Fail(ErrorKind::kUsage, "{}: size={},{}: expected 1 to {} pixels", where, p.size[0],
           p.size[1], kLargest);
    }
  }
  if (p.channels != 1 && p.channels != 3) {
    Fail(ErrorKind::kUsage, "{}: channels={}: expected 1 or 3", where, p.channels);
  }
  if (!(p.crop_pct > 0.01 && p.crop_pct <= 1)) {
    Fail(ErrorKind::kUsage, "{}: crop_pct={}: expected a part of 1, above 0.01", where, p.crop_pct);
  }
  for (int c = 0; c < 3; ++c) {
    if (!std::isfinite(p.mean[c]) || !(p.std[c] > 1e-6f) || !std::isfinite(p.std[c])) {
      Fail(ErrorKind::kUsage, "{}: mean={} std={}: expected finite numbers and std above 0", where,
           FieldToText(p.mean), FieldToText(p.std));
    }
  }
}

nlohmann::ordered_json PipelineToJson(const ImagePipeline& pipeline) {
  return FieldsToJson(pipeline);
}

ImagePipeline PipelineFromJson(const nlohmann::json& json, std::string_view where) {
  ImagePipeline pipeline;
  FieldsFromJson(json, pipeline, where);
  ValidatePipeline(pipeline, where);
  return pipeline;
}

Placement PlaceForEvaluation(int width, int height, const ImagePipeline& p) {
  const double w = width, h = height;
  if (p.mode == PictureFit::kStretch) return {{0, 0, w, h}, p.width(), p.height()};
  // The small number keeps 224 / 0.7 from falling to 319.
  const int min_width = static_cast<int>(p.width() / p.crop_pct + 1e-6);
  const int min_height = static_cast<int>(p.height() / p.crop_pct + 1e-6);
  // The longest ribbons leave the range of an int.
  const auto whole = [](double size) { return static_cast<int>(std::min(size, 1e9)); };
  Placement place{};
  if (min_width * h >= min_height * w) {
    place.resized_width = min_width;
    place.resized_height = std::max(min_height, whole(min_width * h / w));
  } else {
    place.resized_height = min_height;
    place.resized_width = std::max(min_width, whole(min_height * w / h));
  }
  // Halves to even, as Python's round, by which torchvision centres.
  const double left = std::nearbyint((place.resized_width - p.width()) / 2.0);
  const double top = std::nearbyint((place.resized_height - p.height()) / 2.0);
  const double scale_x = w / place.resized_width, scale_y = h / place.resized_height;
  place.box = {left * scale_x, top * scale_y, std::min(w, (left + p.width()) * scale_x),
               std::min(h, (top + p.height()) * scale_y)};
  return place;
}

namespace {

// The bytes of the evaluated part: the picture's own where nothing is to be done, else
// scratch.bytes.
const uint8_t* ResizedBytes(const ImageView& image, const ImagePipeline& p,
                            PipelineScratch& scratch) {
  const Placement place = PlaceForEvaluation(image.width, image.height, p);
  const bool same_size = place.resized_width == image.width && place.resized_height == image.height;
  if (same_size && image.width == p.width() && image.height == p.height()) return image.pixels;
  const size_t stride = static_cast<size_t>(p.width()) * 3;
  scratch.bytes.resize(stride * p.height());
  if (same_size) {
    const size_t left = static_cast<size_t>(place.box.x0), top = static_cast<size_t>(place.box.y0);
    for (int y = 0; y < p.height(); ++y) {
      const uint8_t* src = image.pixels + ((top + y) * image.width + left) * 3;
      std::memcpy(&scratch.bytes[y * stride], src, stride);
    }
  } else {
    kernels::ResizeRgb(image.pixels, image.width, image.height, place.box, p.filter,
                       scratch.bytes.data(), p.width(), p.height(), scratch.resize);
  }
  return scratch.bytes.data();
}

}  // namespace

void Preprocess(const ImageView& image, const ImagePipeline& pipeline, float* dst,
                PipelineScratch& scratch) {
  Check(image.width > 0 && image.height > 0, "a picture of {} x {}", image.width, image.height);
  NormalizeInput(ResizedBytes(image, pipeline, scratch), pipeline, dst, scratch);
}

void NormalizeInput(const uint8_t* rgb, const ImagePipeline& p, float* dst,
                    PipelineScratch& scratch) {
  const size_t pixels = static_cast<size_t>(p.width()) * p.height();
  if (p.channels == 1) {
    scratch.resized.resize(pixels);
    for (size_t i = 0; i < pixels; ++i, rgb += 3) {
      // ITU-R 601 in 16 bits, as Pillow's convert("L"); a grey pixel keeps its value.
      scratch.resized[i] =
          static_cast<uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
    }
    rgb = scratch.resized.data();
  } else if (p.order == ColorOrder::kBgr) {
    scratch.resized.resize(pixels * 3);
    for (size_t i = 0; i < pixels; ++i, rgb += 3) {
      for (int c = 0; c < 3; ++c) scratch.resized[3 * i + c] = rgb[2 - c];
    }
    rgb = scratch.resized.data();
  }
  float scale[3], bias[3];
  for (int c = 0; c < 3; ++c) {
    scale[c] = 1 / (255 * p.std[c]);
    bias[c] = -p.mean[c] / p.std[c];
  }
  kernels::NormalizeBytes(rgb, pixels, p.channels, scale, bias, dst);
}

}  // namespace linnet
