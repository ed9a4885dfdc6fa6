#include "api/words.h"

#include <filesystem>
#include <optional>

#include "base/fields.h"
#include "base/nearest.h"

namespace linnet {
namespace {

std::string FieldName(std::string_view flag) {
  std::string name(flag);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// "small_input" or "small-input", as a key may be written.
bool LooksLikeKey(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool IsBoolText(std::string_view text) {
  bool value;
  return FieldFromText(text, value);
}

bool IsNumber(std::string_view text) {
  double value;
  return FieldFromText(text, value);
}

class Parser {
 public:
  Parser(const Command& command, std::span<const std::string> words)
      : command_(command), words_(words) {}

  ParsedWords Parse() {
    for (; next_ < words_.size(); ++next_) {
      const std::string& word = words_[next_];
      if (flags_ended_ || word == "-" || IsNumber(word)) {
        Positional(word);
      } else if (word == "--") {
        flags_ended_ = true;
      } else if (word == "-h") {
        parsed_.help = true;
      } else if (word.starts_with("--")) {
        Flag(word.substr(2));
      } else if (word.starts_with("-")) {
        Fail(ErrorKind::kUsage, "{}: '{}': flags begin with two dashes", command_.verb, word);
      } else {
        WordOrPair(word);
      }
    }
    return std::move(parsed_);
  }

 private:
  const FlagDoc* Find(std::string_view name) const {
    for (const FlagDoc& flag : command_.flags) {
      if (flag.name == name) return &flag;
    }
    return nullptr;
  }

  // A flag that every command has; nullptr if it is none.
  bool* FindGlobal(std::string_view name) {
    if (name == "help") return &parsed_.help;
    if (name == "json") return &parsed_.json;
    return name == "quiet" ? &parsed_.quiet : nullptr;
  }

  [[noreturn]] void UnknownFlag(const std::string& name) const {
    std::vector<std::string> names = {"help", "json", "quiet"};
    for (const FlagDoc& flag : command_.flags) names.push_back(flag.name);
    const std::string nearest = Nearest(name, names);
    const bool near = EditDistance(name, nearest) <= std::max<size_t>(2, name.size() / 3);
    Fail(ErrorKind::kUsage, "{0}: there is no flag --{1}; {2}`linnet {0} --help` lists them",
         command_.verb, name, near ? "did you mean --" + nearest + "? " : "");
  }

  // text: "key" or "key=value".
  void Flag(const std::string& text) {
    const size_t equals = text.find('=');
    const std::string name = FieldName(text.substr(0, equals));
    std::optional<std::string> value;
    if (equals != std::string::npos) value = text.substr(equals + 1);
    const FlagDoc* flag = Find(name);
    bool* global = FindGlobal(name);
    if (flag == nullptr && global == nullptr) UnknownFlag(name);
    const bool is_bool = flag == nullptr || flag->is_bool;
    if (!value) value = NextValue(name, is_bool, flag == nullptr ? "" : flag->kind);
    if (flag != nullptr) {
      parsed_.values.emplace_back(name, *value);
    } else if (!FieldFromText(*value, *global)) {
      Fail(ErrorKind::kUsage, "{}: --{}={}: expected true or false", command_.verb, name, *value);
    }
  }

  std::string NextValue(const std::string& name, bool is_bool, const std::string& kind) {
    const bool has_next = next_ + 1 < words_.size();
    if (is_bool) return has_next && IsBoolText(words_[next_ + 1]) ? words_[++next_] : "true";
    if (!has_next || words_[next_ + 1].starts_with("--")) {
      Fail(ErrorKind::kUsage, "{}: --{} has no value; expected {}", command_.verb, name, kind);
    }
    return words_[++next_];
  }

  void WordOrPair(const std::string& word) {
    const size_t equals = word.find('=');
    const std::string key = FieldName(word.substr(0, equals));
    if (equals == std::string::npos || !LooksLikeKey(key)) return Positional(word);
    const bool known = Find(key) != nullptr || FindGlobal(key) != nullptr;
    std::error_code ignored;  // of a word too long for a name
    if (!known && std::filesystem::exists(word, ignored)) return Positional(word);
    Flag(word);
  }

  void Positional(const std::string& word) {
    for (const FlagDoc& flag : command_.flags) {
      if (!flag.positional) continue;
      const bool taken = std::any_of(parsed_.values.begin(), parsed_.values.end(),
                                     [&](const auto& value) { return value.first == flag.name; });
      if (taken && !flag.list) break;
      parsed_.values.emplace_back(flag.name, word);
      return;
    }
    Fail(ErrorKind::kUsage,
         "{0}: '{1}' is a word too many; `linnet {0} --help` shows what it takes", command_.verb,
         word);
  }

  const Command& command_;
  const std::span<const std::string> words_;
  size_t next_ = 0;
  bool flags_ended_ = false;
  ParsedWords parsed_;
};

}  // namespace

ParsedWords ParseWords(const Command& command, std::span<const std::string> words) {
  return Parser(command, words).Parse();
}

bool WantsJson(std::span<const std::string> words) {
  bool wanted = false;
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    std::string_view word = words[i];
    const bool is_flag = word.starts_with("--");
    if (is_flag) word.remove_prefix(2);
    if (is_flag && word == "json") {
      wanted = true;
      if (i + 1 < words.size()) FieldFromText(words[i + 1], wanted);  // as it is, if that is none
    } else if (word.starts_with("json=")) {
      FieldFromText(word.substr(5), wanted);
    }
  }
  return wanted;
}

}  // namespace linnet
