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

}  // namespace linnet
