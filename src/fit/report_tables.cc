// Mistakes, latency by layer, data, and the record of the run.
#include <fmt/format.h>

#include <algorithm>

#include "fit/report_html.h"
#include "fit/report_image.h"
#include "fit/report_sections.h"

namespace linnet::report {
namespace {

constexpr size_t kMostSkipped = 200;

std::string Figure(const ReportMistake& mistake) {
  const std::string picture = PngUri(mistake.width, mistake.height, mistake.rgb);
  std::string image = "<div class=\"blank\">no picture</div>";
  if (!picture.empty()) {
    const bool tiny = std::max(mistake.width, mistake.height) < 80;
    image = fmt::format("<img{} src=\"{}\" width=\"{}\" height=\"{}\" alt=\"{}\">",
                        tiny ? " class=\"tiny\"" : "", picture, mistake.width, mistake.height,
                        Escape(mistake.label));
  }
  return fmt::format(
      "<figure title=\"{}\">{}<figcaption><b>{}</b><span class=\"said\">{} <small>{}"
      "</small></span></figcaption></figure>\n",
      Escape(mistake.file), image, Escape(Shorten(mistake.label, 40)),
      Escape(Shorten(mistake.predicted, 40)), Percent(mistake.score));
}

std::string StepTable(const std::vector<ReportStep>& steps) {
  if (steps.empty()) return "";
  double longest = 0;
  for (const ReportStep& step : steps) {
    if (Known(step.ms)) longest = std::max(longest, step.ms);
  }
  Table table({{"step"},
               {"kernel", "w"},
               {"time, µs", "n"},
               {"", "b"},
               {"of the limit", "n"},
               {"MACs", "n w"}});
  for (const ReportStep& step : steps) {
    const double reached = step.limit_ms / step.ms;
    table.AddRow({Escape(Shorten(step.name, 60)), Escape(Shorten(step.op, 60)),
                  Significant(1e3 * step.ms), Bar(step.ms / longest, "c0", step.limit_ms / longest),
                  Known(reached) ? fmt::format("{:.0f}\u00A0%", 100 * reached) : "–",
                  Rounded(step.macs)});
  }
  return "<h3>Where the time goes</h3>\n<p class=\"note\">The tick on a bar is the least time that "
         "the "
         "arithmetic and the memory of this machine allow for the step; the column says how much "
         "of "
         "that speed was reached.</p>\n" +
         table.Html();
}

struct Totals {
  int64_t train = 0, val = 0, test = 0, most = 0;
};

Totals Add(const std::vector<ReportClass>& classes) {
  Totals totals;
  for (const ReportClass& c : classes) {
    totals.train += c.train;
    totals.val += c.val;
    totals.test += c.test;
    totals.most = std::max(totals.most, c.train + c.val + c.test);
  }
  return totals;
}

std::string CountTable(const std::vector<ReportClass>& classes) {
  const Totals totals = Add(classes);
  const int64_t all = totals.train + totals.val + totals.test;
  if (all <= 0) return "";
  std::string out =
      fmt::format("<p>{} in {}: {} to train with, {} to choose with, {} to test with.</p>\n",
                  Plural(all, "picture", "pictures"),
                  Plural(static_cast<int64_t>(classes.size()), "class", "classes"),
                  Grouped(totals.train), Grouped(totals.val), Grouped(totals.test));
  Table table({{"class"}, {"train", "n"}, {"validation", "n"}, {"test", "n"}, {"", "b"}});
  for (const ReportClass& c : classes) {
    const double part =
        static_cast<double>(c.train + c.val + c.test) / static_cast<double>(totals.most);
    table.AddRow({Escape(Shorten(c.name, 60)), Grouped(c.train), Grouped(c.val), Grouped(c.test),
                  Bar(part, "c2")});
  }
  return out + table.Html();
}

std::string SkippedTable(const std::vector<ReportSkipped>& skipped) {
  if (skipped.empty()) return "";
  const size_t shown = std::min(skipped.size(), kMostSkipped);
  std::string out = "<h3>Pictures skipped</h3>\n";
  out += fmt::format("<p>{} could not be read and took no part{}.</p>\n",
                     Plural(static_cast<int64_t>(skipped.size()), "picture", "pictures"),
                     shown < skipped.size() ? fmt::format("; the first {} are listed", shown) : "");
  Table table({{"file", "file"}, {"reason", "file"}});
  for (size_t i = 0; i < shown; ++i) {
    table.AddRow({Escape(skipped[i].file), Escape(skipped[i].reason)});
  }
  return out + table.Html();
}

}  // namespace

std::string MistakeSection(const ReportData& data) {
  if (data.mistakes.empty()) return "";
  std::string out =
      "<p class=\"note\">In bold what the picture is labelled, below it what the network says and "
      "how "
      "sure it is. A label may be wrong, too.</p>\n<div class=\"figures\">\n";
  for (size_t i = 0; i < std::min(data.mistakes.size(), kMostMistakes); ++i) {
    out += Figure(data.mistakes[i]);
  }
  return out + "</div>\n";
}

std::string LatencySection(const ReportData& data) {
  if (!data.delivered) return "";
  std::string out;
  if (Known(data.median_ms)) {
    out += fmt::format(
        "<p>One picture at a time{}: median {}, 95th percentile {}, 99th percentile "
        "{}{}.",
        data.threads > 0 ? ", on " + Plural(data.threads, "thread", "threads") : "",
        Milliseconds(data.median_ms), Milliseconds(data.p95_ms), Milliseconds(data.p99_ms),
        data.latency_tries > 1
            ? fmt::format(
                  " (the least of {} measurements, as those before were outside the budget)",
                  data.latency_tries)
            : "");
    const double reached = data.limit_ms / data.median_ms;
    if (Known(reached)) {
      out += fmt::format(
          " This machine allows no less than {} for this network: {} of that speed "
          "is reached.",
          Milliseconds(data.limit_ms), Percent(reached));
    }
    out += "</p>\n";
  }
  return out + StepTable(data.steps);
}

std::string DataSection(const ReportData& data) {
  return CountTable(data.classes) + SkippedTable(data.skipped) +
         FactTable("Image pipeline", data.pipeline);
}

std::string RecordSection(const ReportData& data) {
  return FactTable("Arguments", data.arguments) + FactTable("Circumstances", data.record);
}

}  // namespace linnet::report
