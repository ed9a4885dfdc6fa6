// Training curves: loss, accuracy and learning rate over epochs.
#include <fmt/format.h>

#include <algorithm>

#include "fit/report_chart.h"
#include "fit/report_html.h"
#include "fit/report_sections.h"

namespace linnet::report {
namespace {

constexpr double kWidth = 310, kHeight = 215;

// Lines for runs of points, a dot for a point on its own, a dot at the end.
std::string DrawSeries(const Frame& frame, const Series& series) {
  std::string path, dots;
  const auto dot = [&](double x, double y) {
    dots += fmt::format("<circle class=\"dot {}\" cx=\"{}\" cy=\"{}\" r=\"3\"/>", series.css_class,
                        Coordinate(x), Coordinate(y));
  };
  int run = 0;
  double x = 0, y = 0;
  for (const auto& [epoch, value] : series.points) {
    if (!Drawable(frame.x, epoch) || !Drawable(frame.y, value)) {
      if (run == 1) dot(x, y);
      run = 0;
      continue;
    }
    x = frame.x(epoch);
    y = frame.y(value);
    path += fmt::format("{}{} {}", run++ == 0 ? "M" : "L", Coordinate(x), Coordinate(y));
  }
  if (run > 0) dot(x, y);
  if (path.empty()) return "";
  return fmt::format("<path class=\"line {}\" d=\"{}\"/>{}\n", series.css_class, path, dots);
}

std::string DrawLegend(const std::vector<Series>& series) {
  if (series.size() < 2) return "";
  std::string out;
  double x = kWidth - 8;
  for (size_t i = series.size(); i-- > 0;) {
    out += fmt::format("<text class=\"legend\" x=\"{}\" y=\"14\" text-anchor=\"end\">{}</text>",
                       Coordinate(x), Escape(series[i].name));
    x -= 6.4 * static_cast<double>(series[i].name.size()) + 8;
    out += fmt::format("<circle class=\"dot {}\" cx=\"{}\" cy=\"10\" r=\"4\"/>\n",
                       series[i].css_class, Coordinate(x));
    x -= 14;
  }
  return out;
}

Series SeriesOf(const std::vector<ReportEpoch>& epochs, const char* name, const char* css_class,
                double ReportEpoch::*field) {
  Series series{name, css_class, {}};
  for (const ReportEpoch& epoch : epochs) series.points.emplace_back(epoch.epoch, epoch.*field);
  return series;
}

}  // namespace

std::string LineChart(const std::string& title, const std::vector<Series>& series, ScaleKind kind,
                      const Label& y_label) {
  std::vector<double> xs = {0}, ys;
  std::vector<Series> drawn;
  for (const Series& s : series) {
    bool any = false;
    for (const auto& [x, y] : s.points) {
      if (!Known(x) || !Known(y)) continue;
      any = true;
      xs.push_back(x);
      ys.push_back(y);
    }
    if (any) drawn.push_back(s);
  }
  if (drawn.empty()) return "";
  Frame frame{.width = kWidth,
              .height = kHeight,
              .left = 46,
              .right = kWidth - 8,
              .top = 30,
              .bottom = kHeight - 26};
  frame.x = FitScale(xs, ScaleKind::kLinear, frame.left, frame.right, 5);
  frame.y = FitScale(ys, kind, frame.bottom, frame.top, 4);
  const auto number = [](double v) { return fmt::format("{:.4g}", v); };
  std::string out = OpenSvg(kWidth, kHeight, "curve", title + " by epoch");
  out += fmt::format("<text class=\"heading\" x=\"2\" y=\"14\">{}</text>\n", Escape(title));
  out += DrawLegend(drawn);
  out += DrawAxes(frame, number, y_label, "", "");
  for (const Series& s : drawn) out += DrawSeries(frame, s);
  return out + CloseSvg();
}

std::string TrainingSection(const ReportData& data) {
  const auto percent = [](double v) { return fmt::format("{:.4g}\u00A0%", 100 * v); };
  const auto number = [](double v) { return fmt::format("{:.3g}", v); };
  std::string charts;
  charts += LineChart("Loss", {SeriesOf(data.epochs, "train", "c1", &ReportEpoch::train_loss)},
                      ScaleKind::kLogIfWide, number);
  charts += LineChart("Top-1", {SeriesOf(data.epochs, "validation", "c0", &ReportEpoch::val_top1)},
                      ScaleKind::kLinear, percent);
  charts +=
      LineChart("Learning rate", {SeriesOf(data.epochs, "rate", "c2", &ReportEpoch::learning_rate)},
                ScaleKind::kLinear, number);
  if (charts.empty()) return "";
  std::string out = fmt::format("<div class=\"curves\">\n{}</div>\n", charts);
  const auto better = [](const ReportEpoch& a, const ReportEpoch& b) {
    return Known(b.val_top1) && (!Known(a.val_top1) || a.val_top1 < b.val_top1);
  };
  // The last of equals, as training keeps it.
  const ReportEpoch& best = *std::max_element(data.epochs.rbegin(), data.epochs.rend(), better);
  if (Known(best.val_top1) && Known(best.epoch)) {
    out += fmt::format(
        "<p class=\"note\">Best validation top-1: {} after epoch {:g} of {:g}. It is "
        "measured on the compiled plan, which is what ships.</p>\n",
        Percent(best.val_top1), best.epoch, data.epochs.back().epoch);
  }
  return out;
}

}  // namespace linnet::report
