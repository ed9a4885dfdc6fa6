// Accuracy of each class, from the confusion matrix.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "fit/report_html.h"
#include "fit/report_sections.h"

namespace linnet::report {
namespace {

constexpr size_t kManyClasses = 20;  // above: the table begins with the worst

struct ClassScore {
  size_t index = 0;
  int64_t count = 0;            // pictures of the class
  double recall = kUnknown;     // of these, the part recognised
  double precision = kUnknown;  // of the pictures called so, the part that is
  size_t rival = 0;             // the class it is taken for most often
  int64_t rival_count = 0;      // how often; 0: never
};

std::vector<ClassScore> Scores(const ReportData& data, const int64_t* confusion) {
  const size_t n = data.classes.size();
  std::vector<double> called(n);
  for (size_t i = 0; i < n * n; ++i) called[i % n] += static_cast<double>(confusion[i]);
  std::vector<ClassScore> scores(n);
  for (size_t i = 0; i < n; ++i) {
    const int64_t* row = confusion + i * n;
    ClassScore& score = scores[i];
    score.index = i;
    score.count = std::accumulate(row, row + n, int64_t{0});
    const double right = static_cast<double>(row[i]);
    if (score.count > 0) score.recall = right / static_cast<double>(score.count);
    if (called[i] > 0) score.precision = right / called[i];
    for (size_t j = 0; j < n; ++j) {
      if (j == i || row[j] <= score.rival_count) continue;
      score.rival = j;
      score.rival_count = row[j];
    }
  }
  return scores;
}

}  // namespace

const int64_t* ConfusionOf(const ReportData& data) {
  const size_t n = data.classes.size();
  const bool whole = n > 0 && data.confusion.size() == n * n &&
                     std::all_of(data.confusion.begin(), data.confusion.end(),
                                 [](int64_t count) { return count >= 0; });
  return whole ? data.confusion.data() : nullptr;
}

std::string ClassSection(const ReportData& data) {
  const int64_t* confusion = ConfusionOf(data);
  if (confusion == nullptr) return "";
  std::vector<ClassScore> scores = Scores(data, confusion);
  const bool many = scores.size() > kManyClasses;
  if (many) {
    std::stable_sort(scores.begin(), scores.end(), [](const ClassScore& a, const ClassScore& b) {
      return (a.count > 0 ? a.recall : 2) < (b.count > 0 ? b.recall : 2);
    });
  }
  Table table({{"class"},
               {"pictures", "n"},
               {"recognised", "n"},
               {"", "b w"},
               {"right when named", "n w"},
               {"most often taken for"}});
  for (const ClassScore& s : scores) {
    std::string rival = "–";
    if (s.rival_count > 0) {
      rival = fmt::format("{} <small>({})</small>", Escape(Shorten(data.classes[s.rival].name, 60)),
                          Grouped(s.rival_count));
    }
    table.AddRow({Escape(Shorten(data.classes[s.index].name, 60)), Grouped(s.count),
                  Percent(s.recall), Bar(s.recall, "c0"), Percent(s.precision), rival});
  }
  return (many ? "<p class=\"note\">The least recognised classes come first.</p>\n" : "") +
         table.Html();
}

}  // namespace linnet::report
