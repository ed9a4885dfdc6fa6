// Words in, streams and exit codes out.
#include "api/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>

#include "api/run_for_test.h"
#include "base/error.h"
#include "base/file.h"
#include "test_data.h"

namespace linnet {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Run, HelpGoesToStandardOutput) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--help"}, {"-h"}, {"help"}}) {
    const Ran ran = Linnet(words);
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.out, HasSubstr("linnet VERB"));
    EXPECT_THAT(ran.out, HasSubstr("exit codes: 0 done"));
    EXPECT_EQ(ran.err, "");
  }
  EXPECT_THAT(Linnet({"help", "show"}).out, StartsWith("linnet show: "));
  EXPECT_THAT(Linnet({"show", "--help"}).out, StartsWith("linnet show: "));
  EXPECT_THAT(Linnet({"show", "mobilenet_v1", "-h"}).out, StartsWith("linnet show: "));
  EXPECT_THAT(Linnet({"--version"}).out, StartsWith("linnet "));
}

TEST(Run, NoWordsIsWrongUsage) {
  const Ran ran = Linnet({});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("linnet VERB"));
}

TEST(Run, HelpAsJsonHoldsTheWholeTable) {
  const auto json = nlohmann::json::parse(Linnet({"help", "--json"}).out);
  EXPECT_EQ(json["schema"], "linnet.help/1");
  EXPECT_EQ(json["commands"][0]["verb"], "archs");
  EXPECT_EQ(json["commands"][0]["flags"][0]["name"], "family");
}

TEST(Run, UnknownVerb) {
  const Ran ran = Linnet({"shwo"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "linnet: there is no verb 'shwo'; did you mean 'show'? `linnet --help` lists them\n");
}

TEST(Run, ErrorsAreOneJsonDocumentToo) {
  const Ran ran = Linnet({"show", "mobilenet_v7", "--json"});
  EXPECT_EQ(ran.code, 2);
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["schema"], "linnet.error/1");
  EXPECT_EQ(json["error"]["exit_code"], 2);
  EXPECT_EQ(json["error"]["kind"], "usage");
  EXPECT_THAT(std::string(json["error"]["message"]), HasSubstr("did you mean 'mobilenet_v1'"));
  EXPECT_THAT(ran.err, StartsWith("linnet: there is no architecture"));
}

TEST(Run, JsonIsWhatTheCommandTakesForIt) {
  EXPECT_EQ(Linnet({"show", "mobilenet_v7", "--json", "false"}).out, "");
  EXPECT_EQ(Linnet({"predict", "--model", "none", "--", "--json"}).out, "");
  EXPECT_THAT(Linnet({"show", "mobilenet_v7", "json=true"}).out, HasSubstr("linnet.error/1"));
}

TEST(Run, AWordTooLongForAFileName) {
  const Ran ran = Linnet({"show", "mobilenet_v1", "note=" + std::string(300, 'x')});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("there is no flag --note"));
}

TEST(Run, ExitCodes) {
  EXPECT_EQ(Linnet({"archs"}).code, 0);
  EXPECT_EQ(Linnet({"archs", "--colour"}).code, 2);
  EXPECT_EQ(Linnet({"archs", "--family", "nothing"}).code, 2);
  EXPECT_EQ(Linnet({"show"}).code, 2);
  EXPECT_EQ(Linnet({"show", "mobilenet_v1", "--width", "wide"}).code, 2);
  EXPECT_EQ(Linnet({"show", "mobilenet_v1", "--conv", "plain"}).code, 2);
  EXPECT_EQ(Linnet({"show", "no/such/file.txt"}).code, 6);
}

