// compress, and that its file is a model like any other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "api/model_for_test.h"
#include "api/run_for_test.h"
#include "test_data.h"

namespace linnet {
namespace {

using testing::HasSubstr;

class CompressCommand : public testing::Test {
 protected:
  // What is measured of the machine goes there.
  CompressCommand() { setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1); }

  const TemporaryFolder folder_;
};

TEST_F(CompressCommand, WritesAModelLikeAnyOther) {
  const std::string model = folder_ / "model.safetensors", data = folder_ / "data";
  const std::string out = folder_ / "int8.safetensors";
  SaveModel(model, ModelForTest());
  for (const char* label : {"train/cat", "train/dog", "train/owl", "test/cat", "test/dog"}) {
    const std::string where = data + "/" + label;
    std::filesystem::create_directories(where);
    for (int i = 0; i < 2; ++i) {
      WriteFileAtomic(where + "/" + std::to_string(i) + ".ppm", PictureForTest(40, 30, 50 * i));
    }
  }
  // Fresh weights say nothing about pictures, so that any drop is allowed.
  const Ran ran = Linnet({"compress", "--int8", "--model", model, "--data", data, "--out", out,
                          "--max-drop", "100", "--threads", "1", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["schema"], "linnet.compress/1");
  EXPECT_EQ(json["file"], out);
  EXPECT_EQ(json["precision"], "int8");
  EXPECT_EQ(json["layers"], 28);
  EXPECT_EQ(json["pictures"], 4);
  EXPECT_LT(json["after"]["bytes"], json["before"]["bytes"]);
  EXPECT_THAT(ran.err, HasSubstr("taken: "));

  EXPECT_EQ(Linnet({"eval", out, "--data", data, "--threads", "1"}).code, 0);
  EXPECT_EQ(Linnet({"predict", "--model", out, data + "/test/cat/0.ppm"}).code, 0);
  const Ran timed = Linnet({"time", "--model", out, "--seconds", "0.01", "--json"});
  ASSERT_EQ(timed.code, 0) << timed.err;
  EXPECT_EQ(nlohmann::json::parse(timed.out)["precision"], "int8");
  EXPECT_EQ(Linnet({"show", out}).code, 0);

  const Ran words = Linnet({"compress", "--int8", "--model", model, "--data", data, "--out", out,
                            "--max-drop", "100", "--calibration", "mse", "--equalize", "off"});
  EXPECT_EQ(words.code, 0) << words.err;
  EXPECT_THAT(words.out, HasSubstr("top-1 %"));
  // Where there are pictures to train only, a part of them is measured, as in training.
  std::filesystem::create_directory(folder_ / "only");
  std::filesystem::rename(data + "/train", folder_ / "only/train");
  const Ran held = Linnet({"compress", "--int8", "--model", model, "--data", folder_ / "only",
                           "--out", out, "--max-drop", "100", "--threads", "1", "--json"});
  ASSERT_EQ(held.code, 0) << held.err;
  EXPECT_EQ(nlohmann::json::parse(held.out)["split"], "val");
  EXPECT_EQ(nlohmann::json::parse(held.out)["pictures"], 3);
  EXPECT_EQ(Linnet({"compress", "--model", model, "--data", data, "--out", out}).code, 2);
  EXPECT_EQ(Linnet({"compress", "--int8", "--model", model, "--data", data}).code, 2);
  EXPECT_EQ(Linnet({"compress", "--int8", "--model", data, "--data", data, "--out", out}).code, 6);
}

// Words that a flag's text does not list are added to it.
TEST_F(CompressCommand, HelpNamesTheChoices) {
  const std::string help = Linnet({"compress", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("one of best, min_max"));
  EXPECT_THAT(help, HasSubstr("one of best, on, off"));
  EXPECT_THAT(Linnet({"eval", "--help"}).out, testing::Not(HasSubstr("bf16x3, int8")));
}

TEST_F(CompressCommand, AFailedGateIsExitCode4AndLeavesWhatWasThere) {
  const std::string model = folder_ / "model.safetensors", data = folder_ / "data";
  const std::string out = folder_ / "int8.safetensors";
  SaveModel(model, ModelThatNeedsFloat());
  for (const char* split : {"/train", "/test"}) {
    for (const bool green : {false, true}) {
      const std::string where = data + split + (green ? "/green" : "/red");
      std::filesystem::create_directories(where);
      for (int i = 0; i < 3; ++i) {
        WriteFileAtomic(where + "/" + std::to_string(i) + ".ppm", PlainPicture(green, 255 - i));
      }
    }
  }
  WriteFileAtomic(out, "what was there");
  const Ran ran = Linnet({"compress", "--int8", "--model", model, "--data", data, "--out", out,
                          "--threads", "1", "--quiet"});
  EXPECT_EQ(ran.code, 4) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("top-1 drops from 100.00 % to 50.00 %"));
  EXPECT_THAT(ran.err, HasSubstr("2 of 4 layers in float32"));
  EXPECT_THAT(ran.err, HasSubstr("--max-drop"));
  EXPECT_EQ(ReadFile(out), "what was there");
  EXPECT_FALSE(std::filesystem::exists(out + ".trial"));
  // With one that was asked for there is room for one more.
  const Ran asked = Linnet({"compress", "--int8", "--model", model, "--data", data, "--out", out,
                            "--float-layers", "fc", "--threads", "1", "--quiet"});
  EXPECT_EQ(asked.code, 4) << asked.err;
  EXPECT_THAT(asked.err, HasSubstr("2 of 4 layers in float32"));
}

}  // namespace
}  // namespace linnet
