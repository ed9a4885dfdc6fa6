#include "api/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/units.h"

namespace linnet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

struct TestArgs {
  static constexpr const char* kPositional = "files";
  static constexpr std::array kRequired = {"model"};
  std::string model;
  std::vector<std::string> files;
  int threads = 1;
  bool fast_mode = false;
  Duration latency;
  OptionList arch_options;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("model", self.model, "file of a model");
    v("files", self.files, "pictures");
    v("threads", self.threads, "threads to use");
    v("fast_mode", self.fast_mode, "be fast");
    v("latency", self.latency, "most time");
  }
};

CommandResult Echo(const TestArgs& args, const CommandContext&) {
  Json options = Json::object();
  for (const auto& [key, value] : args.arch_options) options[key] = value;
  return {.json = {{"model", args.model},
                   {"files", args.files},
                   {"threads", args.threads},
                   {"fast_mode", args.fast_mode},
                   {"latency_ms", args.latency.ms()},
                   {"options", options}}};
}

const Command& TestCommand() {
  static const Command command =
      MakeCommand<TestArgs>("test", "tests the parser", "linnet test a.jpg", Echo);
  return command;
}

OptionList Values(const std::vector<std::string>& words) {
  return ParseWords(TestCommand(), words).values;
}

Json Echoed(const std::vector<std::string>& words) {
  return TestCommand().run(Values(words), {}).json;
}

std::string ErrorOf(const std::vector<std::string>& words) {
  try {
    Echoed(words);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(Words, ThreeWaysToGiveAValue) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"--threads", "2"}, {"--threads=2"}, {"threads=2"}}) {
    EXPECT_THAT(Values(words), ElementsAre(Pair("threads", "2")));
  }
  EXPECT_THAT(Values({"--model", "a=b"}), ElementsAre(Pair("model", "a=b")));
  EXPECT_THAT(Values({"--model=a=b"}), ElementsAre(Pair("model", "a=b")));
  EXPECT_THAT(Values({"--threads", "-1"}), ElementsAre(Pair("threads", "-1")));
}

TEST(Words, DashesAndUnderscoresAreTheSame) {
  for (const char* word : {"--fast-mode", "--fast_mode", "fast-mode=true", "fast_mode=true"}) {
    EXPECT_THAT(Values({word}), ElementsAre(Pair("fast_mode", "true"))) << word;
  }
}

TEST(Words, ABoolNeedsNoValue) {
  EXPECT_THAT(Values({"--fast-mode", "a.jpg"}),
              ElementsAre(Pair("fast_mode", "true"), Pair("files", "a.jpg")));
  EXPECT_THAT(Values({"--fast-mode", "false"}), ElementsAre(Pair("fast_mode", "false")));
  const std::vector<std::string> words = {"--json", "a.jpg", "--quiet"};
  const ParsedWords parsed = ParseWords(TestCommand(), words);
  EXPECT_TRUE(parsed.json);
  EXPECT_TRUE(parsed.quiet);
  EXPECT_FALSE(parsed.help);
  EXPECT_THAT(parsed.values, ElementsAre(Pair("files", "a.jpg")));
}

TEST(Words, BareWordsAreThePositional) {
  EXPECT_THAT(Values({"a.jpg", "--threads", "2", "b,c.jpg", "--", "--d.jpg"}),
              ElementsAre(Pair("files", "a.jpg"), Pair("threads", "2"), Pair("files", "b,c.jpg"),
                          Pair("files", "--d.jpg")));
  EXPECT_EQ(Echoed({"model=m", "a.jpg", "b,c.jpg"})["files"].dump(), R"(["a.jpg","b,c.jpg"])");
  // Not a key: the options of an architecture written as one word.
  EXPECT_THAT(Values({"mobilenet_v1:width=0.5,size=160"}),
              ElementsAre(Pair("files", "mobilenet_v1:width=0.5,size=160")));
}

TEST(Words, LastValueHolds) {
  EXPECT_EQ(Echoed({"model=m", "--threads", "2", "threads=3"})["threads"], 3);
}

