// Every `linnet ...` in the documents is a command line of today.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <sstream>

#include "api/words.h"
#include "base/error.h"
#include "base/file.h"

namespace linnet {
namespace {

// What is wrong with "VERB words... [# comment | > file | | program]"; empty: nothing.
std::string WhatIsWrong(const std::string& line) {
  std::istringstream text(line);
  std::vector<std::string> words;
  for (std::string word; text >> word && word[0] != '#' && word[0] != '>' && word[0] != '|';) {
    if (word != "...") words.push_back(word);
  }
  if (words.empty() || words[0].starts_with("--") || words[0] == "help") return "";
  const Command* command = FindCommand(words[0]);
  size_t verb = 1;
  if (command == nullptr && words.size() > 1) {
    command = FindCommand(words[0] + " " + words[1]);
    verb = 2;
  }
  if (command == nullptr) return "no such verb";
  try {
    ParseWords(*command, std::span(words).subspan(verb));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Documents, ShowCommandLinesOfToday) {
  const std::filesystem::path root = LINNET_SOURCE_DIR;
  std::vector<std::filesystem::path> pages = {root / "README.md", root / "CONTRIBUTING.md"};
  for (const char* folder : {"docs", "experiments"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() == ".md") pages.push_back(entry.path());
    }
  }
  const std::regex line("(?:\n|`)linnet ([^`\n]+)");
  int lines = 0;
  for (const auto& page : pages) {
    const std::string text = ReadFile(page.string());
    for (std::sregex_iterator it(text.begin(), text.end(), line), end; it != end; ++it, ++lines) {
      EXPECT_EQ(WhatIsWrong((*it)[1]), "") << page << ": " << (*it)[0];
    }
  }
  EXPECT_GT(lines, 20);
}

TEST(Documents, WhatIsWrongIsFound) {
  EXPECT_EQ(WhatIsWrong("archs --json > file"), "");
  EXPECT_EQ(WhatIsWrong("data check --data flowers  # words"), "");
  EXPECT_EQ(WhatIsWrong("shwo mobilenet_v1"), "no such verb");
  EXPECT_NE(WhatIsWrong("show mobilenet_v1 --colour red"), "");
}

}  // namespace
}  // namespace linnet
