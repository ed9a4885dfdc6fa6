// TextTable: rows of text in aligned columns, for terminals and logs.
#ifndef LINNET_BASE_TEXT_TABLE_H_
#define LINNET_BASE_TEXT_TABLE_H_

#include <string>
#include <string_view>
#include <vector>

namespace linnet {

// One letter a column in 'align': 'l' or 'r'. The first row is the head where 'header' is given.
class TextTable {
 public:
  explicit TextTable(std::string_view align, std::vector<std::string> header = {});
  // As many cells as columns, or fewer: the rest are empty.
  void Row(std::vector<std::string> cells);
  // A line across, before sums.
  void Rule();
  // Each line ends in a line end and has no blanks before it.
  std::string ToString(std::string_view indent = "") const;

 private:
  std::string align_;
  bool has_header_;
  std::vector<std::vector<std::string>> rows_;  // a row without cells is a rule
};

// Characters of UTF-8 text, which is what a terminal's columns count.
size_t TextColumns(std::string_view text);

}  // namespace linnet

#endif  // LINNET_BASE_TEXT_TABLE_H_
