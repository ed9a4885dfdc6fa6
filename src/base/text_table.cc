#include "base/text_table.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace linnet {
namespace {
constexpr size_t kGap = 2;
}  // namespace

size_t TextColumns(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

TextTable::TextTable(std::string_view align, std::vector<std::string> header)
    : align_(align), has_header_(!header.empty()) {
  if (has_header_) Row(std::move(header));
}

void TextTable::Row(std::vector<std::string> cells) {
  cells.resize(align_.size());
  rows_.push_back(std::move(cells));
}

void TextTable::Rule() { rows_.emplace_back(); }

std::string TextTable::ToString(std::string_view indent) const {
  std::vector<size_t> widths(align_.size());
  for (const auto& row : rows_) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], TextColumns(row[c]));
  }
  const size_t width = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  const std::string rule = std::string(width, '-');
  std::string text;
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line(indent);
    if (rows_[r].empty()) line += rule;
    for (size_t c = 0; c < rows_[r].size(); ++c) {
      const std::string blanks(widths[c] - TextColumns(rows_[r][c]), ' ');
      line += (c ? std::string(kGap, ' ') : "") +
              (align_[c] == 'r' ? blanks + rows_[r][c] : rows_[r][c] + blanks);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (r == 0 && has_header_) text += std::string(indent) + rule + "\n";
  }
  return text;
}

}  // namespace linnet
