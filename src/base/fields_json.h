// Visited fields (base/fields.h) to a JSON object and back.
#ifndef LINNET_BASE_FIELDS_JSON_H_
#define LINNET_BASE_FIELDS_JSON_H_

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/fields.h"

namespace linnet {

template <class T>
nlohmann::ordered_json FieldToJson(const T& value) {
  if constexpr (std::is_same_v<T, float>) {
    // Through the shortest text that reads back as the same float: 0.1, not 0.10000000149.
    return nlohmann::ordered_json::parse(FieldToText(value), nullptr, false);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return value;
  } else {
    return FieldToText(value);
  }
}
template <class T, size_t N>
nlohmann::ordered_json FieldToJson(const std::array<T, N>& list) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const T& item : list) json.push_back(FieldToJson(item));
  return json;
}
template <class T>
nlohmann::ordered_json FieldToJson(const std::vector<T>& list) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const T& item : list) json.push_back(FieldToJson(item));
  return json;
}

// {"size": [224, 224], "filter": "bilinear", ...}: every field, in the order of the list.
template <class S>
nlohmann::ordered_json FieldsToJson(const S& object) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  VisitFields(object, [&](const char* name, const auto& field, const char*) {
    json[name] = FieldToJson(field);
  });
  return json;
}

// A document for files and scripts. File names may hold bytes that are no UTF-8: those are
// replaced, never refused.
inline std::string JsonDocument(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// The text FieldFromText takes, of a JSON string, number, bool or list of those. Error (kUsage) for
// anything else: a file may nest lists a million deep.
inline std::string JsonToFieldText(const nlohmann::json& json, bool in_list = false) {
  if (json.is_string()) return json.get<std::string>();
  if (json.is_object() || (in_list && json.is_array())) {
    Fail(ErrorKind::kUsage, "expected a value or a list of values, found a nested one");
  }
  if (!json.is_array()) return json.dump();
  std::string text;
  for (size_t i = 0; i < json.size(); ++i) text += (i ? "," : "") + JsonToFieldText(json[i], true);
  return text;
}

// Sets the fields that 'json' names; the others keep their values. Error (kUsage) that begins with
// 'where' if it is no object, names an unknown field, or gives a value the field does not take.
template <class S>
void FieldsFromJson(const nlohmann::json& json, S& object, std::string_view where) {
  if (!json.is_object()) Fail(ErrorKind::kUsage, "{}: expected a JSON object", where);
  for (const auto& [name, value] : json.items()) {
    SetField(object, name, JsonToFieldText(value), where);
  }
}

}  // namespace linnet

#endif  // LINNET_BASE_FIELDS_JSON_H_
