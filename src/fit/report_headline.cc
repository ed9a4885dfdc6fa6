// The top of the page: what was asked, what was delivered, whether they agree, how to use it.
#include <fmt/format.h>

#include "fit/report_html.h"
#include "fit/report_sections.h"

namespace linnet::report {
namespace {

bool HasBudget(const ReportData& data) { return data.budget_ms > 0 || data.budget_bytes > 0; }

// "at most 1.00 ms a picture and 500 kB"
std::string BudgetText(const ReportData& data) {
  std::string text = "at most ";
  if (data.budget_ms > 0) text += WithoutZeros(Milliseconds(data.budget_ms)) + " a picture";
  if (data.budget_ms > 0 && data.budget_bytes > 0) text += " and ";
  if (data.budget_bytes > 0) text += WithoutZeros(Bytes(data.budget_bytes));
  return text;
}

enum class Verdict { kNone, kMet, kBroken, kUnmeasured };

Verdict Judge(const ReportData& data) {
  if (!data.delivered) return Verdict::kBroken;
  if (!HasBudget(data)) return Verdict::kNone;
  const bool time_known = data.budget_ms <= 0 || Known(data.median_ms);
  const bool size_known = data.budget_bytes <= 0 || data.bytes > 0;
  if (!time_known || !size_known) return Verdict::kUnmeasured;
  const bool in_time = data.budget_ms <= 0 || data.median_ms <= data.budget_ms;
  const bool in_size = data.budget_bytes <= 0 || data.bytes <= data.budget_bytes;
  return in_time && in_size ? Verdict::kMet : Verdict::kBroken;
}

std::string Title(const ReportData& data) {
  if (!data.delivered) return "Nothing meets the budget";
  std::string title = Known(data.top1) ? Percent(data.top1) + " right" : "";
  if (Known(data.median_ms)) {
    title += title.empty() ? "A network that takes " : " in ";
    title += Milliseconds(data.median_ms);
  }
  return title.empty() ? "A trained network" : title;
}

std::string Badge(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMet:
      return "<span class=\"badge good\">✓ budget met</span>";
    case Verdict::kBroken:
      return "<span class=\"badge bad\">✗ budget not met</span>";
    case Verdict::kUnmeasured:
      return "<span class=\"badge\">budget not measured</span>";
    case Verdict::kNone:
      return "";
  }
  return "";
}

// "It classifies 87.3 % of 2,000 test pictures correctly"
std::string AccuracyText(const ReportData& data) {
  if (!Known(data.top1)) return "";
  std::string of = data.eval_count > 0 ? Grouped(data.eval_count) : "the";
  if (!data.eval_split.empty()) of += " " + Escape(data.eval_split);
  // What chose among the networks of a run is rather good for the one that was chosen.
  const char* chose = data.eval_split != "val" ? ""
                      : data.verb == "fit"     ? " (which also chose the network and the epoch)"
                                               : " (which also chose the epoch)";
  return fmt::format("names {} of {} pictures{} right", Percent(data.top1), of, chose);
}

std::string LatencyText(const ReportData& data) {
  if (!Known(data.median_ms)) return "";
  std::string text = "takes " + Milliseconds(data.median_ms) + " for one";
  if (Known(data.p95_ms)) text += " (19 of 20 within " + Milliseconds(data.p95_ms) + ")";
  if (data.threads > 0) text += " on " + Plural(data.threads, "thread", "threads");
  return text;
}

std::string Sentence(const ReportData& data, Verdict verdict) {
  std::string out = HasBudget(data) ? "Asked for: " + BudgetText(data) + ". " : "";
  if (!data.delivered) {
    return out + (data.failure.empty() ? "No candidate is small enough." : Escape(data.failure));
  }
  const std::string spec =
      data.spec.empty() ? "a network" : "<code>" + Escape(data.spec) + "</code>";
  const std::string accuracy = AccuracyText(data), latency = LatencyText(data);
  out += "Delivered: " + spec;
  if (!accuracy.empty() || !latency.empty()) {
    out += ", which " + accuracy + (accuracy.empty() || latency.empty() ? "" : " and ") + latency;
  }
  switch (verdict) {
    case Verdict::kMet:
      return out + ": the budget is met.";
    case Verdict::kBroken:
      return out + ": the budget is <strong>not</strong> met.";
    case Verdict::kUnmeasured:
      return out + "; whether that meets the budget was not measured.";
    case Verdict::kNone:
      return out + ".";
  }
  return out;
}

struct Tile {
  std::string value, name, note;
};

std::vector<Tile> Tiles(const ReportData& data) {
  std::vector<Tile> tiles;
  if (Known(data.top1)) {
    tiles.push_back(
        {Percent(data.top1), "top-1", Known(data.top5) ? "top-5 " + Percent(data.top5) : ""});
  }
  if (Known(data.median_ms)) {
    std::string note = Known(data.p95_ms) ? "95th percentile " + Milliseconds(data.p95_ms) : "";
    tiles.push_back({Milliseconds(data.median_ms), "median latency", note});
  }
  if (data.bytes > 0) {
    tiles.push_back({Bytes(data.bytes), "model file", Grouped(data.bytes) + "\u00A0bytes"});
  }
  if (data.macs > 0) {
    tiles.push_back({Rounded(data.macs), "multiply-adds",
                     data.params > 0 ? Rounded(data.params) + " parameters" : ""});
  }
  return tiles;
}

}  // namespace

std::string HeadlineHtml(const ReportData& data) {
  const Verdict verdict = Judge(data);
  std::string kicker = "linnet " + Escape(data.verb.empty() ? "report" : data.verb);
  if (!data.data.empty()) kicker += " · " + Escape(Shorten(data.data, 80));
  std::string out = fmt::format(
      "<header>\n<p class=\"kicker\">{}</p>\n<h1>{} {}</h1>\n"
      "<p class=\"lead\">{}</p>\n",
      kicker, Title(data), Badge(verdict), Sentence(data, verdict));
  const std::vector<Tile> tiles = data.delivered ? Tiles(data) : std::vector<Tile>{};
  if (!tiles.empty()) out += "<div class=\"tiles\">\n";
  for (const Tile& tile : tiles) {
    out += fmt::format("<div class=\"tile\"><b>{}</b><span>{}</span><small>{}</small></div>\n",
                       tile.value, tile.name, tile.note);
  }
  if (!tiles.empty()) out += "</div>\n";
  if (!data.machine.empty()) {
    out += fmt::format("<p class=\"note\">Measured on {}{}.</p>\n", Escape(data.machine),
                       data.precision.empty() ? "" : ", " + Escape(data.precision));
  }
  return out + "</header>\n";
}

std::string UseSection(const ReportData& data) {
  std::string out;
  if (!data.file.empty() && data.delivered) {
    out += fmt::format(
        "<p>The network, its image pipeline and its labels are in one file: "
        "<code>{}</code></p>\n",
        Escape(data.file));
  }
  out += CodeBlock("From the command line", data.predict_command);
  return out + CodeBlock("From C++", data.cpp_snippet);
}

}  // namespace linnet::report
