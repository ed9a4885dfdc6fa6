// data make, data check, train, fit: end to end, on little pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "api/model_for_test.h"
#include "api/run_for_test.h"
#include "base/file.h"
#include "test_data.h"

namespace linnet {
namespace {

using testing::HasSubstr;

constexpr const char* kData = "shapes:count=200,size=16";

std::vector<std::string> TrainWords(const std::string& out) {
  return {"train",   "mobilenet_v1", "--width",   "0.125",    "--data",
          kData,     "--out",        out,         "--epochs", "2",
          "--batch", "32",           "--threads", "1",        "--json"};
}

TEST(DataMake, MakesAFolderThatChecks) {
  const TemporaryFolder folder;
  const std::string out = folder / "shapes";
  const Ran made =
      Linnet({"data", "make", "shapes", "--out", out, "--count", "100", "--size", "16"});
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("100 pictures of 16x16 in 10 classes"));
  EXPECT_TRUE(std::filesystem::is_directory(out + "/train/circle"));
  const Ran again = Linnet({"data", "make", "shapes", "--out", out, "--count", "100"});
  EXPECT_EQ(again.code, 2);

  const Ran checked = Linnet({"data", "check", out, "--json", "--quiet"});
  EXPECT_EQ(checked.code, 0) << checked.out;
  EXPECT_EQ(checked.err, "");
  const auto json = nlohmann::json::parse(checked.out);
  EXPECT_EQ(json["schema"], "linnet.data_check/1");
  EXPECT_EQ(json["images"], 100);
  EXPECT_EQ(json["classes"], 10);
  for (const char* key : {"broken", "duplicates", "leaks"})
    EXPECT_TRUE(json[key].is_array()) << key;
}

TEST(DataCheck, ExitCodeTellsOfBrokenAndLeakingPictures) {
  const TemporaryFolder folder;
  const std::string data = folder / "shapes";
  ASSERT_EQ(
      Linnet({"data", "make", "shapes", "--out", data, "--count", "100", "--size", "16"}).code, 0);
  const std::string from =
      (*std::filesystem::recursive_directory_iterator(data + "/train/star")).path().string();
  std::filesystem::copy_file(from, data + "/test/star/copy.png");
  WriteFileAtomic(data + "/train/star/broken.png", "\x89PNG\r\n\x1a\n and no more");
  const Ran ran = Linnet({"data", "check", data, "--json"});
  EXPECT_EQ(ran.code, 3);
  const auto json = nlohmann::json::parse(ran.out);
  ASSERT_EQ(json["broken"].size(), 1u);
  EXPECT_THAT(std::string(json["broken"][0]["file"]), HasSubstr("broken.png"));
  EXPECT_EQ(json["leaks"].size(), 1u);
  EXPECT_EQ(Linnet({"data", "check", folder / "nothing"}).code, 6);
  EXPECT_EQ(Linnet({"data", "check"}).code, 2);
  EXPECT_THAT(Linnet({"data"}).out, HasSubstr("data make"));
  EXPECT_THAT(Linnet({"data", "chekc"}).err, HasSubstr("did you mean 'data check'"));
}

TEST(DataCheck, ItsFlags) {
  const TemporaryFolder folder;
  const std::string data = folder / "data";
  for (const char* label : {"/train/a", "/train/b"}) {
    std::filesystem::create_directories(data + label);
  }
  WriteFileAtomic(data + "/train/a/0.ppm", PictureForTest(40, 40));
  WriteFileAtomic(data + "/train/a/1.ppm", PictureForTest(40, 40, 90));
  WriteFileAtomic(data + "/train/a/2.ppm", PictureForTest(24, 40, 30));
  std::string darker = PictureForTest(40, 40);
  for (size_t i = darker.size() - 3 * 40 * 40; i < darker.size(); ++i) {
    const auto level = static_cast<uint8_t>(darker[i]);
    darker[i] = static_cast<char>(level - (level > 3 ? 3 : 0));
  }
  WriteFileAtomic(data + "/train/b/0.ppm", darker);
  const auto check = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> words = {"data", "check", data};
    words.insert(words.end(), flags.begin(), flags.end());
    return Linnet(words).out;
  };
  const auto json = nlohmann::json::parse(check({"--json"}));
  EXPECT_EQ(json["duplicates"].size(), 1u) << json;
  EXPECT_EQ(json["tiny"].size(), 0u);
  const auto other =
      nlohmann::json::parse(check({"--json", "--near-duplicates", "false", "--tiny-side", "30"}));
  EXPECT_EQ(other["duplicates"].size(), 0u);
  ASSERT_EQ(other["tiny"].size(), 1u);
  EXPECT_EQ(other["tiny"][0]["file"], "train/a/2.ppm");
  const auto listed = [&](const char* count) {
    const std::string text = check({"--tiny-side", "100", "--list", count});
    size_t lines = 0;
    for (size_t at = 0; (at = text.find(": 40 x 40", at)) != std::string::npos; ++at) ++lines;
    return lines;
  };
  EXPECT_EQ(listed("2"), 2u) << check({"--tiny-side", "100", "--list", "2"});
  EXPECT_EQ(listed("9"), 3u) << check({"--tiny-side", "100", "--list", "9"});
}

