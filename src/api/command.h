// The command table: what the command line can do, as data.
//
// A command is a verb, a struct of arguments whose fields are visited (base/fields.h), and a
// function from those arguments to a result. Flags, help and the JSON form of the table are made
// from the struct:
//
//   struct EvalArgs {
//     static constexpr const char* kPositional = "model";          // the field of bare words
//     static constexpr std::array kRequired = {"model", "data"};
//     std::string model, data;
//     template <class Self, class V> static void VisitFields(Self& self, V&& v) { ... }
//   };
//   Command command = MakeCommand<EvalArgs>("eval", "measures accuracy ...", "linnet eval ...",
//                                           Eval);
//
// A struct with a member 'OptionList arch_options' also takes every option of every architecture
// as a flag: --width 0.5 --size 160.
#ifndef LINNET_API_COMMAND_H_
#define LINNET_API_COMMAND_H_

#include <algorithm>
#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "archs/arch.h"
#include "base/fields.h"
#include "base/progress.h"

namespace linnet {

using Json = nlohmann::ordered_json;

struct CommandContext {
  ProgressSink progress;                    // words and progress, on standard error
  const std::atomic<bool>* stop = nullptr;  // set by Ctrl-C in commands that poll it
  std::string program;                      // that runs, to be started anew; empty: a library
};

struct CommandResult {
  Json json;         // for --json: an object, or a list
  std::string text;  // for people
  int exit_code = 0;
};

struct FlagDoc {
  std::string name;   // as the field: "small_input"; the flag is also written --small-input
  std::string kind;   // what it takes: "an integer"
  std::string value;  // the default
  std::string doc;
  bool is_bool = false;     // needs no value: --flag
  bool list = false;        // may be given several times
  bool positional = false;  // bare words
  bool required = false;
  bool arch_option = false;  // of the architecture
};

struct Command {
  std::string verb;     // "train", "data make"
  std::string summary;  // one line, small letter, no full stop
  std::string example;  // whole lines to copy
  std::vector<FlagDoc> flags;
  bool interruptible = false;  // polls CommandContext::stop
  std::function<CommandResult(const OptionList& values, const CommandContext&)> run;
};

// In the order of help.
const std::vector<Command>& AllCommands();
// nullptr if there is none of this verb.
const Command* FindCommand(std::string_view verb);

// ---- making commands ----

namespace internal {

template <class Args>
concept HasPositional = requires {
  Args::kPositional;
};
template <class Args>
concept HasRequired = requires {
  Args::kRequired;
};
template <class Args>
concept IsInterruptible = requires {
  Args::kInterruptible;
};
template <class Args>
concept TakesArchOptions = requires(Args args) {
  args.arch_options.emplace_back("key", "value");
};

template <class T>
FlagDoc DescribeFlag(const char* name, const T& field, const char* doc) {
  constexpr bool list = std::is_same_v<T, std::vector<std::string>>;
  return {.name = name,
          .kind = list ? "text" : FieldKind(field),
          .value = FieldToText(field),
          .doc = doc,
          .is_bool = std::is_same_v<T, bool>,
          .list = list};
}

// Adds the options of all architectures that 'flags' does not have.
void AddArchFlags(std::vector<FlagDoc>& flags);
// Error (kUsage) if a required flag has no value.
void ExpectRequired(const std::string& verb, const std::vector<FlagDoc>& flags,
                    const OptionList& values);

template <class Args>
std::vector<FlagDoc> DescribeFlags() {
  std::vector<FlagDoc> flags;
  const Args defaults{};
  VisitFields(defaults, [&](const char* name, const auto& field, const char* doc) {
    flags.push_back(DescribeFlag(name, field, doc));
  });
  for (FlagDoc& flag : flags) {
    if constexpr (HasPositional<Args>) flag.positional = flag.name == Args::kPositional;
    if constexpr (HasRequired<Args>) {
      flag.required = std::count(Args::kRequired.begin(), Args::kRequired.end(), flag.name) > 0;
    }
  }
  if constexpr (TakesArchOptions<Args>) AddArchFlags(flags);
  return flags;
}

// Sets a field of that name; a list of texts grows, so that file names may hold commas.
template <class Args>
void SetArgument(Args& args, const std::string& name, const std::string& text,
                 const std::string& verb) {
  bool is_field = false;
  VisitFields(args, [&](const char* field_name, auto& field, const char*) {
    if (name != field_name) return;
    is_field = true;
    if constexpr (std::is_same_v<decltype(field), std::vector<std::string>&>) {
      field.push_back(text);
    } else if (!FieldFromText(text, field)) {
      Fail(ErrorKind::kUsage, "{}: --{} {}: expected {}", verb, name, text, FieldKind(field));
    }
  });
  if constexpr (TakesArchOptions<Args>) {
    if (!is_field) args.arch_options.emplace_back(name, text);
  }
}

}  // namespace internal

template <class Args>
Command MakeCommand(std::string verb, std::string summary, std::string example,
                    CommandResult (*run)(const Args&, const CommandContext&)) {
  Command command{.verb = verb,
                  .summary = std::move(summary),
                  .example = std::move(example),
                  .flags = internal::DescribeFlags<Args>(),
                  .interruptible = internal::IsInterruptible<Args>};
  command.run = [verb, flags = command.flags, run](const OptionList& values,
                                                   const CommandContext& context) {
    internal::ExpectRequired(verb, flags, values);
    Args args;
    for (const auto& [name, text] : values) internal::SetArgument(args, name, text, verb);
    return run(args, context);
  };
  return command;
}

}  // namespace linnet

#endif  // LINNET_API_COMMAND_H_
