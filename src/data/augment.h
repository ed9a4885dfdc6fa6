// Random changes of training pictures. Each picture's changes are a function of the Rng it is
// given, so the same (seed, epoch, sample) makes the same input on any thread.
#ifndef LINNET_DATA_AUGMENT_H_
#define LINNET_DATA_AUGMENT_H_

#include <array>
#include <span>
#include <string_view>

#include "base/rng.h"
#include "data/pipeline.h"

namespace linnet {

enum class CropMode {
  kCenter,   // as in evaluation
  kRandom,   // resized as in evaluation, padded by 'pad', then a random place
  kResized,  // a random part of random area and aspect (1409.4842, "Inception crop"; torchvision's
             // terms)
};
inline constexpr const char* kCropModeNames[] = {"center", "random", "resized"};
inline std::span<const char* const> EnumNames(CropMode) { return kCropModeNames; }

enum class PadMode { kZero, kReflect };
inline constexpr const char* kPadModeNames[] = {"zero", "reflect"};
inline std::span<const char* const> EnumNames(PadMode) { return kPadModeNames; }

struct AugmentOptions {
  CropMode crop = CropMode::kRandom;
  int pad = 4;
  PadMode pad_mode = PadMode::kReflect;
  std::array<float, 2> scale = {0.35f, 1.0f};
  std::array<float, 2> ratio = {0.75f, 1.3333333f};
  float flip = 0.5f;
  float brightness = 0, contrast = 0, saturation = 0, hue = 0;
  bool operator==(const AugmentOptions&) const = default;

  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("crop", self.crop, "center, random (with padding) or resized (random area and aspect)");
    v("pad", self.pad, "pixels of padding before a random crop");
    v("pad_mode", self.pad_mode, "zero (black) or reflect");
    v("scale", self.scale, "least,largest part of the area that a resized crop takes");
    v("ratio", self.ratio, "least,largest width/height of a resized crop");
    v("flip", self.flip, "probability of a horizontal flip");
    v("brightness", self.brightness, "factor in [1-b, 1+b]");
    v("contrast", self.contrast, "factor in [1-c, 1+c], about the picture's mean grey");
    v("saturation", self.saturation, "factor in [1-s, 1+s]");
    v("hue", self.hue, "turn of the colour circle in [-h, h]; 0.5 is half a turn");
  }
};

// The options that change nothing: training pictures as in evaluation.
AugmentOptions NoAugmentation();

// Error (kUsage) beginning with 'where' if a field makes no sense.
void ValidateAugment(const AugmentOptions& options, std::string_view where);

// image -> dst[height, width, channels] of the pipeline, changed as 'options' and 'rng' say.
void Augment(const ImageView& image, const ImagePipeline& pipeline, const AugmentOptions& options,
             Rng rng, float* dst, PipelineScratch& scratch);

}  // namespace linnet

#endif  // LINNET_DATA_AUGMENT_H_