// What a command throws, thrown where it would begin.
TEST(Run, WhateverIsThrownHasAnExitCode) {
  const auto thrown = [](const auto& exception) {
    Ran ran;
    const CommandStreams streams{.out = [&](std::string_view text) { ran.out += text; },
                                 .err = [&](std::string_view text) { ran.err += text; },
                                 .progress = ProgressSink::Quiet()};
    const std::vector<std::string> words = {"archs", "--json"};
    ran.code = RunWords(words, streams, nullptr, [&](bool) { throw exception; });
    const auto json = nlohmann::json::parse(ran.out);
    EXPECT_EQ(json["error"]["exit_code"], ran.code);
    EXPECT_EQ(ran.err, "linnet: " + json["error"]["message"].get<std::string>() + "\n");
    return std::to_string(ran.code) + " " + ran.err;
  };
  EXPECT_EQ(thrown(Error(ErrorKind::kData, "a word")), "3 linnet: a word\n");
  EXPECT_EQ(thrown(Error(ErrorKind::kInternal, "a word")), "1 linnet: internal error: a word\n");
  EXPECT_EQ(thrown(std::bad_alloc()), "1 linnet: out of memory\n");
  EXPECT_EQ(thrown(std::runtime_error("a word")), "1 linnet: internal error: a word\n");
  EXPECT_THAT(thrown(std::filesystem::filesystem_error(
                  "cannot do", "there", std::make_error_code(std::errc::permission_denied))),
              testing::AllOf(StartsWith("6 linnet: "), HasSubstr("there")));
}

TEST(Archs, JsonIsAList) {
  const auto json = nlohmann::json::parse(Linnet({"archs", "--json"}).out);
  ASSERT_TRUE(json.is_array());
  EXPECT_GE(json.size(), 20u);
  for (const auto& row : json) {
    for (const char* key : {"name", "family", "params", "macs", "input", "top1", "paper"}) {
      EXPECT_TRUE(row.contains(key)) << key;
    }
  }
  EXPECT_EQ(json[0]["name"], "alexnet");
}

TEST(Archs, Filters) {
  const auto count = [](const std::vector<std::string>& filters) {
    std::vector<std::string> words = {"archs", "--json"};
    words.insert(words.end(), filters.begin(), filters.end());
    return nlohmann::json::parse(Linnet(words).out).size();
  };
  const size_t all = count({"--family", "mobilenet_v1"});
  EXPECT_LT(count({"mobilenet_v1", "--max-macs", "150M"}), all);
  EXPECT_EQ(count({"mobilenet_v1", "max_params=0.5M", "max_macs=41.1M"}), 5u);
  EXPECT_EQ(count({"--max-macs", "1"}), 0u);
}

TEST(Show, ReadsAGraphWrittenByHand) {
  const TemporaryFolder folder;
  const std::string path = folder / "tiny.txt";
  WriteFileAtomic(path, R"(linnet-graph 1
name tiny
image = input(height=8, width=8)
conv = conv2d(image, out_channels=4, kernel=3)
return conv
)");
  const auto json = nlohmann::json::parse(Linnet({"show", path, "--json"}).out);
  EXPECT_EQ(json["name"], "tiny");
  EXPECT_EQ(json["macs"], 6 * 6 * 4 * 27);
  EXPECT_EQ(Linnet({"show", path, "--width", "1"}).code, 2);
  WriteFileAtomic(path, "linnet-graph 1\nx = nothing()\n");
  const Ran ran = Linnet({"show", path});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr(path));
}

TEST(Show, WritesDrawings) {
  const TemporaryFolder folder;
  const std::string svg = folder / "network.svg", dot = folder / "network.dot";
  const Ran ran = Linnet({"show", "mobilenet_v1", "--svg", svg, "--dot", dot});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ReadFile(svg), StartsWith("<svg "));
  EXPECT_THAT(ReadFile(dot), StartsWith("digraph "));
  EXPECT_THAT(ran.out, HasSubstr("written: " + svg));
  EXPECT_EQ(Linnet({"show", "mobilenet_v1", "--svg", folder / "no/such/a.svg"}).code, 6);
}

}  // namespace
}  // namespace linnet
