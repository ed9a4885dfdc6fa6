// Pieces of HTML that every part of the report uses: escaped text, numbers with units, bars.
// Part of fit/report.h.
#ifndef LINNET_FIT_REPORT_HTML_H_
#define LINNET_FIT_REPORT_HTML_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fit/report.h"

namespace linnet::report {

// Any bytes -> text that stands between tags or in a quoted attribute. What is not UTF-8, control
// characters, and characters that reorder or hide text become U+FFFD.
std::string Escape(std::string_view text);

// The first 'letters' characters and an ellipsis, if there are more. Not escaped.
std::string Shorten(std::string_view text, size_t letters);

// ---- numbers: a dash for what is not known ----
bool Known(double value);                    // finite, and of a size that can be drawn
std::string Milliseconds(double ms);         // "0.842 ms"
std::string Bytes(int64_t bytes);            // "1.24 MB" (10^6 bytes); 0 is unknown
std::string Percent(double fraction);        // "87.3 %"
std::string Grouped(int64_t count);          // "1,331,592"
std::string Rounded(int64_t count);          // "1.33 M"; 0 is unknown
std::string Significant(double value);       // three significant digits, no unit
std::string WithoutZeros(std::string text);  // "2.00 ms" -> "2 ms": a number that was asked
std::string Plural(int64_t count, const char* one, const char* many);  // "1 picture"

// A horizontal bar, 'fraction' of its column long; 'mark' (a fraction, NaN: none) is a tick on it.
std::string Bar(double fraction, const char* css_class, double mark = kUnknown);

// A table of two columns, with a caption; empty if there are no facts.
std::string FactTable(const char* caption, const ReportFacts& facts);

// A block of text to copy, under a caption; empty if 'text' is.
std::string CodeBlock(const char* caption, const std::string& text);

// A table: the columns' titles and CSS classes, then rows. The classes: "n" numbers, "b" bars, "s"
// never broken into lines, "w" left out on narrow screens.
struct Column {
  const char* title;
  const char* css_class = "";
};
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as columns, of HTML; the first names the row.
  void AddRow(const std::vector<std::string>& cells, const char* css_class = "");
  // In a box that scrolls sideways on narrow screens, and down where the rows are many.
  std::string Html() const;

 private:
  std::vector<Column> columns_;
  std::string body_;
  int rows_ = 0;
};

}  // namespace linnet::report

#endif  // LINNET_FIT_REPORT_HTML_H_
