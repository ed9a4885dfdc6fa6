#include "data/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "data/duplicates.h"
#include "data/encode.h"
#include "data/shapes.h"
#include "test_data.h"

namespace linnet {
namespace {

namespace fs = std::filesystem;

Image Shape(int index, int size = 48) {
  ShapesOptions options;
  options.size = size;
  return DrawShape(options, index).image;
}

void Write(const std::string& path, const std::string& bytes) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

void Write(const std::string& path, const Image& image) { Write(path, EncodePng(image)); }

// Every file below 'root' with its contents and time.
std::map<std::string, std::pair<std::string, fs::file_time_type>> State(const std::string& root) {
  std::map<std::string, std::pair<std::string, fs::file_time_type>> state;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    state[entry.path().string()] = {entry.is_regular_file() ? ReadFile(entry.path().string()) : "",
                                    entry.last_write_time()};
  }
  return state;
}

Image Brighter(Image image) {
  for (uint8_t& byte : image.pixels) byte = static_cast<uint8_t>(std::min(255, byte + 6));
  return image;
}

Image Resized(const Image& image, int size) {
  Image resized(size, size);
  kernels::ResizeScratch scratch;
  kernels::ResizeRgb(image.pixels.data(), image.width, image.height,
                     {0, 0, double(image.width), double(image.height)},
                     kernels::ResizeFilter::kBicubic, resized.pixels.data(), size, size, scratch);
  return resized;
}

class CheckTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 12; ++i) {
      Write(folder_ / ("train/a/" + std::to_string(i) + ".png"), Shape(i));
      if (i < 4) Write(folder_ / ("train/b/" + std::to_string(i) + ".png"), Shape(100 + i));
      Write(folder_ / ("test/a/" + std::to_string(i) + ".png"), Shape(200 + i));
      Write(folder_ / ("test/b/" + std::to_string(i) + ".png"), Shape(300 + i));
    }
  }
  DataReport Check(int threads = 2) {
    DatasetOptions options;
    options.strict = false;
    ThreadPool pool(threads);
    return CheckDataset(OpenDataset(folder_.path(), options), &pool);
  }
  TemporaryFolder folder_;
};

TEST_F(CheckTest, ACleanSet) {
  const DataReport report = Check();
  EXPECT_TRUE(report.clean()) << ReportToText(report);
  EXPECT_EQ(report.images, 40);
  EXPECT_EQ(report.imbalance(), 3);
  const auto json = ReportToJson(report);
  EXPECT_EQ(json["images"], 40);
  EXPECT_EQ(json["classes"], 2);
  EXPECT_EQ(json["class_counts"][1]["train"], 4);
  for (const char* key : {"broken", "duplicates", "leaks", "mislabelled", "tiny"}) {
    EXPECT_TRUE(json[key].is_array() && json[key].empty()) << key;
  }
}

