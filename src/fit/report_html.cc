#include "fit/report_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace linnet::report {
namespace {

constexpr const char* kDash = "–";
constexpr const char* kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The UTF-8 character at the start of 'text': its code point and its bytes; bytes = 1 and code
// point -1 if there is no valid one (RFC 3629: no overlong forms, no surrogates).
struct Character {
  int32_t code = -1;
  size_t bytes = 1;
};

Character FirstCharacter(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  int32_t code = lead & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {};
  return {code, bytes};
}

// Characters that draw nothing and change how their neighbours are drawn.
bool IsHidden(int32_t code) {
  const bool control = code < 0x20 ? code != '\n' && code != '\t' : code >= 0x7F && code < 0xA0;
  const bool direction = code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
                         (code >= 0x2066 && code <= 0x2069);
  const bool not_a_character = (code & 0xFFFE) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF);
  return control || direction || not_a_character || code == 0xFEFF;
}

std::string ClassAttribute(const char* css_class) {
  return *css_class == 0 ? "" : fmt::format(" class=\"{}\"", css_class);
}

// A number and its unit stay on one line.
std::string Unbroken(std::string text) {
  if (const size_t space = text.find(' '); space != std::string::npos) {
    text.replace(space, 1, "\u00A0");
  }
  return text;
}

}  // namespace

std::string Escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const Character c = FirstCharacter(text);
    switch (c.code) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (IsHidden(c.code)) {
          out += kReplacement;
        } else {
          out += text.substr(0, c.bytes);
        }
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::string Shorten(std::string_view text, size_t letters) {
  size_t end = 0, cut = 0, seen = 0;
  while (end < text.size()) {
    if (seen + 1 == letters) cut = end;  // the ellipsis takes the place of the last letter
    end += FirstCharacter(text.substr(end)).bytes;
    if (++seen > letters) return std::string(text.substr(0, cut)) + "…";
  }
  return std::string(text);
}

bool Known(double value) { return std::isfinite(value) && std::abs(value) < 1e30; }

std::string Significant(double value) {
  if (!Known(value)) return kDash;
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e6 || size < 1e-3) return fmt::format("{:.3g}", value);
  // A little larger, so that what rounds up to the next power of ten counts as that.
  const int power = static_cast<int>(std::floor(std::log10(size * 1.0005)));
  const int digits = std::clamp(2 - power, 0, 5);
  return fmt::format("{:.{}f}", value, digits);
}

std::string WithoutZeros(std::string text) {
  const size_t end = std::min(text.find("\u00A0"), text.size());
  if (text.find('.') >= end) return text;
  size_t keep = end;
  while (text[keep - 1] == '0') --keep;
  if (text[keep - 1] == '.') --keep;
  return text.erase(keep, end - keep);
}

std::string Milliseconds(double ms) { return Known(ms) ? Significant(ms) + "\u00A0ms" : kDash; }

std::string Bytes(int64_t bytes) { return bytes > 0 ? Unbroken(BytesText(bytes)) : kDash; }

std::string Percent(double fraction) {
  return Known(fraction) ? fmt::format("{:.1f}\u00A0%", 100 * fraction) : kDash;
}

std::string Grouped(int64_t count) {
  const std::string digits = fmt::format("{}", count);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    const bool between_digits = i > 0 && digits[i - 1] != '-';
    if (between_digits && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string Rounded(int64_t count) { return count > 0 ? Unbroken(CountText(count)) : kDash; }

std::string Plural(int64_t count, const char* one, const char* many) {
  return Grouped(count) + "\u00A0" + (count == 1 ? one : many);
}

std::string Bar(double fraction, const char* css_class, double mark) {
  if (!Known(fraction)) return "";
  const double length = 100 * std::clamp(fraction, 0.0, 1.0);
  std::string out = fmt::format(
      "<span class=\"track\"><span class=\"bar {}\" style=\"width:{:.1f}%\">"
      "</span>",
      css_class, length);
  if (Known(mark)) {
    out += fmt::format("<span class=\"mark\" style=\"left:{:.1f}%\"></span>",
                       100 * std::clamp(mark, 0.0, 1.0));
  }
  return out + "</span>";
}

std::string FactTable(const char* caption, const ReportFacts& facts) {
  if (facts.empty()) return "";
  std::string out = fmt::format("<h3>{}</h3>\n<table class=\"facts\"><tbody>\n", caption);
  for (const auto& [name, value] : facts) {
    out +=
        fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", Escape(name), Escape(value));
  }
  return out + "</tbody></table>\n";
}

std::string CodeBlock(const char* caption, const std::string& text) {
  if (text.empty()) return "";
  return fmt::format("<h3>{}</h3>\n<pre tabindex=\"0\"><code>{}</code></pre>\n", caption,
                     Escape(text));
}

void Table::AddRow(const std::vector<std::string>& cells, const char* css_class) {
  ++rows_;
  body_ += "<tr" + ClassAttribute(css_class) + ">";
  for (size_t i = 0; i < std::min(cells.size(), columns_.size()); ++i) {
    const std::string css = ClassAttribute(columns_[i].css_class);
    body_ += i == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", css, cells[i])
                    : fmt::format("<td{}>{}</td>", css, cells[i]);
  }
  body_ += "</tr>\n";
}

std::string Table::Html() const {
  constexpr int kManyRows = 30;
  std::string head;
  for (const Column& column : columns_) {
    const std::string css = ClassAttribute(column.css_class);
    head += *column.title == 0 ? fmt::format("<td{}></td>", css)
                               : fmt::format("<th scope=\"col\"{}>{}</th>", css, column.title);
  }
  return fmt::format(
      "<div class=\"box{}\" tabindex=\"0\">\n<table><thead><tr>{}</tr></thead>\n"
      "<tbody>\n{}</tbody></table>\n</div>\n",
      rows_ > kManyRows ? " long" : "", head, body_);
}

}  // namespace linnet::report
