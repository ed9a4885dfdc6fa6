// The words of a command line, and help.
//
//   linnet VERB [--key value | --key=value | key=value | word]...
//
// Keys may be written with '-' or '_'. A flag that is true or false needs no value. '--' ends the
// flags. (Bare key=value, and flags known only through an architecture, are why no library for
// flags is used.)
#ifndef LINNET_API_WORDS_H_
#define LINNET_API_WORDS_H_

#include <span>
#include <string>

#include "api/command.h"

namespace linnet {

struct ParsedWords {
  OptionList values;  // by the names of FlagDoc, in the order given
  bool help = false;
  bool json = false;
  bool quiet = false;
};

// 'words': those after the verb. Error (kUsage) that names the word, and the nearest flag to an
// unknown one.
ParsedWords ParseWords(const Command& command, std::span<const std::string> words);

// "--json" is among the words: for errors that come before parsing has ended.
bool WantsJson(std::span<const std::string> words);

// `linnet --help`; with a group ("data"): only its verbs.
std::string GeneralHelp(const std::string& group = "");
std::string CommandHelp(const Command& command);
// {commands: [{verb, summary, example, flags: [...]}]}
Json CommandTableJson();

}  // namespace linnet

#endif  // LINNET_API_WORDS_H_
