// The one image pipeline: from an upright RGB picture to the numbers a network takes. Training's
// validation, evaluation and prediction run this code; it travels in the model file.
//
// Non-goal: decoding. This file needs no image library, so the deployed runtime can carry it.
#ifndef LINNET_DATA_PIPELINE_H_
#define LINNET_DATA_PIPELINE_H_

#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensor.h"
#include "data/image.h"
#include "kernels/resize.h"

namespace linnet {

enum class PictureFit {
  kCrop,     // the shorter side to size / crop_pct, then the centre
  kStretch,  // the whole picture, whatever its aspect
};
inline constexpr const char* kPictureFitNames[] = {"crop", "stretch"};
inline std::span<const char* const> EnumNames(PictureFit) { return kPictureFitNames; }

enum class ColorOrder { kRgb, kBgr };
inline constexpr const char* kColorOrderNames[] = {"rgb", "bgr"};
inline std::span<const char* const> EnumNames(ColorOrder) { return kColorOrderNames; }

struct ImagePipeline {
  std::array<int, 2> size = {224, 224};
  int channels = 3;
  kernels::ResizeFilter filter = kernels::ResizeFilter::kBilinear;
  PictureFit mode = PictureFit::kCrop;
  double crop_pct = 0.875;
  ColorOrder order = ColorOrder::kRgb;
  // ImageNet's, as torchvision and timm have them.
  std::array<float, 3> mean = {0.485f, 0.456f, 0.406f};
  std::array<float, 3> std = {0.229f, 0.224f, 0.225f};

  int height() const { return size[0]; }
  int width() const { return size[1]; }
  // One picture's input, [1, height, width, channels].
  Shape InputShape() const { return {1, size[0], size[1], channels}; }
  // Numbers in one picture's input.
  int64_t elements() const { return int64_t{size[0]} * size[1] * channels; }
  bool operator==(const ImagePipeline&) const = default;

  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("size", self.size, "height,width in pixels");
    v("channels", self.channels, "3 for colour, 1 for grey (ITU-R 601 luma)");
    v("filter", self.filter, "resize filter, antialiased");
    v("mode", self.mode,
      "crop: shorter side to size/crop_pct, then the centre; stretch: the whole picture");
    v("crop_pct", self.crop_pct, "part of the resized picture's shorter side that is kept");
    v("order", self.order, "order of the channels");
    v("mean", self.mean, "subtracted from pixel/255, in the order of the channels");
    v("std", self.std, "divides the difference");
  }
};

// Error (kUsage) beginning with 'where' if a field makes no sense.
void ValidatePipeline(const ImagePipeline& pipeline, std::string_view where);

// The form in the model file: an object with every field.
nlohmann::ordered_json PipelineToJson(const ImagePipeline& pipeline);
// Error (kUsage) beginning with 'where'; the result is valid.
ImagePipeline PipelineFromJson(const nlohmann::json& json, std::string_view where);

// Pixels of somebody else: contiguous 8-bit RGB [height, width, 3], upright.
struct ImageView {
  int width = 0, height = 0;
  const uint8_t* pixels = nullptr;

  ImageView(int w, int h, const uint8_t* rgb) : width(w), height(h), pixels(rgb) {}
  ImageView(const Image& image)  // NOLINT: every Image is a view
      : width(image.width), height(image.height), pixels(image.pixels.data()) {}
};

// Working memory, one per thread, reused.
struct PipelineScratch {
  kernels::ResizeScratch resize;
  std::vector<uint8_t> resized, bytes;
};

// The part of a picture that evaluation looks at, in its pixels, and the size of the whole picture
// when that part has the pipeline's size. (torchvision's Resize and CenterCrop, timm's crop_pct.)
struct Placement {
  kernels::ResizeBox box;
  int resized_width, resized_height;
};
Placement PlaceForEvaluation(int width, int height, const ImagePipeline& pipeline);

// image -> dst[height, width, channels]. The picture must have pixels (internal Error).
void Preprocess(const ImageView& image, const ImagePipeline& pipeline, float* dst,
                PipelineScratch& scratch);

// The pipeline's last step: RGB bytes [height, width, 3] -> dst. 'rgb' may be scratch.bytes.
void NormalizeInput(const uint8_t* rgb, const ImagePipeline& pipeline, float* dst,
                    PipelineScratch& scratch);

}  // namespace linnet

#endif  // LINNET_DATA_PIPELINE_H_
