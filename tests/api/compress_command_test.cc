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
  EXPECT_EQ(Linnet({"compress", "--model", model, "--data", data, "--out", out}).code, 2);
  EXPECT_EQ(Linnet({"compress", "--int8", "--model", model, "--data", data}).code, 2);
  EXPECT_EQ(Linnet({"compress", "--int8", "--model", data, "--data", data, "--out", out}).code, 6);
}

}  // namespace
}  // namespace linnet
