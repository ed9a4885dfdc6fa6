#include "data/shapes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "data/encode.h"
#include "test_data.h"

namespace linnet {
namespace {

TEST(Shapes, APictureIsAFunctionOfOptionsAndIndex) {
  ShapesOptions options;
  const ShapePicture picture = DrawShape(options, 17);
  EXPECT_EQ(picture.image, DrawShape(options, 17).image);
  EXPECT_EQ(picture.label, 7);
  EXPECT_NE(picture.image, DrawShape(options, 27).image);
  options.seed = 2;
  EXPECT_NE(picture.image, DrawShape(options, 17).image);
}

TEST(Shapes, BoxesHoldTheShape) {
  const ShapesOptions options;
  for (int i = 0; i < 200; ++i) {
    const auto [x0, y0, x1, y1] = DrawShape(options, i).box;
    EXPECT_TRUE(0 <= x0 && x0 < x1 && x1 <= 48 && 0 <= y0 && y0 < y1 && y1 <= 48) << i;
    // Radius 0.24 to 0.44 of the side, so the longer side is a good part of the picture.
    EXPECT_GE(std::max(x1 - x0, y1 - y0), 14) << i;
  }
}

TEST(Shapes, SplitsAndClassesAreBalanced) {
  const Dataset dataset = OpenDataset("shapes:count=1000,size=32,seed=3");
  EXPECT_EQ(dataset.classes.size(), 10u);
  EXPECT_EQ(dataset.items(Split::kTrain).size(), 800u);
  EXPECT_EQ(dataset.items(Split::kVal).size(), 100u);
  EXPECT_EQ(dataset.items(Split::kTest).size(), 100u);
  std::map<int, int> counts;
  for (const DataItem& item : dataset.items(Split::kVal)) ++counts[item.label];
  for (const auto& [label, count] : counts) EXPECT_EQ(count, 10) << label;
  EXPECT_EQ(dataset.Load(dataset.items(Split::kTest)[0]).width, 32);
}

TEST(Shapes, WrongOptionsAreRefused) {
  for (const char* text :
       {"shapes:count=10", "shapes:size=8", "shapes:sise=32", "shapes:32", "shapes:count=x"}) {
    try {
      OpenDataset(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage) << error.what();
    }
  }
}

TEST(Shapes, WhatIsRefusedChangesNothing) {
  const TemporaryFolder folder;
  WriteFileAtomic(folder / "set.tar", "a set");
  WriteFileAtomic(folder / "set.tar.part", "somebody's");
  EXPECT_THROW(WriteShapes(folder / "set.tar", {.count = 100, .size = 16}), Error);
  EXPECT_EQ(ReadFile(folder / "set.tar"), "a set");
  EXPECT_EQ(ReadFile(folder / "set.tar.part"), "somebody's");
}

TEST(Shapes, WrittenFilesAreTheSet) {
  TemporaryFolder folder;
  ShapesOptions options;
  options.count = 100;
  options.size = 16;
  const Dataset memory = ShapesDataset(options);
  // What a run that was killed left is no hindrance, and nothing of the kind stays.
  std::filesystem::create_directories(folder / "set/.linnet.part/train");
  WriteFileAtomic(folder / "set.tar.part", "half");
  WriteShapes(folder / "set", options);
  WriteShapes(folder / "set.tar", options);
  EXPECT_FALSE(std::filesystem::exists(folder / "set/.linnet.part"));
  EXPECT_FALSE(std::filesystem::exists(folder / "set.tar.part"));
  for (const char* path : {"set", "set.tar"}) {
    const Dataset dataset = OpenDataset(folder / path);
    EXPECT_EQ(dataset.classes, memory.classes);
    for (const Split split : kSplits) {
      std::map<std::string, const DataItem*> by_name;
      for (const DataItem& item : memory.items(split)) by_name[item.name] = &item;
      ASSERT_EQ(dataset.items(split).size(), by_name.size());
      for (const DataItem& item : dataset.items(split)) {
        ASSERT_TRUE(by_name.contains(item.name)) << item.name;
        EXPECT_EQ(item.label, by_name[item.name]->label);
        EXPECT_EQ(dataset.Load(item), memory.Load(*by_name[item.name])) << item.name;
      }
    }
  }
  std::istringstream boxes(ReadFile(folder / "set/boxes.csv"));
  std::string line;
  int lines = 0;
  while (std::getline(boxes, line)) ++lines;
  EXPECT_EQ(lines, 101);
  EXPECT_THROW(WriteShapes(folder / "set", options), Error);  // never over what is there
  EXPECT_THROW(WriteShapes(folder / "set.tar", options), Error);
}

TEST(Encode, PngGoesRound) {
  Image image(5, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 29);
  const std::string png = EncodePng(image);
  EXPECT_EQ(DecodeImage(AsBytes(png), "x").image, image);
}

}  // namespace
}  // namespace linnet
