// A file that any release wrote opens in every later one: tests/io/stored has some of each. A
// release that changes what is written adds its own, by
//
//   linnet train GRAPH.txt --data shapes:count=100,size=16 --epochs 2 --batch 16 --ema 0 --out RUN
//   linnet compress --int8 --model RUN/best.safetensors --data shapes:count=100,size=16
//                   --max-drop 100 --out INT8
#include <gtest/gtest.h>

#include <filesystem>

#include "io/model_file.h"

namespace linnet {
namespace {

TEST(Stored, ModelsOfEveryReleaseAnswerAsTheyDid) {
  int files = 0;
  const std::filesystem::path folder = LINNET_SOURCE_DIR "/tests/io/stored";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string path = entry.path().string();
    SCOPED_TRACE(path);
    const Model model = LoadModel(path);
    VerifyModel(model, path);  // throws if it answers otherwise
    EXPECT_EQ(model.checks.size(), 2u);
    EXPECT_EQ(model.labels.size(), 10u);
    EXPECT_EQ(model.pipeline.width(), 16);
    EXPECT_EQ(IsQuantized(model.graph), path.ends_with("int8.safetensors"));
    ++files;
  }
  EXPECT_GE(files, 2);
}

}  // namespace
}  // namespace linnet
