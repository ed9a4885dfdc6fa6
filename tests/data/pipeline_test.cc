#include "data/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "data/augment.h"

namespace linnet {
namespace {

Image Noise(int width, int height, uint64_t seed = 1) {
  Image image(width, height);
  Rng rng(seed);
  for (uint8_t& byte : image.pixels) byte = static_cast<uint8_t>(rng.Next());
  return image;
}

ImagePipeline Square(int side, double crop_pct) {
  ImagePipeline p;
  p.size = {side, side};
  p.crop_pct = crop_pct;
  p.mean = {0, 0, 0};
  p.std = {1 / 255.0f, 1 / 255.0f, 1 / 255.0f};  // the input is the pixel
  return p;
}

std::vector<float> Input(const Image& image, const ImagePipeline& p) {
  PipelineScratch scratch;
  std::vector<float> dst(static_cast<size_t>(p.elements()));
  Preprocess(image, p, dst.data(), scratch);
  return dst;
}

std::vector<float> Augmented(const Image& image, const ImagePipeline& p,
                             const AugmentOptions& options, uint64_t stream) {
  PipelineScratch scratch;
  std::vector<float> dst(static_cast<size_t>(p.elements()));
  Augment(image, p, options, Rng(7, stream), dst.data(), scratch);
  return dst;
}

TEST(Pipeline, PlacesAsTorchvisionDoes) {
  // Resize(256), CenterCrop(224) of 500 x 375: 341 x 256, left 58 (58.5 to even), top 16.
  const Placement place = PlaceForEvaluation(500, 375, Square(224, 0.875));
  EXPECT_EQ(place.resized_width, 341);
  EXPECT_EQ(place.resized_height, 256);
  EXPECT_DOUBLE_EQ(place.box.x0, 58 * 500.0 / 341);
  EXPECT_DOUBLE_EQ(place.box.y0, 16 * 375.0 / 256);
  EXPECT_DOUBLE_EQ(place.box.x1, (58 + 224) * 500.0 / 341);
  // 224 / 0.7 is 320, not 319.
  EXPECT_EQ(PlaceForEvaluation(100, 100, Square(224, 0.7)).resized_width, 320);
}

TEST(Pipeline, ResizingThePartEqualsResizingTheWholeAndCropping) {
  const Image image = Noise(90, 61);
  const ImagePipeline p = Square(32, 0.8);
  Image whole(59, 40);
  kernels::ResizeScratch scratch;
  kernels::ResizeRgb(image.pixels.data(), 90, 61, {0, 0, 90, 61}, p.filter, whole.pixels.data(), 59,
                     40, scratch);
  const std::vector<float> input = Input(image, p);
  const int left = 14, top = 4;  // (59 - 32) / 2 = 13.5 to even
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 96; ++x) {
      ASSERT_NEAR(input[static_cast<size_t>(y * 96 + x)], whole.row(top + y)[3 * left + x], 1.01);
    }
  }
}

TEST(Pipeline, EveryShapeOfPictureAndTarget) {
  for (const auto& [w, h] : {std::pair(1, 1), {1, 200}, {300, 2}, {32, 32}, {33, 31}, {640, 480}}) {
    for (const std::array<int, 2>& size : {std::array{32, 32}, {17, 40}, {1, 1}, {64, 3}}) {
      for (const PictureFit mode : {PictureFit::kCrop, PictureFit::kStretch}) {
        ImagePipeline p = Square(1, 0.875);
        p.size = size;
        p.mode = mode;
        Image image(w, h);
        for (size_t i = 0; i < image.pixels.size(); ++i)
          image.pixels[i] = static_cast<uint8_t>(50 + i % 3);
        const std::vector<float> input = Input(image, p);
        for (size_t i = 0; i < input.size(); ++i)
          ASSERT_FLOAT_EQ(input[i], 50.0f + static_cast<float>(i % 3));
      }
    }
  }
}