TEST(Words, OptionsOfArchitecturesAreFlags) {
  const Json json = Echoed({"model=m", "--width", "0.5", "--small-input"});
  EXPECT_EQ(json["options"].dump(), R"({"width":"0.5","small_input":"true"})");
}

// A bool of one architecture, a number of another: it needs its value.
TEST(Words, AnOptionThatIsNotABoolEverywhere) {
  const Json json = Echoed({"model=m", "--head", "1024", "a.jpg"});
  EXPECT_EQ(json["options"].dump(), R"({"head":"1024"})");
}

TEST(Words, ErrorsSayWhatWasMeant) {
  EXPECT_EQ(ErrorOf({"model=m", "--thread", "2"}),
            "test: there is no flag --thread; did you mean --threads? `linnet test --help` lists "
            "them");
  EXPECT_THAT(ErrorOf({"model=m", "thread=2"}), HasSubstr("did you mean --threads?"));
  EXPECT_THAT(ErrorOf({"model=m", "--xyzzyxyzzy", "2"}), testing::Not(HasSubstr("did you mean")));
  EXPECT_EQ(ErrorOf({"model=m", "--threads"}), "test: --threads has no value; expected an integer");
  EXPECT_EQ(ErrorOf({"model=m", "--threads", "--json"}),
            "test: --threads has no value; expected an integer");
  EXPECT_EQ(ErrorOf({"model=m", "--threads", "two"}), "test: --threads two: expected an integer");
  EXPECT_EQ(ErrorOf({"model=m", "--latency", "3"}),
            "test: --latency 3: expected a time such as 0.3ms, 2s or 10min");
  EXPECT_EQ(ErrorOf({"a.jpg"}), "test: --model is missing: file of a model");
  EXPECT_EQ(ErrorOf({"--model="}), "test: --model is missing: file of a model");
  EXPECT_EQ(ErrorOf({"-x"}), "test: '-x': flags begin with two dashes");
}

TEST(Words, HelpComesFromTheFields) {
  const std::string help = CommandHelp(TestCommand());
  EXPECT_THAT(help, HasSubstr("usage: linnet test FILES... [--key value | key=value]..."));
  EXPECT_THAT(help, testing::ContainsRegex("--model +\\(required\\) +file of a model"));
  EXPECT_THAT(help, testing::ContainsRegex("--threads +\\[1\\] +threads to use"));
  EXPECT_THAT(help, HasSubstr("`linnet archs NAME` lists them"));
  EXPECT_THAT(help, HasSubstr("example:\n  linnet test a.jpg\n"));
}

TEST(CommandTable, EveryVerbHasWhatHelpNeeds) {
  for (const Command& command : AllCommands()) {
    EXPECT_THAT(command.example, testing::StartsWith("linnet " + command.verb));
    EXPECT_FALSE(command.summary.empty());
    EXPECT_FALSE(command.summary.ends_with(".")) << command.summary;
    for (const FlagDoc& flag : command.flags) {
      EXPECT_FALSE(flag.doc.empty()) << command.verb << " --" << flag.name;
    }
    EXPECT_THAT(CommandHelp(command), HasSubstr("example:\n  linnet " + command.verb));
    EXPECT_THAT(GeneralHelp(), HasSubstr("\n  " + command.verb + " "));
    EXPECT_EQ(FindCommand(command.verb), &command);
  }
}

// A flag that an example uses and the verb does not have would be found by the first reader.
TEST(CommandTable, ExamplesParse) {
  for (const Command& command : AllCommands()) {
    for (const std::string_view line : SplitText(command.example, '\n')) {
      std::vector<std::string> words;
      for (const std::string_view word : SplitText(line, ' ')) words.emplace_back(word);
      const size_t verb_words = SplitText(command.verb, ' ').size();
      ASSERT_GT(words.size(), verb_words) << line;
      const ParsedWords parsed = ParseWords(command, std::span(words).subspan(1 + verb_words));
      EXPECT_NO_THROW(internal::ExpectRequired(command.verb, command.flags, parsed.values)) << line;
    }
  }
}

}  // namespace
}  // namespace linnet
