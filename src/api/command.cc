#include "api/command.h"

#include "api/commands.h"

namespace linnet {
namespace {

std::vector<Command> CollectCommands() {
  std::vector<Command> commands;
  for (auto* make : {NetworkCommands, DataCommands, TrainCommands, EvalCommands, TimeCommands,
                     CompressCommands, ConvertCommands}) {
    for (Command& command : make()) commands.push_back(std::move(command));
  }
  return commands;
}

}  // namespace

const std::vector<Command>& AllCommands() {
  static const std::vector<Command> commands = CollectCommands();
  return commands;
}

const Command* FindCommand(std::string_view verb) {
  for (const Command& command : AllCommands()) {
    if (command.verb == verb) return &command;
  }
  return nullptr;
}

namespace internal {

void AddArchFlags(std::vector<FlagDoc>& flags) {
  for (const Arch& arch : AllArchs()) {
    for (const OptionDoc& option : arch.options) {
      const auto known = std::find_if(flags.begin(), flags.end(), [&](const FlagDoc& flag) {
        return flag.name == option.name;
      });
      const bool is_bool = option.value == "true" || option.value == "false";
      if (known != flags.end()) {
        if (!known->arch_option || known->value == option.value) continue;
        // Architectures with different defaults: none can be named. Of one a bool, of another a
        // number: it needs its value.
        known->value.clear();
        if (known->is_bool != is_bool) known->is_bool = false, known->kind = "a value";
        continue;
      }
      flags.push_back({.name = option.name,
                       .kind = is_bool ? "true or false" : "a value",
                       .value = option.value,
                       .doc = option.doc,
                       .is_bool = is_bool,
                       .arch_option = true});
    }
  }
}

void ExpectRequired(const std::string& verb, const std::vector<FlagDoc>& flags,
                    const OptionList& values) {
  for (const FlagDoc& flag : flags) {
    const bool given = std::any_of(values.begin(), values.end(), [&](const auto& value) {
      return value.first == flag.name && !value.second.empty();
    });
    if (flag.required && !given) {
      Fail(ErrorKind::kUsage, "{}: --{} is missing: {}", verb, flag.name, flag.doc);
    }
  }
}

}  // namespace internal
}  // namespace linnet