TEST(Pipeline, NormalisesOrdersAndGreys) {
  Image image(1, 1);
  image.pixels = {255, 51, 0};
  ImagePipeline p = Square(1, 1);
  p.mean = {0.5f, 0.25f, 0};
  p.std = {0.5f, 0.5f, 2};
  EXPECT_THAT(Input(image, p), testing::Pointwise(testing::FloatNear(1e-6f), {1.0f, -0.1f, 0.0f}));
  p.order = ColorOrder::kBgr;
  EXPECT_THAT(Input(image, p), testing::Pointwise(testing::FloatNear(1e-6f), {-1.0f, -0.1f, 0.5f}));
  p.channels = 1;  // 0.299 * 255 + 0.587 * 51 = 106.18
  EXPECT_THAT(Input(image, p),
              testing::Pointwise(testing::FloatNear(1e-6f), {(106 / 255.0f - 0.5f) / 0.5f}));
  image.pixels = {77, 77, 77};
  EXPECT_THAT(Input(image, p),
              testing::Pointwise(testing::FloatNear(1e-6f), {(77 / 255.0f - 0.5f) / 0.5f}));
}

TEST(Pipeline, JsonGoesRound) {
  ImagePipeline p = Square(160, 0.9);
  p.size = {96, 128};
  p.filter = kernels::ResizeFilter::kBicubic;
  p.mode = PictureFit::kStretch;
  p.order = ColorOrder::kBgr;
  p.channels = 1;
  p.mean = {0.1f, 0.2f, 0.3f};
  const auto json = PipelineToJson(p);
  EXPECT_EQ(json["size"], nlohmann::json({96, 128}));
  EXPECT_EQ(json["mean"].dump(), "[0.1,0.2,0.3]");
  EXPECT_EQ(PipelineFromJson(nlohmann::json::parse(json.dump()), "x"), p);
}

TEST(Pipeline, SenselessFieldsAreRefused) {
  for (const char* text :
       {R"({"size": [0, 3]})", R"({"size": 100000})", R"({"channels": 2})", R"({"std": [1, 0, 1]})",
        R"({"std": "nan"})", R"({"crop_pct": 0})", R"([])", R"({"crop_pct": 1.5})",
        R"({"filter": "nearest"})", R"({"siez": 3})", R"({"mean": [1, 2]})"}) {
    try {
      PipelineFromJson(nlohmann::json::parse(text), "the model");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      EXPECT_EQ(std::string(error.what()).rfind("the model: ", 0), 0u) << error.what();
    }
  }
}

TEST(Augment, NothingAskedIsEvaluation) {
  for (const auto& [w, h] : {std::pair(32, 32), {50, 40}}) {
    const Image image = Noise(w, h);
    const ImagePipeline p = Square(32, w == 32 ? 1 : 0.875);
    EXPECT_EQ(Augmented(image, p, NoAugmentation(), 3), Input(image, p));
  }
}

TEST(Augment, IsAFunctionOfTheStream) {
  const Image image = Noise(40, 32);
  const ImagePipeline p = Square(32, 1);
  AugmentOptions options;
  options.brightness = options.contrast = options.saturation = 0.4f;
  options.hue = 0.1f;
  for (const CropMode crop : {CropMode::kCenter, CropMode::kRandom, CropMode::kResized}) {
    options.crop = crop;
    EXPECT_EQ(Augmented(image, p, options, 1), Augmented(image, p, options, 1));
    EXPECT_NE(Augmented(image, p, options, 1), Augmented(image, p, options, 2));
  }
}

// A picture whose pixel says where it stands.
TEST(Augment, RandomCropPadsAsAsked) {
  Image image(8, 8);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) image.row(y)[3 * x] = static_cast<uint8_t>(1 + 10 * y + x);
  }
  const ImagePipeline p = Square(8, 1);
  AugmentOptions options;
  options.flip = 0;
  options.pad = 3;
  bool seen[7][7] = {};
  for (uint64_t stream = 0; stream < 500; ++stream) {
    options.pad_mode = PadMode::kZero;
    const auto zero = Augmented(image, p, options, stream);
    options.pad_mode = PadMode::kReflect;
    const auto reflect = Augmented(image, p, options, stream);
    const int center = static_cast<int>(std::lround(zero[(4 * 8 + 4) * 3])) - 1;
    const int dy = center / 10 - 4, dx = center % 10 - 4;
    ASSERT_TRUE(std::abs(dx) <= 3 && std::abs(dy) <= 3);
    seen[dy + 3][dx + 3] = true;
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        const int sy = y + dy, sx = x + dx;
        const bool inside = sy >= 0 && sy < 8 && sx >= 0 && sx < 8;
        const auto mirror = [](int i) { return i < 0 ? -i : i > 7 ? 14 - i : i; };
        const auto at = static_cast<size_t>((y * 8 + x) * 3);
        ASSERT_FLOAT_EQ(zero[at], inside ? static_cast<float>(1 + 10 * sy + sx) : 0.0f);
        ASSERT_FLOAT_EQ(reflect[at], static_cast<float>(1 + 10 * mirror(sy) + mirror(sx)));
      }
    }
  }
  for (const auto& row : seen) {
    for (const bool place : row) EXPECT_TRUE(place);
  }
}