TEST(Train, LeavesARunThatOtherVerbsUse) {
  const TemporaryFolder folder;
  const std::string out = folder / "run";
  const Ran ran = Linnet(TrainWords(out));
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["schema"], "linnet.train/1");
  EXPECT_THAT(std::string(json["arch"]), testing::StartsWith("mobilenet_v1:width=0.125"));
  EXPECT_EQ(json["log"].size(), 2u);
  EXPECT_EQ(json["split"], "test");
  for (const char* name :
       {"best.safetensors", "last.safetensors", "log.csv", "report.html", "arguments.json"}) {
    EXPECT_TRUE(std::filesystem::exists(out + "/" + name)) << name;
  }
  // What train says is what eval measures on the file.
  const Ran eval = Linnet({"eval", json["file"], "--data", kData, "--json"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_EQ(nlohmann::json::parse(eval.out)["top1"], json["top1"]);
  // A run that has ended is not made again.
  const std::string weights = ReadFile(out + "/best.safetensors");
  const Ran again = Linnet(TrainWords(out));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(nlohmann::json::parse(again.out)["images_per_second"], 0);
  std::vector<std::string> for_people = TrainWords(out);
  for_people.pop_back();
  EXPECT_THAT(Linnet(for_people).out, HasSubstr("nothing was left to train"));
  EXPECT_EQ(ReadFile(out + "/best.safetensors"), weights);
  // One that is refused leaves the record of what is there.
  const std::string arguments = ReadFile(out + "/arguments.json");
  std::vector<std::string> other = TrainWords(out);
  other.insert(other.end(), {"--lr", "0.01"});
  EXPECT_EQ(Linnet(other).code, 2);
  EXPECT_EQ(ReadFile(out + "/arguments.json"), arguments);
}

// Whoever measures a model on the set it comes from meets none of the pictures it was trained on;
// and names of folders are bytes, not always UTF-8.
TEST(Train, EvalHoldsOutWhatTrainingHeldOut) {
  const TemporaryFolder folder;
  const std::string data = folder / "shapes", out = folder / "run";
  ASSERT_EQ(
      Linnet({"data", "make", "shapes", "--out", data, "--count", "200", "--size", "16"}).code, 0);
  const std::string set = data + "/train";  // folders of classes, without splits
  std::filesystem::rename(set + "/star", set + "/\xE9toile");
  const Ran ran = Linnet({"train", "mobilenet_v1", "--width", "0.125", "--size", "16", "--data",
                          set, "--out", out, "--epochs", "1", "--batch", "16", "--val-fraction",
                          "0.4", "--threads", "1", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Ran eval = Linnet({"eval", out + "/best.safetensors", "--data", set, "--split", "val",
                           "--threads", "1", "--json"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  const auto trained = nlohmann::json::parse(ran.out), measured = nlohmann::json::parse(eval.out);
  EXPECT_EQ(trained["split"], "val");
  EXPECT_EQ(measured["count"], trained["count"]);
  EXPECT_EQ(measured["top1"], trained["top1"]);
  // The same pictures, where the set says which are to train.
  const std::string split = folder / "split";
  std::filesystem::create_directory(split);
  std::filesystem::copy(set, split + "/train", std::filesystem::copy_options::recursive);
  const Ran held =
      Linnet({"eval", out + "/best.safetensors", "--data", split, "--threads", "1", "--json"});
  ASSERT_EQ(held.code, 0) << held.err;
  EXPECT_EQ(nlohmann::json::parse(held.out)["split"], "val");
  EXPECT_EQ(nlohmann::json::parse(held.out)["top1"], trained["top1"]);
  // And none of those that were held out counts as one to train on.
  std::string counts[2];
  for (const bool has_splits : {false, true}) {
    const Ran ran = Linnet({"eval", out + "/best.safetensors", "--data", has_splits ? split : set,
                            "--split", "train", "--threads", "1", "--json"});
    counts[has_splits] = nlohmann::json::parse(ran.out)["count"].dump();
  }
  EXPECT_EQ(counts[0], counts[1]);
  const Ran again = Linnet({"train", out + "/best.safetensors", "--data", set, "--out", out});
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(again.err, HasSubstr("is a trained model"));
}

TEST(Train, WithoutValidationTheLastWeightsAreTheModel) {
  const TemporaryFolder folder;
  const std::string data = folder / "shapes", out = folder / "run";
  ASSERT_EQ(
      Linnet({"data", "make", "shapes", "--out", data, "--count", "100", "--size", "16"}).code, 0);
  const Ran ran = Linnet({"train", "mobilenet_v1", "--width", "0.125", "--size", "16", "--data",
                          data + "/train", "--out", out, "--epochs", "1", "--batch", "16",
                          "--val-fraction", "0", "--threads", "1", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["split"], "train");
  EXPECT_TRUE(json["log"][0]["val_top1"].is_null());
  EXPECT_EQ(json["best_epoch"], 1);
  const std::string record = LoadModel(out + "/best.safetensors").record;
  EXPECT_EQ(nlohmann::json::parse(record)["best_epoch"], 1);
  EXPECT_EQ(ReadFile(out + "/best.safetensors"), ReadFile(out + "/last.safetensors"));
  EXPECT_EQ(Linnet({"train", "--data", data, "--out", out, "--val-fraction", "1"}).code, 2);
}

TEST(Train, InterruptedAndContinuedEndsAsOneThatWasNot) {
  const TemporaryFolder folder;
  const std::atomic<bool> stop{true};
  const Ran interrupted = Linnet(TrainWords(folder / "a"), &stop);
  EXPECT_EQ(interrupted.code, 130);
  EXPECT_EQ(nlohmann::json::parse(interrupted.out)["error"]["kind"], "interrupted");
  const Ran continued = Linnet(TrainWords(folder / "a"));
  EXPECT_EQ(continued.code, 0) << continued.err;
  EXPECT_EQ(Linnet(TrainWords(folder / "b")).code, 0);
  EXPECT_EQ(ReadFile(folder / "a/best.safetensors"), ReadFile(folder / "b/best.safetensors"));
  EXPECT_EQ(ReadFile(folder / "a/last.safetensors"), ReadFile(folder / "b/last.safetensors"));
}

TEST(Train, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const std::string out = folder / "run";
  EXPECT_EQ(Linnet({"train", "--out", out}).code, 2);
  EXPECT_EQ(Linnet({"train", "--data", kData, "--out", ""}).code, 2);
  const Ran threads = Linnet({"train", "--data", kData, "--out", out, "--threads", "100000"});
  EXPECT_EQ(threads.code, 2);
  EXPECT_THAT(threads.err, HasSubstr("threads=100000"));
  EXPECT_EQ(Linnet({"train", "--data", folder / "none", "--out", out}).code, 6);
  EXPECT_EQ(Linnet({"train", "mobilenet", "--data", kData, "--out", out}).code, 2);
  const Ran absent = Linnet({"train", "absent/net.txt", "--data", kData, "--out", out});
  EXPECT_EQ(absent.code, 6);
  EXPECT_THAT(absent.err, HasSubstr("absent/net.txt: there is no such file"));
  EXPECT_EQ(Linnet({"train", "--data", kData, "--out", out, "--epochs", "many"}).code, 2);
  EXPECT_EQ(Linnet({"train", "--data", kData, "--out", out, "--augment", "flip"}).code, 2);
  EXPECT_EQ(Linnet({"train", "--data", kData, "--out", out, "--augment", "flap=1"}).code, 2);
  EXPECT_EQ(Linnet({"train", "--data", kData, "--out", out, "--pipeline", "crop_pct=7"}).code, 2);
}

TEST(Fit, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  EXPECT_EQ(Linnet({"fit", "--data", kData}).code, 2);  // no budget
  EXPECT_EQ(Linnet({"fit", "--latency", "1ms"}).code, 2);
  const Ran ran = Linnet({"fit", "--data", kData, "--latency", "1"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("expected a time such as"));
}

TEST(SlowFit, MeetsABudgetOrSaysThatItCannot) {
  const TemporaryFolder folder;
  const std::vector<std::string> words = {"fit",          "--data",    kData, "--out",
                                          folder / "fit", "--minutes", "0.3", "--widths",
                                          "0.125,0.25",   "--sizes",   "16",  "--json"};
  std::vector<std::string> possible = words, impossible = words;
  possible.insert(possible.end(), {"--latency", "1s", "--size", "2MB"});
  const Ran ran = Linnet(possible);
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  for (const char* key : {"arch", "options", "top1", "latency_ms", "file", "candidates"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["candidates"].size(), 2u);
  EXPECT_TRUE(std::filesystem::exists(folder / "fit/report.html"));
  EXPECT_TRUE(std::filesystem::exists(folder / "fit/fit.json"));
  EXPECT_EQ(Linnet({"eval", json["file"], "--data", kData}).code, 0);

  impossible.insert(impossible.end(), {"--latency", "1ns"});
  const Ran failed = Linnet(impossible);
  EXPECT_EQ(failed.code, 5);
  EXPECT_THAT(failed.err, HasSubstr("nearest"));
}

}  // namespace
}  // namespace linnet
