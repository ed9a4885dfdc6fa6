// Why this size: the pictures, what they mean, and the table of candidates.
#include <fmt/format.h>

#include <algorithm>

#include "fit/comparison.h"
#include "fit/report_html.h"
#include "fit/report_sections.h"

namespace linnet::report {
namespace {

// Longer in the comparison first, then more accurate, then faster.
bool ComesBefore(const ReportCandidate& a, const ReportCandidate& b) {
  if (a.status != b.status) return a.status > b.status;
  if (a.rounds() != b.rounds()) return a.rounds() > b.rounds();
  const double accuracy_a = Known(a.accuracy()) ? a.accuracy() : -1;
  const double accuracy_b = Known(b.accuracy()) ? b.accuracy() : -1;
  if (accuracy_a != accuracy_b) return accuracy_a > accuracy_b;
  return (Known(a.latency_ms) ? a.latency_ms : 1e30) < (Known(b.latency_ms) ? b.latency_ms : 1e30);
}

const char* RowClass(CandidateStatus status) {
  if (status == CandidateStatus::kWinner) return "won";
  return status <= CandidateStatus::kNotTried ? "out" : "";
}

// What a mark in the picture means, for those marks that are there.
std::string Key(const std::vector<ReportCandidate>& candidates) {
  static constexpr struct {
    CandidateStatus status;
    const char *css_class, *words;
  } kEntries[] = {{CandidateStatus::kWinner, "winner", "winner"},
                  {CandidateStatus::kFinalist, "finalist", "finalist"},
                  {CandidateStatus::kEliminated, "left", "left behind; the larger, the later"},
                  {CandidateStatus::kTooSlow, "slow", "too slow"},
                  {CandidateStatus::kTooLarge, "large", "file too large"},
                  {CandidateStatus::kTooLong, "long", "too long to train"},
                  {CandidateStatus::kNotTried, "untried", "not tried"}};
  std::string out = "<p class=\"key\">";
  for (const auto& entry : kEntries) {
    const auto is = [&](const ReportCandidate& c) { return c.status == entry.status; };
    if (std::none_of(candidates.begin(), candidates.end(), is)) continue;
    out += fmt::format("<span><i class=\"k {}\"></i>{}</span>\n", entry.css_class, entry.words);
  }
  return out + "</p>\n";
}

}  // namespace

std::string CandidateName(const ReportCandidate& candidate) {
  if (!Known(candidate.width) || candidate.resolution <= 0) {
    return candidate.spec.empty() ? "unnamed" : candidate.spec;
  }
  return fmt::format("{:g} × {}", candidate.width, candidate.resolution);
}

std::string CandidateOutcome(const ReportCandidate& candidate) {
  switch (candidate.status) {
    case CandidateStatus::kTooSlow:
      return "too slow";
    case CandidateStatus::kTooLarge:
      return "too large";
    case CandidateStatus::kTooLong:
      return "too long to train";
    case CandidateStatus::kNotTried:
      return "not tried";
    case CandidateStatus::kEliminated:
      return candidate.rounds() > 0 ? fmt::format("out in round {}", candidate.rounds()) : "out";
    case CandidateStatus::kFinalist:
      return "finalist";
    case CandidateStatus::kWinner:
      return "winner";
  }
  return "";
}

std::string CandidateTable(const ReportData& data) {
  std::vector<ReportCandidate> rows = data.candidates;
  std::stable_sort(rows.begin(), rows.end(), ComesBefore);
  double slowest = 0, best = 0;
  for (const ReportCandidate& c : rows) {
    if (Known(c.latency_ms)) slowest = std::max(slowest, c.latency_ms);
    if (Known(c.accuracy())) best = std::max(best, c.accuracy());
  }
  Table table({{"width × input", "s"},
               {"top-1", "n"},
               {"", "b w"},
               {"passes", "n w"},
               {"latency", "n"},
               {"", "b w"},
               {"file", "n"},
               {"MACs", "n w"},
               {"parameters", "n w"},
               {"outcome", "s"}});
  for (const ReportCandidate& c : rows) {
    table.AddRow({fmt::format("<span title=\"{}\">{}</span>", Escape(c.spec),
                              Escape(Shorten(CandidateName(c), 48))),
                  Percent(c.accuracy()), Bar(c.accuracy() / best, "c0"), Significant(c.epochs()),
                  Milliseconds(c.latency_ms), Bar(c.latency_ms / slowest, "c1"), Bytes(c.bytes),
                  Rounded(c.macs), Rounded(c.params), CandidateOutcome(c)},
                 RowClass(c.status));
  }
  return table.Html();
}

namespace {

std::string HowItWasChosen(const ReportData& data) {
  std::string text = "Every candidate was timed on this machine.";
  const auto compared = [](const ReportCandidate& c) { return c.rounds() > 0; };
  if (std::none_of(data.candidates.begin(), data.candidates.end(), compared)) {
    return data.delivered ? text + " One was left to train, so that nothing was compared." : text;
  }
  text +=
      " Of those inside the budget that the minutes can train, the widest of each input size were "
      "compared by short trainings: in each round all saw equally many pictures, and the better "
      "ones went on to a longer one. The picture shows the first round, with a standard error up "
      "and down where the number of validation pictures is known, the table the last that a "
      "network took part in. Both are lower than what the winner reached afterwards. The line "
      "joins the best to be had at each cost.";
  const std::string last = ComparisonText(data.candidates, data.compared_on);
  return last.empty() ? text : text + " In the end " + Escape(last) + ".";
}

}  // namespace

std::string SizeSection(const ReportData& data) {
  if (data.candidates.empty()) return "";
  std::string out;
  if (data.budget_ms > 0 || data.budget_bytes <= 0) {
    out +=
        FrontChart(data, FrontAxis::kLatency, false) + FrontChart(data, FrontAxis::kLatency, true);
  }
  if (data.budget_bytes > 0) {
    out += FrontChart(data, FrontAxis::kBytes, false) + FrontChart(data, FrontAxis::kBytes, true);
  }
  if (!out.empty()) {
    out += Key(data.candidates);
    out += "<p class=\"note\">" + HowItWasChosen(data) + "</p>\n";
  }
  return out + CandidateTable(data);
}

}  // namespace linnet::report
