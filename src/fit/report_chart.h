// Charts as inline SVG: scales with ticks, axes, lines. Part of fit/report.h.
//
// Colours and strokes are CSS classes (report_style.cc), so that a chart follows the page's light
// or dark scheme. Coordinates are in units of the viewBox, one unit = one pixel at natural size.
#ifndef LINNET_FIT_REPORT_CHART_H_
#define LINNET_FIT_REPORT_CHART_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace linnet::report {

// Values -> coordinates, linear or logarithmic.
struct Scale {
  double low = 0, high = 1;  // the range of values
  double from = 0, to = 1;   // their coordinates
  bool log = false;
  std::vector<double> ticks;  // round values in the range

  // The coordinate of a value; values outside the range fall on its ends.
  double operator()(double value) const;
};

enum class ScaleKind { kLinear, kLog, kLogIfWide };  // wide: the largest is over 6 times the least

// A scale that holds all known values, with a little room, and about 'tick_count' ticks. Values
// that cannot be drawn (NaN, infinite, not positive on a logarithmic scale) are left out; without
// any the range is [0, 1], or [1, 10].
Scale FitScale(const std::vector<double>& values, ScaleKind kind, double from, double to,
               int tick_count);
// Whether the scale can show the value.
bool Drawable(const Scale& scale, double value);

struct Frame {
  double width = 0, height = 0;                     // of the picture
  double left = 0, right = 0, top = 0, bottom = 0;  // coordinates of the plot's edges
  Scale x, y;
};

using Label = std::function<std::string(double)>;  // the text of a tick; escaped already

// Opens and closes the picture; 'description' is what a screen reader says.
std::string OpenSvg(double width, double height, const std::string& css_class,
                    const std::string& description);
inline const char* CloseSvg() { return "</svg>\n"; }

// Grid lines, tick labels, axis titles.
std::string DrawAxes(const Frame& frame, const Label& x_label, const Label& y_label,
                     const std::string& x_title, const std::string& y_title);

// A number as an SVG coordinate: at most one decimal, never NaN.
std::string Coordinate(double value);

struct Series {
  std::string name;       // in the legend
  const char* css_class;  // its colour: "c0", "c1"
  std::vector<std::pair<double, double>> points;
};

// A small line chart over epochs with a legend; empty if there is nothing to draw. Gaps in the data
// are gaps in the line.
std::string LineChart(const std::string& title, const std::vector<Series>& series, ScaleKind kind,
                      const Label& y_label);

}  // namespace linnet::report

#endif  // LINNET_FIT_REPORT_CHART_H_
