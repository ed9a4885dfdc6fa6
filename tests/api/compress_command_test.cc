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

TEST(CompressCommand, WritesAModelLikeAnyOther) {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", data = folder / "data";
  const std::string out = folder / "int8.safetensors";
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
  std::filesystem::create_directory(folder / "only");
  std::filesystem::rename(data + "/train", folder / "only/train");
  const Ran held = Linnet({"compress", "--int8", "--model", model, "--data", folder / "only",
                           "--out", out, "--max-drop", "100", "--threads", "1", "--json"});
  ASSERT_EQ(held.code, 0) << held.err;
  EXPECT_EQ(nlohmann::json::parse(held.out)["split"], "val");
  EXPECT_EQ(nlohmann::json::parse(held.out)["pictures"], 3);
  EXPECT_EQ(Linnet({"compress", "--model", model, "--data", data, "--out", out}).code, 2);
  EXPECT_EQ(Linnet({"compress", "--int8", "--model", model, "--data", data}).code, 2);
  EXPECT_EQ(Linnet({"compress", "--int8", "--model", data, "--data", data, "--out", out}).code, 6);
}

// Words that a flag's text does not list are added to it.
TEST(CompressCommand, HelpNamesTheChoices) {
  const std::string help = Linnet({"compress", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("one of best, min_max"));
  EXPECT_THAT(help, HasSubstr("one of best, on, off"));
  EXPECT_THAT(Linnet({"eval", "--help"}).out, testing::Not(HasSubstr("bf16x3, int8")));
}

// Tells red from green, through values that bytes cannot hold: each has a channel of a million that
// nothing reads, and beside it the colours are less than a level. Half of the four layers may stay
// in float32, by which one of the three values is still of bytes.
Model ModelThatNeedsFloat() {
  Model model;
  model.graph = GraphFromText(R"(linnet-graph 1
image = input(height=8, width=8)
a = conv2d(image, out_channels=4, bias=true)
a_act = activation(a)
b = conv2d(a_act, out_channels=4, bias=true)
b_act = activation(b)
c = conv2d(b_act, out_channels=4, bias=true)
c_act = activation(c)
pool = global_pool(c_act)
flat = flatten(pool)
fc = dense(flat, out_features=2)
return fc
)");
  model.params = InitParams(model.graph, /*seed=*/7);
  for (auto& [name, param] : model.params) {
    const bool bias = name.ends_with("bias");
    const int64_t inputs = bias ? 1 : param.shape()[param.shape().rank() - 1];
    for (int64_t i = 0; i < param.elements(); ++i) {
      param.data()[i] = !bias && i / inputs == i % inputs && i / inputs < 3 ? 1 : 0;
    }
    if (bias && param.elements() == 4) param.data()[3] = 1e6f;
  }
  model.pipeline.size = {8, 8};
  model.labels = {"red", "green"};
  return model;
}

std::string PlainPicture(bool green, int level) {
  std::string file = "P6 8 8 255\n";
  for (int i = 0; i < 64; ++i) {
    for (int channel = 0; channel < 3; ++channel) {
      file += static_cast<char>(channel == (green ? 1 : 0) ? level : 0);
    }
  }
  return file;
}

TEST(CompressCommand, AFailedGateIsExitCode4AndLeavesWhatWasThere) {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", data = folder / "data";
  const std::string out = folder / "int8.safetensors";
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
