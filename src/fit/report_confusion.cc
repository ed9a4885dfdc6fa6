// The confusion matrix as a picture (up to 100 classes) and the commonest confusions as a table.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fit/report_chart.h"
#include "fit/report_html.h"
#include "fit/report_sections.h"

namespace linnet::report {
namespace {

constexpr size_t kMostDrawn = 100;    // classes in a picture
constexpr size_t kMostNumbered = 20;  // classes with numbers in the cells
constexpr size_t kMostNamed = 50;     // classes with names at the edges
constexpr size_t kMostListed = 15;    // rows of the table of confusions

struct Layout {
  double cell, left, top, size;
  size_t letters;  // of a name at the edges; 0: no names
};

Layout LayoutFor(size_t n) {
  const double cell = n <= 8               ? 52
                      : n <= 12            ? 46
                      : n <= kMostNumbered ? 36
                      : n <= kMostNamed    ? 15
                                           : 8;
  const size_t letters = n <= kMostNamed ? 16 : 0;
  const double margin = letters > 0 ? 124 : 22;
  return {cell, margin, margin, margin + cell * static_cast<double>(n) + 10, letters};
}

// Half of the row's pictures is the border between a pale cell with dark figures and a strong one
// with light figures; nothing lies between, where neither would be readable.
double Strength(double part) {
  return part < 0.5 ? 0.08 + 0.52 * std::sqrt(2 * part) : 0.9 + 0.2 * (part - 0.5);
}

std::string DrawCell(const ReportData& data, const Layout& at, size_t row, size_t column,
                     int64_t count, double part) {
  const double x = at.left + at.cell * static_cast<double>(column);
  const double y = at.top + at.cell * static_cast<double>(row);
  const double gap = at.cell > 12 ? 1 : 0.5;
  std::string out = fmt::format(
      "<g><title>{} {} {}: {} ({})</title><rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" "
      "height=\"{}\" fill-opacity=\"{:.2f}\"/>",
      Escape(Shorten(data.classes[row].name, 60)), row == column ? "recognised as" : "taken for",
      Escape(Shorten(data.classes[column].name, 60)), Grouped(count), Percent(part),
      row == column ? "hit" : "miss", Coordinate(x), Coordinate(y), Coordinate(at.cell - gap),
      Coordinate(at.cell - gap), Strength(part));
  if (data.classes.size() <= kMostNumbered) {
    out += fmt::format("<text class=\"cell {}\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                       part < 0.5 ? "pale" : "strong", Coordinate(x + at.cell / 2 - 0.5),
                       Coordinate(y + at.cell / 2 + 4),
                       count < 100000 ? fmt::format("{}", count) : Rounded(count));
  }
  return out + "</g>\n";
}

std::string DrawNames(const ReportData& data, const Layout& at) {
  std::string out = fmt::format(
      "<text class=\"name\" x=\"{}\" y=\"14\">predicted →</text><text class=\"name\" "
      "transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"end\">← true</text>\n",
      Coordinate(at.left), Coordinate(at.top));
  if (at.letters == 0) return out;
  const char* css_class = at.cell > 20 ? "edge" : "edge small";
  for (size_t i = 0; i < data.classes.size(); ++i) {
    const double middle = at.cell * (static_cast<double>(i) + 0.5);
    const std::string name = Escape(Shorten(data.classes[i].name, at.letters));
    out += fmt::format(
        "<text class=\"{}\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>"
        "<text class=\"{}\" transform=\"translate({} {}) rotate(-55)\">{}</text>\n",
        css_class, Coordinate(at.left - 7), Coordinate(at.top + middle + 4), name, css_class,
        Coordinate(at.left + middle), Coordinate(at.top - 7), name);
  }
  return out;
}

std::string DrawMatrix(const ReportData& data, const int64_t* confusion) {
  const size_t n = data.classes.size();
  const Layout at = LayoutFor(n);
  // The names of the last columns lean out to the right.
  const double lean = at.letters > 0 ? 62 : 0;
  std::string out = fmt::format("<div class=\"box matrix\" tabindex=\"0\" style=\"--w:{}px\">\n",
                                Coordinate(at.size + lean));
  out += OpenSvg(at.size + lean, at.size, "confusion",
                 "Confusion matrix; the commonest confusions "
                 "are listed in the table below it");
  const double side = at.cell * static_cast<double>(n);
  out += fmt::format("<rect class=\"field\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n",
                     Coordinate(at.left), Coordinate(at.top), Coordinate(side), Coordinate(side));
  out += DrawNames(data, at);
  for (size_t row = 0; row < n; ++row) {
    double total = 0;
    for (size_t j = 0; j < n; ++j) total += static_cast<double>(confusion[row * n + j]);
    for (size_t column = 0; column < n; ++column) {
      const int64_t count = confusion[row * n + column];
      if (count == 0) continue;
      out += DrawCell(data, at, row, column, count, static_cast<double>(count) / total);
    }
  }
  return out + CloseSvg() + "</div>\n";
}

struct Confusion {
  size_t row, column;
  int64_t count;
};

std::string CommonestTable(const ReportData& data, const int64_t* confusion) {
  const size_t n = data.classes.size();
  std::vector<Confusion> all;
  std::vector<double> totals(n);
  for (size_t i = 0; i < n * n; ++i) {
    totals[i / n] += static_cast<double>(confusion[i]);
    if (i / n != i % n && confusion[i] > 0) all.push_back({i / n, i % n, confusion[i]});
  }
  if (all.empty()) return "<p>No picture was taken for another class.</p>\n";
  const auto part_of = [&](const Confusion& c) {
    return static_cast<double>(c.count) / totals[c.row];
  };
  const size_t shown = std::min(all.size(), kMostListed);
  std::stable_sort(all.begin(), all.end(),
                   [](const Confusion& a, const Confusion& b) { return a.count > b.count; });
  Table table({{"true class"}, {"taken for"}, {"pictures", "n"}, {"of the class", "n"}, {"", "b"}});
  double largest = 0;
  for (size_t i = 0; i < shown; ++i) largest = std::max(largest, part_of(all[i]));
  for (size_t i = 0; i < shown; ++i) {
    const auto& [row, column, count] = all[i];
    const double part = part_of(all[i]);
    table.AddRow({Escape(Shorten(data.classes[row].name, 60)),
                  Escape(Shorten(data.classes[column].name, 60)), Grouped(count), Percent(part),
                  Bar(part / largest, "c1")});
  }
  return "<h3>Commonest confusions</h3>\n" + table.Html();
}

}  // namespace

std::string ConfusionSection(const ReportData& data) {
  const int64_t* confusion = ConfusionOf(data);
  if (confusion == nullptr || data.classes.size() < 2) return "";
  std::string out;
  if (data.classes.size() <= kMostDrawn) {
    out +=
        "<p class=\"note\">A row is a true class; its colours say what the network called its "
        "pictures. Point at a cell to read it.</p>\n";
    out += DrawMatrix(data, confusion);
  }
  return out + CommonestTable(data, confusion);
}

}  // namespace linnet::report
