#include "fit/report_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fit/report_html.h"

namespace linnet::report {
namespace {

// The round number (1, 2 or 5 times a power of ten) next above 'step'.
double RoundStep(double step) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * 0.999) return factor * power;
  }
  return 10 * power;
}

std::vector<double> LinearTicks(double low, double high, int count) {
  const double step = RoundStep((high - low) / std::max(count, 1));
  const double first = std::ceil(low / step - 1e-9);
  std::vector<double> ticks;
  for (int i = 0; i <= 2 * count + 2; ++i) {
    const double tick = (first + i) * step;
    if (tick > high + 1e-9 * step) break;
    ticks.push_back(tick);
  }
  return ticks;
}

// 1, 2, 5 of every decade, or the powers of ten alone where the range is long.
std::vector<double> LogTicks(double low, double high, int count) {
  const double decades = std::log10(high / low);
  if (decades < 0.8) return LinearTicks(low, high, count);
  std::vector<double> ticks;
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / (count + 1))));
  for (int power = first; power <= first + static_cast<int>(decades) + 1; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor != 1 && 3 * decades > count + 2) continue;
      if (factor == 1 && (power - first) % stride != 0) continue;
      const double tick = factor * std::pow(10.0, power);
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push_back(tick);
    }
  }
  return ticks;
}

}  // namespace

double Scale::operator()(double value) const {
  const double v = std::clamp(value, low, high);
  const double part = log ? std::log(v / low) / std::log(high / low) : (v - low) / (high - low);
  return from + (to - from) * part;
}

bool Drawable(const Scale& scale, double value) {
  return Known(value) && (!scale.log || value > 1e-30);
}

Scale FitScale(const std::vector<double>& values, ScaleKind kind, double from, double to,
               int tick_count) {
  Scale scale{.from = from, .to = to};
  double low = INFINITY, high = -INFINITY;
  for (const double value : values) {
    if (!Known(value) || (kind != ScaleKind::kLinear && value <= 1e-30)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  scale.log = kind == ScaleKind::kLog || (kind == ScaleKind::kLogIfWide && high > 6 * low);
  if (!(low <= high)) {
    low = scale.log ? 1 : 0;
    high = scale.log ? 10 : 1;
  }
  if (scale.log) {
    const double room = std::pow(std::max(high / low, 1.5), 0.05);
    scale.low = low / room;
    scale.high = high * room;
  } else {
    const double room = high > low ? 0.06 * (high - low) : std::max(std::abs(high) * 0.1, 1e-3);
    scale.low = low >= 0 && low < room ? 0 : low - room;
    scale.high = high + room;
  }
  scale.ticks = scale.log ? LogTicks(scale.low, scale.high, tick_count)
                          : LinearTicks(scale.low, scale.high, tick_count);
  return scale;
}

std::string Coordinate(double value) {
  if (!Known(value)) return "0";
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string OpenSvg(double width, double height, const std::string& css_class,
                    const std::string& description) {
  return fmt::format("<svg class=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n",
                     css_class, Coordinate(width), Coordinate(height), Escape(description));
}

std::string DrawAxes(const Frame& frame, const Label& x_label, const Label& y_label,
                     const std::string& x_title, const std::string& y_title) {
  const auto at = Coordinate;
  std::string out;
  for (const double tick : frame.y.ticks) {
    const double y = frame.y(tick);
    out += fmt::format(
        "<path class=\"grid\" d=\"M{} {}H{}\"/><text class=\"tick\" x=\"{}\" y=\"{}\" "
        "text-anchor=\"end\">{}</text>\n",
        at(frame.left), at(y), at(frame.right), at(frame.left - 7), at(y + 4), y_label(tick));
  }
  for (const double tick : frame.x.ticks) {
    const double x = frame.x(tick);
    out += fmt::format(
        "<path class=\"axis\" d=\"M{} {}v5\"/><text class=\"tick\" x=\"{}\" y=\"{}\" "
        "text-anchor=\"middle\">{}</text>\n",
        at(x), at(frame.bottom), at(x), at(frame.bottom + 18), x_label(tick));
  }
  out += fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/>\n", at(frame.left), at(frame.bottom),
                     at(frame.right));
  if (!x_title.empty()) {
    out += fmt::format("<text class=\"name\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
                       at(frame.right), at(frame.bottom + 36), Escape(x_title));
  }
  if (!y_title.empty()) {
    out += fmt::format("<text class=\"name\" x=\"{}\" y=\"{}\">{}</text>\n", at(2),
                       at(frame.top - 14), Escape(y_title));
  }
  return out;
}

}  // namespace linnet::report
