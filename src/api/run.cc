#include "api/run.h"

#include <filesystem>
#include <new>
#include <optional>

#include "api/command.h"
#include "api/words.h"
#include "base/fields_json.h"
#include "base/nearest.h"

namespace linnet {
namespace {

// The version of the JSON documents. Raised when a key changes its meaning or goes away; new keys
// do not raise it. Lists have no place for it and are bound to the same number.
constexpr int kSchemaVersion = 1;

const char* KindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInternal:
      return "internal";
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kData:
      return "data";
    case ErrorKind::kGate:
      return "gate";
    case ErrorKind::kBudget:
      return "budget";
    case ErrorKind::kFile:
      return "file";
    case ErrorKind::kInterrupted:
      return "interrupted";
  }
  return "internal";
}

// "data check" -> "linnet.data_check/1".
std::string SchemaName(std::string verb) {
  std::replace(verb.begin(), verb.end(), ' ', '_');
  return fmt::format("linnet.{}/{}", verb, kSchemaVersion);
}

std::string JsonText(const std::string& verb, Json json) {
  if (json.is_object()) {
    Json versioned = {{"schema", SchemaName(verb)}};
    versioned.update(json);
    json = std::move(versioned);
  }
  return JsonDocument(json);
}

[[noreturn]] void UnknownVerb(const std::string& verb) {
  std::vector<std::string> verbs;
  for (const Command& command : AllCommands()) verbs.push_back(command.verb);
  Fail(ErrorKind::kUsage, "there is no verb '{}'; did you mean '{}'? `linnet --help` lists them",
       verb, Nearest(verb, verbs));
}

// "data", whose verbs have two words.
bool IsGroup(const std::string& word) {
  return std::any_of(AllCommands().begin(), AllCommands().end(),
                     [&](const Command& command) { return command.verb.starts_with(word + " "); });
}

struct Invocation {
  const Command& command;
  std::span<const std::string> words;  // after the verb
};

Invocation FindInvocation(std::span<const std::string> words) {
  const bool two = IsGroup(words[0]) && words.size() > 1;
  const std::string verb = two ? words[0] + " " + words[1] : words[0];
  const Command* command = FindCommand(verb);
  if (command == nullptr) UnknownVerb(verb);
  return {*command, words.subspan(two ? 2 : 1)};
}

bool IsHelp(const std::string& word) { return word == "--help" || word == "-h" || word == "help"; }

// What needs no command: help, the version. Nothing if the words are for a command.
std::optional<std::string> GeneralAnswer(std::span<const std::string> words) {
  if (words[0] == "--version" || words[0] == "version") {
    return WantsJson(words) ? JsonText("version", {{"version", LINNET_VERSION}})
                            : std::string("linnet ") + LINNET_VERSION + "\n";
  }
  if (IsGroup(words[0]) && (words.size() == 1 || IsHelp(words[1]))) return GeneralHelp(words[0]);
  if (!IsHelp(words[0])) return std::nullopt;
  if (WantsJson(words)) return JsonText("help", CommandTableJson());
  if (words.size() == 1) return GeneralHelp();
  if (words.size() == 2 && IsGroup(words[1])) return GeneralHelp(words[1]);
  return CommandHelp(FindInvocation(words.subspan(1)).command);
}

int RunUnguarded(std::span<const std::string> words, const CommandStreams& streams,
                 const std::atomic<bool>* stop, const std::function<void(bool)>& begin) {
  if (words.empty()) {
    streams.err(GeneralHelp());
    return static_cast<int>(ErrorKind::kUsage);
  }
  if (const auto text = GeneralAnswer(words)) {
    streams.out(*text);
    return 0;
  }
  const auto [command, rest] = FindInvocation(words);
  const ParsedWords parsed = ParseWords(command, rest);
  if (parsed.help) {
    streams.out(CommandHelp(command));
    return 0;
  }
  CommandContext context{.progress = streams.progress, .stop = stop, .program = streams.program};
  if (parsed.quiet) context.progress = ProgressSink::Quiet();
  if (begin) begin(command.interruptible);
  const CommandResult result = command.run(parsed.values, context);
  streams.out(parsed.json ? JsonText(command.verb, result.json) : result.text);
  return result.exit_code;
}

int Report(std::span<const std::string> words, const CommandStreams& streams, ErrorKind kind,
           const std::string& message) {
  try {
    streams.err("linnet: " + message + "\n");
    if (WantsJson(words)) {
      streams.out(JsonText("error", {{"error",
                                      {{"kind", KindName(kind)},
                                       {"exit_code", static_cast<int>(kind)},
                                       {"message", message}}}}));
    }
  } catch (const std::exception&) {  // nobody is left to tell
  }
  return static_cast<int>(kind);
}

}  // namespace

int RunWords(std::span<const std::string> words, const CommandStreams& streams,
             const std::atomic<bool>* stop, const std::function<void(bool)>& begin) {
  try {
    return RunUnguarded(words, streams, stop, begin);
  } catch (const Error& error) {
    const char* prefix = error.kind() == ErrorKind::kInternal ? "internal error: " : "";
    return Report(words, streams, error.kind(), prefix + std::string(error.what()));
  } catch (const std::bad_alloc&) {
    return Report(words, streams, ErrorKind::kInternal, "out of memory");
  } catch (const std::filesystem::filesystem_error& error) {
    return Report(words, streams, ErrorKind::kFile, error.what());
  } catch (const std::exception& error) {
    return Report(words, streams, ErrorKind::kInternal,
                  std::string("internal error: ") + error.what());
  }
}

}  // namespace linnet
