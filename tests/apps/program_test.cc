// The program itself, as a shell sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "api/model_for_test.h"
#include "test_data.h"

namespace linnet {
namespace {

struct Ran {
  int code = 0;
  std::string out;
};

Ran RunLine(const std::string& line) {
  FILE* pipe = popen(line.c_str(), "r");
  Ran ran;
  std::array<char, 4096> buffer;
  for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    ran.out.append(buffer.data(), n);
  }
  ran.code = WEXITSTATUS(pclose(pipe));
  return ran;
}

Ran Shell(const std::string& arguments, const std::string& redirect = "2>/dev/null") {
  return RunLine(LINNET_PROGRAM " " + arguments + " " + redirect);
}

struct Counts {
  double width;
  int size;
  int64_t params, macs;
};

// The sixteen of 1704.04861 and tf-slim.
constexpr Counts kMobileNetV1[] = {
    {1, 224, 4231976, 568740352},    {1, 192, 4231976, 418121728},
    {1, 160, 4231976, 290675200},    {1, 128, 4231976, 186400768},
    {0.75, 224, 2585560, 325400448}, {0.75, 192, 2585560, 239273472},
    {0.75, 160, 2585560, 166396800}, {0.75, 128, 2585560, 106770432},
    {0.5, 224, 1331592, 149497088},  {0.5, 192, 1331592, 109970432},
    {0.5, 160, 1331592, 76524800},   {0.5, 128, 1331592, 49160192},
    {0.25, 224, 470072, 41030272},   {0.25, 192, 470072, 30212608},
    {0.25, 160, 470072, 21059200},   {0.25, 128, 470072, 13570048},
};

void ExpectShows(const Counts& expected) {
  const Ran ran = Shell("show mobilenet_v1 --width " + std::to_string(expected.width) + " --size " +
                        std::to_string(expected.size) + " --json");
  ASSERT_EQ(ran.code, 0);
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["params"], expected.params);
  EXPECT_EQ(json["macs"], expected.macs);
  EXPECT_GT(json["peak_activation_bytes"], 0);
  int64_t params = 0, macs = 0;
  for (const auto& layer : json["layers"]) {
    params += layer["params"].get<int64_t>();
    macs += layer["macs"].get<int64_t>();
  }
  EXPECT_EQ(params, expected.params);
  EXPECT_EQ(macs, expected.macs);
}

TEST(Program, ShowsTheSixteenMobileNets) {
  for (const Counts& counts : kMobileNetV1) ExpectShows(counts);
}

TEST(Program, MeasuresItsOwnColdStart) {
  const Ran ran = Shell("time mobilenet_v1 --width 0.25 --size 32 --cold --json");
  ASSERT_EQ(ran.code, 0) << ran.out;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["mode"], "cold");
  EXPECT_GE(json["runs"], 5);
  EXPECT_GT(json["median_ms"], 0.1);
  EXPECT_GT(json["peak_memory_bytes"], 1 << 20);
  EXPECT_GT(json["packed"]["median_ms"], 0.1);
  EXPECT_GT(json["packed"]["peak_memory_bytes"], 1 << 20);
  EXPECT_EQ(Shell("time --model /no/such/model --cold").code, 6);
}

// Columns: name, year, paper, input, classes, params, where from, running statistics, macs.
TEST(Program, ShowsWhatTheReferenceTableSays) {
  const auto path = TestData("../reference/architectures.tsv");
  if (!path) GTEST_SKIP() << "the reference table of architectures is not here";
  std::ifstream file(*path);
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    double width;
    int size;
    if (std::sscanf(line.c_str(), "MobileNetV1 %lf-%d\t", &width, &size) != 2) continue;
    std::istringstream cells(line);
    std::vector<std::string> cell;
    for (std::string text; std::getline(cells, text, '\t');) cell.push_back(text);
    if (cell.at(4) != "1000") continue;
    ExpectShows({width, size, std::stoll(cell.at(5)), std::stoll(cell.at(8))});
    ++rows;
  }
  EXPECT_EQ(rows, 16);
}

TEST(Program, ExitCodesReachTheShell) {
  EXPECT_EQ(Shell("archs").code, 0);
  EXPECT_EQ(Shell("").code, 2);
  EXPECT_EQ(Shell("--nonsense").code, 2);
  EXPECT_EQ(Shell("show /no/such/file").code, 6);
}

TEST(Program, WordsGoToStandardErrorOnly) {
  EXPECT_EQ(Shell("shwo").out, "");
  EXPECT_THAT(Shell("shwo", "2>&1 >/dev/null").out, testing::HasSubstr("did you mean 'show'"));
}

