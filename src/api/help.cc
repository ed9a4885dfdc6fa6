#include "api/words.h"
#include "base/text_table.h"

namespace linnet {
namespace {

std::string FlagName(const FlagDoc& flag) {
  std::string name = flag.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

std::string DefaultText(const FlagDoc& flag) {
  if (flag.required) return "(required)";
  return flag.value.empty() ? "" : "[" + flag.value + "]";
}

// What it is for and, where it takes one of few words that the text does not list itself, which.
std::string Description(const FlagDoc& flag) {
  constexpr std::string_view kOneOf = "one of ";
  if (!flag.kind.starts_with(kOneOf)) return flag.doc;
  const std::string words = flag.kind.substr(kOneOf.size());
  const std::string two = words.substr(0, words.find(',', words.find(',') + 1));
  return flag.doc.find(two) != std::string::npos ? flag.doc : flag.doc + "; " + flag.kind;
}

std::string FlagTable(const Command& command) {
  TextTable table("lll");
  for (const FlagDoc& flag : command.flags) {
    if (!flag.arch_option) table.Row({FlagName(flag), DefaultText(flag), Description(flag)});
  }
  table.Row({"--json", "", "one JSON document on standard output"});
  table.Row({"--quiet", "", "no progress on standard error"});
  return table.ToString("  ");
}

std::string Usage(const Command& command) {
  std::string usage = "linnet " + command.verb;
  for (const FlagDoc& flag : command.flags) {
    if (!flag.positional) continue;
    std::string word = flag.name;
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return std::toupper(c); });
    usage += " " + word + (flag.list ? "..." : "");
  }
  return usage + " [--key value | key=value]...";
}

// Each line of a text, after two blanks.
std::string Indented(const std::string& text) {
  std::string indented;
  for (const std::string_view line : SplitText(text, '\n')) {
    indented += "  " + std::string(line) + "\n";
  }
  return indented;
}

constexpr const char kGeneral[] =
    "\n`linnet VERB --help` lists a verb's flags, with an example. Every verb has --json: one "
    "JSON\n"
    "document on standard output; progress and words go to standard error.\n"
    "\n"
    "example:\n"
    "  linnet data make shapes --out pictures\n"
    "  linnet fit --data pictures --latency 1ms --minutes 5 --out fitted\n"
    "\n"
    "exit codes: 0 done; 1 internal error; 2 wrong usage; 3 problem in the data; 4 accuracy gate\n"
    "failed; 5 budget not reachable; 6 file unreadable or refused; 130 interrupted\n";

}  // namespace

std::string GeneralHelp(const std::string& group) {
  TextTable table("ll");
  for (const Command& command : AllCommands()) {
    if (group.empty() || command.verb.starts_with(group + " ")) {
      table.Row({command.verb, command.summary});
    }
  }
  if (!group.empty()) {
    return "usage: linnet " + group + " VERB [--key value | key=value]...\n\n" +
           table.ToString("  ");
  }
  return "Linnet: small, light vision networks: sized, trained, measured, delivered.\n\n"
         "usage: linnet VERB [--key value | key=value]...\n\n" +
         table.ToString("  ") + kGeneral;
}

std::string CommandHelp(const Command& command) {
  std::string text = "linnet " + command.verb + ": " + command.summary +
                     "\n\nusage: " + Usage(command) + "\n\n" + FlagTable(command);
  const bool arch = std::any_of(command.flags.begin(), command.flags.end(),
                                [](const FlagDoc& flag) { return flag.arch_option; });
  if (arch) {
    text +=
        "\nThe options of the architecture are flags, too: --width 0.5, --size 160. Each has its "
        "own;\n`linnet archs NAME` lists them with their defaults.\n";
  }
  return text + "\nexample:\n" + Indented(command.example);
}

Json CommandTableJson() {
  Json commands = Json::array();
  for (const Command& command : AllCommands()) {
    Json flags = Json::array();
    for (const FlagDoc& flag : command.flags) {
      flags.push_back({{"name", flag.name},
                       {"kind", flag.kind},
                       {"default", flag.value},
                       {"doc", flag.doc},
                       {"list", flag.list},
                       {"positional", flag.positional},
                       {"required", flag.required},
                       {"arch_option", flag.arch_option}});
    }
    commands.push_back({{"verb", command.verb},
                        {"summary", command.summary},
                        {"example", command.example},
                        {"flags", std::move(flags)}});
  }
  return {{"commands", std::move(commands)}};
}

}  // namespace linnet