TEST_F(CheckTest, FindsWhatIsWrongAndWritesNothing) {
  Write(folder_ / "train/a/broken.jpg", "not a picture");
  Write(folder_ / "train/a/tiny.png", Resized(Shape(50), 9));
  Write(folder_ / "train/a/copy.bin2", Shape(5));                  // within a class
  Write(folder_ / "test/a/leak.png", Shape(7));                    // of train/a/7.png
  Write(folder_ / "train/b/wrong.png", Shape(3));                  // of train/a/3.png
  Write(folder_ / "test/b/brighter.png", Brighter(Shape(101)));    // nearly train/b/1.png
  Write(folder_ / "train/b/larger.png", Resized(Shape(102), 60));  // nearly train/b/2.png
  fs::create_directories(folder_ / "train/c");
  const auto before = State(folder_.path());
  const DataReport report = Check();
  EXPECT_EQ(State(folder_.path()), before);

  EXPECT_FALSE(report.clean());
  const auto json = ReportToJson(report);
  ASSERT_EQ(json["broken"].size(), 1u);
  EXPECT_EQ(json["broken"][0]["file"], "train/a/broken.jpg");
  ASSERT_EQ(json["tiny"].size(), 1u);
  EXPECT_EQ(json["tiny"][0]["width"], 9);
  EXPECT_EQ(json["problems"].size(), 2u);  // class c in train and in test
  const auto files = [](const nlohmann::ordered_json& groups) {
    std::vector<std::string> lines;
    for (const auto& group : groups)
      lines.push_back(group["kind"].get<std::string>() + " " + group["files"].dump());
    return lines;
  };
  EXPECT_THAT(files(json["duplicates"]),
              testing::UnorderedElementsAre("exact [\"train/a/5.png\",\"train/a/copy.bin2\"]",
                                            "exact [\"train/a/7.png\",\"test/a/leak.png\"]",
                                            "exact [\"train/a/3.png\",\"train/b/wrong.png\"]",
                                            "near [\"train/b/1.png\",\"test/b/brighter.png\"]",
                                            "near [\"train/b/2.png\",\"train/b/larger.png\"]"));
  EXPECT_THAT(files(json["leaks"]),
              testing::UnorderedElementsAre("exact [\"train/a/7.png\",\"test/a/leak.png\"]",
                                            "near [\"train/b/1.png\",\"test/b/brighter.png\"]"));
  EXPECT_THAT(files(json["mislabelled"]),
              testing::ElementsAre("exact [\"train/a/3.png\",\"train/b/wrong.png\"]"));
  EXPECT_THAT(ReportToText(report), testing::HasSubstr("train/a/broken.jpg: not a picture"));
  EXPECT_THAT(ReportToText(report), testing::HasSubstr("in two splits (leaks): 2"));
  EXPECT_THAT(report.notes, testing::Contains(testing::HasSubstr("3 groups of copies in train")));
}

TEST_F(CheckTest, SameReportForAnyThreads) {
  Write(folder_ / "train/a/broken.jpg", "not a picture");
  Write(folder_ / "test/a/leak.png", Shape(7));
  const auto json = ReportToJson(Check(1));
  EXPECT_EQ(json["broken"].size(), 1u);
  EXPECT_EQ(json["leaks"].size(), 1u);
  EXPECT_EQ(json.dump(), ReportToJson(Check(4)).dump());
}

TEST(Duplicates, PlainPicturesAreAlikeOnlyInTheSameColor) {
  kernels::ResizeScratch scratch;
  const auto plain = [&](int level) {
    Image image(20, 20);
    std::fill(image.pixels.begin(), image.pixels.end(), static_cast<uint8_t>(level));
    return internal::FingerprintOf(image, scratch);
  };
  EXPECT_TRUE(internal::SameThumbnail(plain(10), plain(10)));
  EXPECT_FALSE(internal::SameThumbnail(plain(10), plain(200)));
}

// A near copy of one of 20,000 random pictures is found, nothing else, quickly.
TEST(Duplicates, ManyPictures) {
  constexpr size_t kCount = 20000;
  std::vector<internal::Fingerprint> prints(kCount);
  std::vector<int64_t> indices(kCount);
  Rng rng(3);
  for (size_t i = 0; i < kCount; ++i) {
    indices[i] = static_cast<int64_t>(i);
    prints[i].perceptual = uint64_t{rng.Next()} << 32 | rng.Next();
    for (uint8_t& byte : prints[i].thumbnail) byte = static_cast<uint8_t>(rng.Next());
  }
  prints[777] = prints[15000];
  prints[777].perceptual ^= 0x0101010101010100;  // seven bits, all in different bytes
  for (uint8_t& byte : prints[777].thumbnail) byte = static_cast<uint8_t>(byte / 2 + 60);
  EXPECT_EQ(internal::NearGroups(prints, indices),
            (std::vector<std::vector<int64_t>>{{777, 15000}}));
}

}  // namespace
}  // namespace linnet
