#include "graph/op.h"

namespace linnet {

std::string FieldToText(const Padding& p) {
  if (p.same) return "same";
  if (p.top == p.left && p.top == p.bottom && p.top == p.right) return std::to_string(p.top);
  return ListToText(std::array{p.top, p.left, p.bottom, p.right});
}

bool FieldFromText(std::string_view text, Padding& padding) {
  if (text == "same") {
    padding = Padding::Same();
    return true;
  }
  std::array<int, 4> sides;
  if (!FieldFromText(text, sides)) return false;
  padding = {false, sides[0], sides[1], sides[2], sides[3]};
  return true;
}

std::string FieldToText(const Links& links) {
  std::string text;
  for (const std::vector<int>& sources : links.sources) {
    if (!text.empty()) text += ";";
    for (size_t i = 0; i < sources.size(); ++i) text += (i ? "+" : "") + std::to_string(sources[i]);
  }
  return text;
}

bool FieldFromText(std::string_view text, Links& links) {
  Links parsed;
  for (const std::string_view map : SplitText(text, ';')) {
    std::vector<int>& sources = parsed.sources.emplace_back();
    for (const std::string_view source : SplitText(map, '+')) {
      if (!FieldFromText(source, sources.emplace_back())) return false;
    }
    if (sources.empty()) return false;
  }
  links = std::move(parsed);
  return true;
}

}  // namespace linnet