TEST(Program, SaysWhenItsOutputCannotBeWritten) { EXPECT_EQ(Shell("archs > /dev/full").code, 6); }

// Asked to end while it trains, it leaves a checkpoint and says so.
TEST(Program, EndsInOrderWhenItIsAskedTo) {
  const TemporaryFolder folder;
  const std::string out = folder / "run";
  const std::string train =
      LINNET_PROGRAM
      " train mobilenet_v1 --width 0.125 --size 16 --data shapes:count=200,size=16 --batch 16"
      " --epochs 100000 --threads 1 --quiet 2>/dev/null --out " +
      out;
  const Ran ran = RunLine(train + " & for i in $(seq 600); do [ -s " + out +
                          "/log.csv ] && break; sleep 0.1; done; kill -TERM $!; wait $!");
  EXPECT_EQ(ran.code, 130);
  EXPECT_TRUE(std::filesystem::exists(out + "/checkpoint.safetensors"));
}

TEST(Examples, ClassifyInTwoLanguages) {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", picture = folder / "picture.ppm";
  SaveModel(model, ModelForTest());
  WriteFileAtomic(picture, PictureForTest(40, 30));
  const Ran predict = Shell("predict --json --model " + model + " " + picture);
  const std::string best = nlohmann::json::parse(predict.out)[0]["labels"][0]["label"];
  for (const std::string program : {LINNET_EXAMPLE, LINNET_EXAMPLE_C}) {
    const Ran ran = RunLine(program + " " + model + " " + picture);
    EXPECT_EQ(ran.code, 0) << program;
    EXPECT_THAT(ran.out.substr(0, ran.out.find('\n')), testing::HasSubstr(best));
    EXPECT_EQ(RunLine(program + " 2>/dev/null").code, 2);
    EXPECT_EQ(RunLine(program + " " + picture + " " + picture + " 2>/dev/null").code, 6);
    EXPECT_EQ(RunLine(program + " " + model + " " + model + " 2>/dev/null").code, 3);
  }
}

// Of the runtime library.
TEST(Examples, RunInTwoLanguages) {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", picture = folder / "picture.ppm";
  const std::string packed = folder / "packed";
  SaveModel(model, ModelThatNeedsFloat());
  WriteFileAtomic(picture, PlainPicture(/*green=*/true, 200));
  for (const char* weights : {"bytes, arena", "bytes, mapped, arena"}) {
    const Ran ran = RunLine(LINNET_EXAMPLE_RUN " " + model + " " + packed);
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.out, testing::StartsWith("the same answers; weights "));
    EXPECT_THAT(ran.out, testing::HasSubstr(weights));
  }
  const Ran ran = RunLine(LINNET_EXAMPLE_RUN_C " " + model + " " + picture);
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, testing::StartsWith("1 green "));
  for (const std::string program : {LINNET_EXAMPLE_RUN, LINNET_EXAMPLE_RUN_C}) {
    EXPECT_EQ(RunLine(program + " 2>/dev/null").code, 2);
    EXPECT_EQ(RunLine(program + " " + picture + " " + picture + " 2>/dev/null").code, 6);
  }
}

// The README's code is the example's, between its marks.
TEST(Examples, ReadmeShowsTheExample) {
  const std::string root = LINNET_SOURCE_DIR, example = ReadFile(root + "/examples/classify.cc");
  const size_t begin = example.find('\n', example.find("// README:")) + 1;
  const std::string code =
      example.substr(begin, example.rfind('\n', example.find("// :README")) - begin + 1);
  ASSERT_GT(code.size(), 100u);
  EXPECT_THAT(ReadFile(root + "/README.md"), testing::HasSubstr(code));
}

// Dynamic symbols that are strong and not of the C++ library: only what the headers declare.
TEST(Library, ShowsOnlyThePublicApi) {
  const Ran ran = RunLine("nm -D --defined-only -C " LINNET_LIBRARY);
  ASSERT_EQ(ran.code, 0);
  std::istringstream lines(ran.out);
  int shown = 0;
  for (std::string address, kind, name; lines >> address >> kind && std::getline(lines, name);) {
    if (kind != "T" && kind != "B" && kind != "D") continue;
    ++shown;
    const bool is_public = name.starts_with(" linnet_") ||
                           name.starts_with(" linnet::Classifier::") ||
                           name.starts_with(" linnet::Failure::") || name == " linnet::Version()" ||
                           name.starts_with(" linnet::RunCommandLine(");
    EXPECT_TRUE(is_public) << name;
  }
  EXPECT_GT(shown, 15);
}

}  // namespace
}  // namespace linnet
