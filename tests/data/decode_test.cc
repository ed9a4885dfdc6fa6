#include "data/decode.h"

// jpeglib.h needs what stands before it.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
// clang-format on
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "test_data.h"

namespace linnet {
namespace {

using Json = nlohmann::json;

std::array<double, 3> Mean(const Image& image, int x0, int y0, int x1, int y1) {
  std::array<double, 3> sum{};
  for (int y = y0; y < y1; ++y) {
    for (int x = x0; x < x1; ++x) {
      for (int c = 0; c < 3; ++c) sum[c] += image.row(y)[3 * x + c];
    }
  }
  for (double& value : sum) value /= double(x1 - x0) * (y1 - y0);
  return sum;
}

void ExpectNear(const std::array<double, 3>& mean, const Json& expected, const std::string& what) {
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(mean[c], expected[c].get<double>(), 4) << what;
}

void ExpectPicture(const Image& image, const Json& expected) {
  const int w = expected["width"], h = expected["height"];
  ASSERT_EQ(image.width, w);
  ASSERT_EQ(image.height, h);
  ASSERT_EQ(image.pixels.size(), size_t(w) * h * 3);
  ExpectNear(Mean(image, 0, 0, w, h), expected["mean_rgb"], "whole");
  if (!expected.contains("quadrant_means_tl_tr_bl_br")) return;
  const Json& quadrants = expected["quadrant_means_tl_tr_bl_br"];
  ExpectNear(Mean(image, 0, 0, w / 2, h / 2), quadrants[0], "top left");
  ExpectNear(Mean(image, w / 2, 0, w, h / 2), quadrants[1], "top right");
  ExpectNear(Mean(image, 0, h / 2, w / 2, h), quadrants[2], "bottom left");
  ExpectNear(Mean(image, w / 2, h / 2, w, h), quadrants[3], "bottom right");
}

// Which formats the manifest leaves open are all supported here; what it prefers to be errors, are.
TEST(Decode, EveryPictureOfTheManifestIsAnsweredAsItSays) {
  const auto path = TestData("broken_images/manifest.json");
  if (!path) GTEST_SKIP() << "the folder broken_images is not on this machine";
  const std::string folder = path->substr(0, path->rfind('/') + 1);
  const Json manifest = Json::parse(ReadFile(*path));
  ASSERT_GT(manifest["files"].size(), 70u);
  for (const Json& entry : manifest["files"]) {
    const std::string file = entry["file"], verdict = entry["good_loader"];
    SCOPED_TRACE(file + ": " + verdict);
    try {
      const DecodeResult result = ReadImage(folder + file);
      EXPECT_NE(verdict, "error");
      EXPECT_NE(verdict, "error_preferred");
      if (verdict == "error_or_partial") {
        EXPECT_FALSE(result.warnings.empty());
      } else if (entry.contains("picture_upright")) {
        ExpectPicture(result.image, entry["picture_upright"]);
      }
    } catch (const Error& error) {
      EXPECT_NE(verdict, "decode");
      EXPECT_NE(verdict, "decode_if_supported");
      EXPECT_NE(std::string(error.what()).find(file), std::string::npos) << error.what();
    }
  }
}

// Cut anywhere and flipped anywhere: a result or an Error, nothing else.
TEST(Decode, DamagedFilesNeverCrash) {
  const auto path = TestData("broken_images/manifest.json");
  if (!path) GTEST_SKIP() << "the folder broken_images is not on this machine";
  const std::string folder = path->substr(0, path->rfind('/') + 1) + "files/";
  std::mt19937 random(1);
  for (const char* name : {"ok_jpeg_progressive.jpg", "ok_jpeg_cmyk.jpg", "ok_exif_6.jpg",
                           "ok_png_palette_2bit.png", "ok_gif_animated.gif", "ok_webp_lossy.webp",
                           "ok_bmp_24.bmp", "ok_pgm.pgm", "ok_png_grey_16bit.png"}) {
    const std::string whole = ReadFile(folder + name);
    for (int i = 0; i < 60; ++i) {
      std::string bytes = whole;
      if (i % 2 == 0) bytes.resize(random() % bytes.size());
      const size_t reach = i % 3 == 0 ? std::min<size_t>(64, bytes.size()) : bytes.size();
      for (int flips = 0; flips < 3 && reach > 0; ++flips)
        bytes[random() % reach] ^= 1 << random() % 8;
      // An exact allocation, so that the address sanitizer sees a read past the end.
      const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
      try {
        DecodeImage(exact, name, {2'000'000});
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kData);
        EXPECT_EQ(std::string(error.what()).rfind(name, 0), 0u) << error.what();
      }
    }
  }
}

DecodeResult DecodeText(std::string_view text) { return DecodeImage(AsBytes(text), "x"); }

std::string ErrorOf(std::string_view text) {
  try {
    DecodeText(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Decode, PlainTextPictures) {
  const Image grey = DecodeText("P2 # two\n2 1 # pixels\n10\n0 10").image;
  EXPECT_EQ(grey.pixels, (std::vector<uint8_t>{0, 0, 0, 255, 255, 255}));
  const Image color = DecodeText("P3 1 1 255\n1 2 3").image;
  EXPECT_EQ(color.pixels, (std::vector<uint8_t>{1, 2, 3}));
  const Image wide = DecodeText(std::string_view("P5 1 1 65535\n\x80\x00", 15)).image;
  EXPECT_EQ(wide.pixels, (std::vector<uint8_t>{128, 128, 128}));
}

std::string Chunk(const std::string& type, const std::string& data) {
  const auto number = [](uint32_t n) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift);
    return bytes;
  };
  const std::string body = type + data;
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return number(static_cast<uint32_t>(data.size())) + body + number(static_cast<uint32_t>(crc));
}

// A row of a thousand million pixels is refused before memory is taken for it.
TEST(Decode, AHugePngTakesNoMemory) {
  const std::string header("\x3B\x9A\xCA\x00\x00\x00\x00\x01\x10\x06\x00\x00\x00", 13);
  const std::string file = "\x89PNG\r\n\x1a\n" + Chunk("IHDR", header) + Chunk("IDAT", "x");
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  EXPECT_NE(ErrorOf(file).find("the limit is 100 million"), std::string::npos) << ErrorOf(file);
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 500'000);  // KB; two rows are 16 GB
}

enum class JpegKind { kBaseline, kProgressive, kArithmetic };

std::string Jpeg(JpegKind kind, int side) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = info.image_height = static_cast<JDIMENSION>(side);
  info.input_components = 1;
  info.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  info.arith_code = kind == JpegKind::kArithmetic;
  if (kind == JpegKind::kProgressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  std::string row(static_cast<size_t>(side), '\0');
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) row[static_cast<size_t>(x)] = static_cast<char>(7 * x + 5 * y);
    auto* pixels = reinterpret_cast<JSAMPROW>(row.data());
    jpeg_write_scanlines(&info, &pixels, 1);
  }
  jpeg_finish_compress(&info);
  std::string file(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&info);
  std::free(bytes);
  return file;
}

