// The sections of the report, in the order of the page. Each gives its HTML without the heading, or
// nothing where the data have nothing for it. Part of fit/report.h.
#ifndef LINNET_FIT_REPORT_SECTIONS_H_
#define LINNET_FIT_REPORT_SECTIONS_H_

#include <string>

#include "fit/report.h"

namespace linnet::report {

std::string HeadlineHtml(const ReportData& data);  // report_headline.cc
std::string UseSection(const ReportData& data);
std::string SizeSection(const ReportData& data);       // report_front.cc, report_candidates.cc
std::string TrainingSection(const ReportData& data);   // report_curves.cc
std::string ClassSection(const ReportData& data);      // report_classes.cc
std::string ConfusionSection(const ReportData& data);  // report_confusion.cc
std::string MistakeSection(const ReportData& data);    // report_tables.cc
std::string LatencySection(const ReportData& data);
std::string DataSection(const ReportData& data);
std::string RecordSection(const ReportData& data);

// What the sections are made from.
enum class FrontAxis { kLatency, kBytes };
// Accuracy against latency or file size, one mark a candidate; empty if nothing can be drawn.
std::string FrontChart(const ReportData& data, FrontAxis axis, bool narrow);
std::string CandidateTable(const ReportData& data);
// "0.5 × 160", or the spec if width or resolution is not known. Not escaped.
std::string CandidateName(const ReportCandidate& candidate);
// "too slow", "out in round 2", ...
std::string CandidateOutcome(const ReportCandidate& candidate);
// The confusion matrix if it has the right size, else null.
const int64_t* ConfusionOf(const ReportData& data);

extern const char* const kStyle;  // report_style.cc

}  // namespace linnet::report

#endif  // LINNET_FIT_REPORT_SECTIONS_H_
