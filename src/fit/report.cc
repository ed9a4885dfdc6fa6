#include "fit/report.h"

#include <fmt/format.h>

#include "fit/report_html.h"
#include "fit/report_sections.h"

namespace linnet {
namespace {

struct Section {
  const char* id;
  const char* title;
  std::string (*html)(const ReportData&);
};

constexpr Section kSections[] = {
    {"use", "How to use it", report::UseSection},
    {"size", "Why this size", report::SizeSection},
    {"training", "Training", report::TrainingSection},
    {"classes", "Class by class", report::ClassSection},
    {"confusion", "What is taken for what", report::ConfusionSection},
    {"mistakes", "Worst mistakes", report::MistakeSection},
    {"latency", "Latency", report::LatencySection},
    {"data", "Data", report::DataSection},
    {"record", "Record", report::RecordSection},
};

std::string PageTitle(const ReportData& data) {
  return "Linnet: " + (data.spec.empty() ? std::string("report") : report::Shorten(data.spec, 80));
}

}  // namespace

std::string RenderReport(const ReportData& data) {
  std::string links, body;
  for (const Section& section : kSections) {
    const std::string html = section.html(data);
    if (html.empty()) continue;
    links += fmt::format("<a href=\"#{}\">{}</a>\n", section.id, section.title);
    body += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", section.id,
                        section.title, html);
  }
  if (!links.empty()) links = "<nav aria-label=\"Sections\">\n" + links + "</nav>\n";
  // The policy forbids whatever a hostile class name might ask for, should escaping ever fail.
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; img-src data:\">\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{}{}{}</main>\n</body>\n"
      "</html>\n",
      report::Escape(PageTitle(data)), report::kStyle, report::HeadlineHtml(data), links, body);
}

}  // namespace linnet
