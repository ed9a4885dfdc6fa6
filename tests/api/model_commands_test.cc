// show, eval, predict, time, convert with a model file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "api/model_for_test.h"
#include "api/run_for_test.h"
#include "base/fields.h"
#include "base/text_table.h"
#include "test_data.h"

namespace linnet {
namespace {

using testing::HasSubstr;

class ModelCommands : public testing::Test {
 protected:
  ModelCommands() : model_(folder_ / "model.safetensors"), data_(folder_ / "data") {
    setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1);  // what is measured of the machine
    SaveModel(model_, ModelForTest());
    for (const char* label : {"cat", "dog", "owl"}) {
      const std::string where = data_ + "/test/" + label;
      std::filesystem::create_directories(where);
      for (int i = 0; i < 3; ++i) {
        WriteFileAtomic(where + "/" + std::to_string(i) + ".ppm", PictureForTest(40, 30, 50 * i));
      }
    }
    picture_ = data_ + "/test/cat/0.ppm";
    broken_ = data_ + "/test/dog/broken.png";
    WriteFileAtomic(broken_, "\x89PNG\r\n\x1a\n and no more");
  }

  const TemporaryFolder folder_;
  const std::string model_, data_;
  std::string picture_, broken_;
};

TEST_F(ModelCommands, Show) {
  const auto json = nlohmann::json::parse(Linnet({"show", model_, "--json"}).out);
  EXPECT_EQ(json["name"], "mobilenet_v1");
  EXPECT_EQ(json["layers"][0]["output"].dump(), "[1,32,32,3]");
}

TEST_F(ModelCommands, Eval) {
  const Ran ran = Linnet({"eval", "--model", model_, "--data", data_, "--threads", "1", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["schema"], "linnet.eval/1");
  EXPECT_EQ(json["count"], 9);
  EXPECT_EQ(json["skipped"], 1);
  EXPECT_THAT(std::string(json["skipped_files"][0]["file"]), HasSubstr("broken.png"));
  EXPECT_EQ(json["top5"], 1.0);
  EXPECT_EQ(json["split"], "test");
  EXPECT_EQ(json["classes"].size(), 3u);
  // The same three pictures in each class: one class in three is right, whatever the answer.
  EXPECT_NEAR(json["top1"].get<double>(), 1.0 / 3, 1e-9);
  EXPECT_THAT(Linnet({"eval", model_, "--data", data_, "--threads", "1"}).out,
              HasSubstr("top-1 33.33 %"));
}

// Of four pictures, a green one lies among the red ones.
TEST_F(ModelCommands, EvalCountsWhatIsRight) {
  const std::string colours = folder_ / "colours.safetensors", data = folder_ / "red_and_green";
  SaveModel(colours, ModelThatNeedsFloat());
  for (const char* label : {"/test/red", "/test/green"}) {
    std::filesystem::create_directories(data + label);
  }
  for (const auto& [file, green] : std::initializer_list<std::pair<const char*, bool>>{
           {"red/0", false}, {"red/1", false}, {"red/2", true}, {"green/0", true}}) {
    WriteFileAtomic(data + "/test/" + file + ".ppm", PlainPicture(green, 200));
  }
  for (const char* precision : {"float32", "bf16", "bf16x3"}) {
    const Ran ran = Linnet({"eval", colours, "--data", data, "--precision", precision, "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const auto json = nlohmann::json::parse(ran.out);
    EXPECT_EQ(json["top1"], 0.75) << precision;
    EXPECT_EQ(json["classes"][0]["label"], "red");
    EXPECT_DOUBLE_EQ(json["classes"][0]["top1"], 2.0 / 3);
    EXPECT_EQ(json["classes"][1]["top1"], 1.0);
  }
  EXPECT_EQ(Linnet({"eval", colours, "--data", data, "--precision", "int8"}).code, 2);
}

TEST_F(ModelCommands, EvalSaysWhatIsWrong) {
  EXPECT_EQ(Linnet({"eval", "--model", model_}).code, 2);
  EXPECT_EQ(Linnet({"eval", "--model", folder_ / "none", "--data", data_}).code, 6);
  EXPECT_EQ(Linnet({"eval", "--model", model_, "--data", data_, "--split", "train"}).code, 3);
  EXPECT_EQ(Linnet({"eval", "--model", model_, "--data", data_, "--split", "tset"}).code, 2);
  std::filesystem::create_directories(data_ + "/test/emu");
  WriteFileAtomic(data_ + "/test/emu/0.ppm", PictureForTest(8, 8));
  const Ran ran = Linnet({"eval", "--model", model_, "--data", data_});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("emu"));
}

TEST_F(ModelCommands, PredictAnswersForEachFile) {
  const Ran ran = Linnet({"predict", "--threads", "1", "--model", model_, picture_, broken_,
                          folder_ / "none.jpg", picture_, "--top", "2", "--json"});
  EXPECT_EQ(ran.code, 3);
  const auto json = nlohmann::json::parse(ran.out);
  ASSERT_EQ(json.size(), 4u);
  EXPECT_EQ(json[0]["file"], picture_);
  EXPECT_EQ(json[0]["width"], 40);
  EXPECT_EQ(json[0]["height"], 30);
  ASSERT_EQ(json[0]["labels"].size(), 2u);
  EXPECT_GE(json[0]["labels"][0]["score"], json[0]["labels"][1]["score"]);
  for (const char* key : {"label", "index", "score"}) {
    EXPECT_TRUE(json[0]["labels"][0].contains(key)) << key;
  }
  EXPECT_TRUE(json[1].contains("error"));
  EXPECT_FALSE(json[1].contains("labels"));
  EXPECT_TRUE(json[2].contains("error"));
  EXPECT_EQ(json[3]["labels"], json[0]["labels"]);
}

TEST_F(ModelCommands, PredictForPeople) {
  const Ran ran = Linnet({"predict", "--threads", "1", "--model", model_, picture_});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr(picture_ + " (40x30)\n"));
  EXPECT_THAT(ran.out, HasSubstr(" %  cat\n"));
  EXPECT_EQ(Linnet({"predict", "--model", picture_, picture_}).code, 6);
  EXPECT_EQ(Linnet({"predict", "--model", model_}).code, 2);
}

TEST_F(ModelCommands, Time) {
  const Ran ran =
      Linnet({"time", "--model", model_, "--threads", "1", "--seconds", "0.01", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_GT(json["median_ms"], 0.0);
  EXPECT_LE(json["median_ms"], json["p95_ms"]);
  EXPECT_LE(json["p95_ms"], json["p99_ms"]);
  EXPECT_EQ(json["threads"], 1);
  EXPECT_EQ(json["precision"], "float32");
  EXPECT_GT(json["limit_ms"], 0.0);
  ASSERT_GT(json["steps"].size(), 10u);
  for (const char* key : {"name", "kernel", "refused", "ms", "gmacs_per_second", "limit_ms",
                          "times_limit", "macs", "bytes", "weight_bytes"}) {
    EXPECT_TRUE(json["steps"][0].contains(key)) << key;
  }
  EXPECT_GT(json["machine"]["peaks"].size(), 0u);
  EXPECT_EQ(
      Linnet({"time", "mobilenet_v1", "--width", "0.25", "--size", "32", "seconds=0.01"}).code, 0);
  EXPECT_EQ(Linnet({"time"}).code, 2);
  EXPECT_EQ(Linnet({"time", "mobilenet_v1", "--precision", "float7"}).code, 2);
  EXPECT_EQ(Linnet({"time", "mobilenet_v1", "--batch", "0"}).code, 2);
  EXPECT_EQ(Linnet({"time", "mobilenet_v1", "--precision", "int8"}).code, 2);
}

// The longest line fits a terminal, whatever the steps are called.
TEST_F(ModelCommands, TimeForPeople) {
  for (const char* arch : {"mobilenet_v1:width=0.25,size=32", "densenet121:size=32"}) {
    const Ran ran = Linnet({"time", arch, "--seconds", "0"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    for (const std::string_view line : SplitText(ran.out, '\n')) {
      EXPECT_LE(TextColumns(line), 80u) << line;
    }
    EXPECT_THAT(ran.out, HasSubstr("why they refused:\n  a  depthwise: one group"));
    EXPECT_THAT(ran.out, HasSubstr("\nwhole "));
    EXPECT_THAT(ran.out, HasSubstr("float32 FMA "));
  }
}

TEST_F(ModelCommands, TimeAtARateAndWithAPicture) {
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"time", "--model", model_, "--seconds", "0.05", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = Linnet(words);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return nlohmann::json::parse(ran.out);
  };
  const auto paced = run({"--rate", "100"});
  EXPECT_EQ(paced["mode"], "paced");
  EXPECT_GE(paced["runs"], 2);
  EXPECT_LE(paced["runs"], 7);
  for (const std::string& picture : {picture_, std::string("generated")}) {
    const auto json = run({"--picture", picture});
    EXPECT_EQ(json["mode"], "picture");
    for (const char* stage : {"decode", "resize", "network", "whole"}) {
      EXPECT_GT(json["stages"][stage]["median_ms"], 0.0) << stage;
    }
    EXPECT_EQ(json["median_ms"], json["stages"]["whole"]["median_ms"]);
  }
  EXPECT_EQ(Linnet({"time", "--model", model_, "--picture", broken_}).code, 3);
  EXPECT_EQ(Linnet({"time", "--model", model_, "--picture", picture_, "--batch", "2"}).code, 2);
  EXPECT_EQ(Linnet({"time", "--model", model_, "--rate", "-1"}).code, 2);
}

TEST_F(ModelCommands, OnceAnswersOnce) {
  const Ran ran = Linnet({"time", "--model", model_, "--once", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_GT(nlohmann::json::parse(ran.out)["peak_memory_bytes"], 1 << 20);
  const std::string packed = folder_ / "packed";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Linnet({"time", "--model", model_, "--once", "--packed", packed}).code, 0);
    EXPECT_TRUE(std::filesystem::exists(packed));
  }
  EXPECT_EQ(Linnet({"time", "--model", model_, "--packed", packed}).code, 2);
  // There is no program to be started anew.
  EXPECT_EQ(Linnet({"time", "--model", model_, "--cold"}).code, 2);
}

TEST_F(ModelCommands, Convert) {
  const std::string out = folder_ / "model.onnx";
  const Ran ran = Linnet({"convert", model_, "--out", out, "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["file"], out);
  EXPECT_EQ(json["bytes"], std::filesystem::file_size(out));
  EXPECT_THAT(ReadFile(out), HasSubstr("linnet.labels"));
  EXPECT_EQ(Linnet({"convert", "mobilenet_v1:width=0.25,size=32", "--out", out}).code, 0);
  EXPECT_EQ(Linnet({"convert", model_, "--out", folder_ / "model.xml"}).code, 2);
  EXPECT_EQ(Linnet({"convert", model_, "--out", out, "--batch", "0"}).code, 2);
  EXPECT_EQ(Linnet({"convert", model_, "--out", folder_ / "none/model.onnx"}).code, 6);
}

}  // namespace
}  // namespace linnet
