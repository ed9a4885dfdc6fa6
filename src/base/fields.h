// Visited fields: a struct says its fields once, and everything else reads that list: text forms,
// JSON, command-line flags, help, equality.
//
//   struct Dense {
//     int out_features = 0;
//     bool bias = true;
//     template <class Self, class V> static void VisitFields(Self& self, V&& v) {
//       v("out_features", self.out_features, "number of outputs");
//       v("bias", self.bias, "add a bias");
//     }
//   };
//
// A field is a bool, an integer, a float or double, a string, an enum with EnumNames(Enum) found by
// argument-dependent lookup, an std::array or std::vector of those, or a type with
// FieldToText(const T&) and FieldFromText(string_view, T&) of its own.
#ifndef LINNET_BASE_FIELDS_H_
#define LINNET_BASE_FIELDS_H_

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace linnet {

// ---- value -> text: the shortest text that reads back as the same value ----
inline std::string FieldToText(bool value) { return value ? "true" : "false"; }
inline std::string FieldToText(const std::string& value) { return value; }
template <class T>
requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) std::string FieldToText(T value) {
  return fmt::format("{}", value);
}
template <class E>
requires std::is_enum_v<E> std::string FieldToText(E value) {
  return EnumNames(E{})[static_cast<size_t>(value)];
}
template <class List>
std::string ListToText(const List& list) {
  std::string text;
  for (size_t i = 0; i < list.size(); ++i) text += (i ? "," : "") + FieldToText(list[i]);
  return text;
}
template <class T, size_t N>
std::string FieldToText(const std::array<T, N>& list) {
  return ListToText(list);
}
template <class T>
std::string FieldToText(const std::vector<T>& list) {
  return ListToText(list);
}

// ---- text -> value: false if the text is not such a value, which is then unchanged ----
inline bool FieldFromText(std::string_view text, bool& value) {
  if (text != "true" && text != "false" && text != "1" && text != "0") return false;
  value = text == "true" || text == "1";
  return true;
}
inline bool FieldFromText(std::string_view text, std::string& value) {
  value = text;
  return true;
}
template <class T>
requires(std::is_arithmetic_v<T> &&
         !std::is_same_v<T, bool>) bool FieldFromText(std::string_view text, T& value) {
  T parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  value = parsed;
  return true;
}
template <class E>
requires std::is_enum_v<E>
bool FieldFromText(std::string_view text, E& value) {
  const auto names = EnumNames(E{});
  for (size_t i = 0; i < names.size(); ++i) {
    if (text == names[i]) {
      value = static_cast<E>(i);
      return true;
    }
  }
  return false;
}

// "a,b,c" -> {"a", "b", "c"}; the empty text is the empty list.
inline std::vector<std::string_view> SplitText(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    if (text.empty()) parts.push_back(text);
  }
  return parts;
}

template <class T>
bool FieldFromText(std::string_view text, std::vector<T>& list) {
  std::vector<T> parsed;
  for (const std::string_view part : SplitText(text, ',')) {
    if (T item{}; FieldFromText(part, item)) {
      parsed.push_back(item);
    } else {
      return false;
    }
  }
  list = std::move(parsed);
  return true;
}
// One value stands for all of them: kernel=3 is kernel=3,3.
template <class T, size_t N>
bool FieldFromText(std::string_view text, std::array<T, N>& list) {
  std::vector<T> parsed;
  if (!FieldFromText(text, parsed)) return false;
  if (parsed.size() != N && parsed.size() != 1) return false;
  for (size_t i = 0; i < N; ++i) list[i] = parsed[parsed.size() == 1 ? 0 : i];
  return true;
}

// What a field of this type looks like, for messages: "an integer", "one of relu, relu6".
template <class T>
std::string FieldKind(const T&) {
  if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (std::is_integral_v<T>) {
    return std::is_unsigned_v<T> ? "an integer, 0 or more" : "an integer";
  } else if constexpr (std::is_floating_point_v<T>) {
    return "a number";
  } else if constexpr (std::is_enum_v<T>) {
    std::string names = "one of ";
    for (const char* const& name : EnumNames(T{})) {
      names += (&name == EnumNames(T{}).data() ? "" : ", ") + std::string(name);
    }
    return names;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "text";
  } else {
    return "a value or list of values";
  }
}

// Calls v(name, field, doc) for each field.
template <class S, class V>
void VisitFields(S& object, V&& v) {
  std::remove_const_t<S>::VisitFields(object, v);
}

template <class S>
std::string FieldNames() {
  S object;
  std::string names;
  VisitFields(object, [&](const char* name, auto&, const char*) {
    names += (names.empty() ? "" : ", ") + std::string(name);
  });
  return names;
}

// Sets the field called 'name' from 'text'. Error (kUsage) that begins with 'where' and names what
// the field takes, or, for an unknown name, the fields there are.
template <class S>
void SetField(S& object, std::string_view name, std::string_view text, std::string_view where) {
  bool found = false;
  VisitFields(object, [&](const char* field_name, auto& field, const char*) {
    if (name != field_name) return;
    found = true;
    if (!FieldFromText(text, field)) {
      Fail(ErrorKind::kUsage, "{}: {}={}: expected {}", where, name, text, FieldKind(field));
    }
  });
  if (!found) {
    const std::string names = FieldNames<S>();
    Fail(ErrorKind::kUsage, "{}: unknown field '{}'; there {}", where, name,
         names.empty() ? "are none" : "are " + names);
  }
}

// {"stride=2,2", ...}: the fields that differ from a default-made S, in the order of the list.
template <class S>
std::vector<std::string> ChangedFields(const S& object) {
  std::vector<std::string> defaults, changed;
  const S fresh{};
  VisitFields(fresh, [&](const char*, const auto& field, const char*) {
    defaults.push_back(FieldToText(field));
  });
  size_t i = 0;
  VisitFields(object, [&](const char* name, const auto& field, const char*) {
    const std::string text = FieldToText(field);
    if (text != defaults[i++]) changed.push_back(std::string(name) + "=" + text);
  });
  return changed;
}

}  // namespace linnet

#endif  // LINNET_BASE_FIELDS_H_