TEST(Augment, ARibbonIsNotEnlargedWhole) {
  Image image(2, 60000);
  for (uint8_t& pixel : image.pixels) pixel = 77;
  const ImagePipeline p = Square(64, 1);
  std::vector<float> dst(64 * 64 * 3);
  PipelineScratch scratch;
  AugmentOptions options;
  Augment(image, p, options, Rng(7, 1), dst.data(), scratch);
  EXPECT_LE(scratch.resized.size(), size_t{64} * 64 * 16 * 3);
  EXPECT_NEAR(dst[3 * (32 * 64 + 32)], 77, 1e-3);
}

TEST(Augment, FlipsHalfOfThePictures) {
  Image image(3, 1);
  image.pixels = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  ImagePipeline p = Square(1, 1);
  p.size = {1, 3};
  AugmentOptions options = NoAugmentation();
  options.flip = 0.5f;
  int flips = 0;
  for (uint64_t stream = 0; stream < 1000; ++stream) {
    const auto input = Augmented(image, p, options, stream);
    const bool flipped = std::lround(input[0]) == 7;
    flips += flipped;
    ASSERT_EQ(std::lround(input[1]), flipped ? 8 : 2);
    ASSERT_EQ(std::lround(input[8]), flipped ? 3 : 9);
  }
  EXPECT_NEAR(flips, 500, 60);
}

TEST(Augment, ColorJitter) {
  Image image(2, 1);
  image.pixels = {100, 100, 100, 200, 50, 100};
  ImagePipeline p = Square(1, 1);
  p.size = {1, 2};
  AugmentOptions options = NoAugmentation();
  options.hue = 0.5f;
  options.saturation = 0.9f;
  bool changed = false;
  for (uint64_t stream = 0; stream < 20; ++stream) {
    const auto input = Augmented(image, p, options, stream);
    for (int c = 0; c < 3; ++c)
      EXPECT_NEAR(input[static_cast<size_t>(c)], 100, 1.01);  // grey stays
    changed |= std::abs(input[3] - 200) > 20;
    for (const float value : input) EXPECT_TRUE(value >= 0 && value <= 255.01f);
  }
  EXPECT_TRUE(changed);
  options = NoAugmentation();
  options.brightness = 0.5f;
  float least = 255, most = 0;
  for (uint64_t stream = 0; stream < 200; ++stream) {
    const float value = Augmented(image, p, options, stream)[0];
    least = std::min(least, value), most = std::max(most, value);
  }
  EXPECT_NEAR(least, 50, 5);
  EXPECT_NEAR(most, 150, 5);
}

TEST(Augment, ResizedCropWorksOnAnyShape) {
  AugmentOptions options;
  options.crop = CropMode::kResized;
  options.scale = {0.08f, 1};
  for (const auto& [w, h] : {std::pair(1, 1), {1, 300}, {300, 1}, {7, 5}, {640, 480}}) {
    Image image(w, h);
    std::fill(image.pixels.begin(), image.pixels.end(), 99);
    for (uint64_t stream = 0; stream < 20; ++stream) {
      for (const float value : Augmented(image, Square(24, 1), options, stream))
        ASSERT_FLOAT_EQ(value, 99);
    }
  }
}

TEST(Augment, SenselessOptionsAreRefused) {
  AugmentOptions options;
  options.scale = {0.5f, 0.1f};
  EXPECT_THROW(ValidateAugment(options, "x"), Error);
  options = {};
  options.flip = 2;
  EXPECT_THROW(ValidateAugment(options, "x"), Error);
}

}  // namespace
}  // namespace linnet