// However a file was cut and mended: a picture that was made up in part is no picture.
TEST(Decode, ACutJpegIsRefused) {
  const std::string end = "\xFF\xD9";
  for (const JpegKind kind : {JpegKind::kBaseline, JpegKind::kProgressive, JpegKind::kArithmetic}) {
    SCOPED_TRACE(static_cast<int>(kind));
    const std::string file = Jpeg(kind, 64);
    EXPECT_EQ(ErrorOf(file), "");
    EXPECT_NE(ErrorOf(file.substr(0, file.size() * 3 / 4)).find("premature end"),
              std::string::npos);
  }
  const std::string baseline = Jpeg(JpegKind::kBaseline, 64);
  const std::string without_end = baseline.substr(0, baseline.size() - 2);
  EXPECT_FALSE(DecodeText(without_end).warnings.empty());
  EXPECT_NE(ErrorOf(baseline.substr(0, baseline.size() * 3 / 4) + end).find("premature end"),
            std::string::npos);
  const std::string progressive = Jpeg(JpegKind::kProgressive, 64);
  EXPECT_FALSE(DecodeText(progressive.substr(0, progressive.size() - 2)).warnings.empty());
  // The last scan is of one bit of every coefficient.
  const size_t table = progressive.rfind("\xFF\xC4");
  EXPECT_NE(ErrorOf(progressive.substr(0, table)).find("premature end"), std::string::npos);
}

TEST(Decode, AJpegHasAnEndOfScans) {
  const std::string file = Jpeg(JpegKind::kProgressive, 64);
  EXPECT_EQ(DecodeText(file).image.width, 64);
  const size_t scan = file.rfind("\xFF\xDA"), end = file.size() - 2;
  std::string many = file.substr(0, end);
  for (int i = 0; i < 600; ++i) many += file.substr(scan, end - scan);
  EXPECT_NE(ErrorOf(many + file.substr(end)).find("more than 500 scans"), std::string::npos);
}

TEST(Decode, ErrorsNameFileFormatAndReason) {
  EXPECT_EQ(ErrorOf(""), "x: the file is empty");
  EXPECT_NE(ErrorOf("II*\0abc").find("x: not a picture"),
            std::string::npos);  // a C string ends at \0
  EXPECT_NE(ErrorOf(std::string_view("II*\0abc", 7)).find("TIFF is not supported"),
            std::string::npos);
  EXPECT_NE(ErrorOf("P5 3 3 255\nab").find("x: PGM: premature end"), std::string::npos);
  EXPECT_NE(ErrorOf("P5 99999 99999 255\nab").find("the limit is 100 million"), std::string::npos);
  EXPECT_NE(ErrorOf("P5 9999 9999 255\nab").find("cannot hold"), std::string::npos);
}

}  // namespace
}  // namespace linnet
