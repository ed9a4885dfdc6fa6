// The accuracy/latency front: one mark a candidate.
//
//   accuracy |         (o) 0.5 x 160      : over
//            |    o                       : budget
//            |  o                         :
//            |----------------------------:-----
//            | not compared               : o o     <- the lane
//            +------------------------------------ latency
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fit/comparison.h"
#include "fit/report_chart.h"
#include "fit/report_html.h"
#include "fit/report_sections.h"

namespace linnet::report {
namespace {

constexpr double kLaneHeight = 40;

struct Box {
  double left, top, right, bottom;
  bool Meets(const Box& o) const {
    return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
  }
};

struct Mark {
  const ReportCandidate* candidate;
  double x = 0, y = 0, radius = 5;
  bool compared = false;
  Box box() const { return {x - radius, y - radius, x + radius, y + radius}; }
};

double Cost(const ReportCandidate& c, FrontAxis axis) {
  if (axis == FrontAxis::kLatency) return c.latency_ms;
  return c.bytes > 0 ? static_cast<double>(c.bytes) : kUnknown;
}

// Of the first round, which all that were compared took part in on equally many pictures.
double Accuracy(const ReportCandidate& c) {
  return c.trials.empty() ? kUnknown : c.trials.front().accuracy;
}

double Budget(const ReportData& data, FrontAxis axis) {
  const double budget =
      axis == FrontAxis::kLatency ? data.budget_ms : static_cast<double>(data.budget_bytes);
  return Known(budget) && budget > 0 ? budget : kUnknown;
}

std::string CostText(double cost, FrontAxis axis) {
  return axis == FrontAxis::kLatency ? Milliseconds(cost) : Bytes(std::llround(cost));
}

const char* MarkClass(CandidateStatus status) {
  switch (status) {
    case CandidateStatus::kTooSlow:
      return "slow";
    case CandidateStatus::kTooLarge:
      return "large";
    case CandidateStatus::kTooLong:
      return "long";
    case CandidateStatus::kNotTried:
      return "untried";
    case CandidateStatus::kEliminated:
      return "left";
    case CandidateStatus::kFinalist:
      return "finalist";
    case CandidateStatus::kWinner:
      return "winner";
  }
  return "";
}

Frame MakeFrame(const ReportData& data, FrontAxis axis, bool narrow) {
  Frame frame{.width = narrow ? 360.0 : 900.0, .height = narrow ? 400.0 : 460.0};
  frame.left = narrow ? 44 : 64;
  frame.right = frame.width - 10;
  frame.top = 44;
  frame.bottom = frame.height - 44;
  std::vector<double> costs = {Budget(data, axis)}, accuracies;
  for (const ReportCandidate& c : data.candidates) {
    costs.push_back(Cost(c, axis));
    const double accuracy = Accuracy(c);
    const double error = data.compared_on > 0 ? StandardError(accuracy, data.compared_on) : 0;
    accuracies.insert(accuracies.end(), {accuracy - error, accuracy + error});
  }
  frame.x = FitScale(costs, ScaleKind::kLogIfWide, frame.left, frame.right, narrow ? 4 : 9);
  frame.y = FitScale(accuracies, ScaleKind::kLinear, frame.bottom - kLaneHeight, frame.top, 6);
  return frame;
}

// The marks of one lane give way to each other: up to three rows.
void PlaceInLane(Mark& mark, const std::vector<Mark>& marks, const Frame& frame) {
  for (const double row : {20.0, 31.0, 9.0}) {
    mark.y = frame.bottom - row;
    const auto meets = [&](const Mark& m) { return !m.compared && m.box().Meets(mark.box()); };
    if (std::none_of(marks.begin(), marks.end(), meets)) return;
  }
}

// The important ones last, so that they are drawn on top.
std::vector<Mark> PlaceMarks(const ReportData& data, FrontAxis axis, const Frame& frame) {
  std::vector<Mark> marks;
  std::vector<const ReportCandidate*> order;
  for (const ReportCandidate& c : data.candidates) order.push_back(&c);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->status, a->rounds()) < std::pair(b->status, b->rounds());
  });
  for (const ReportCandidate* c : order) {
    const double cost = Cost(*c, axis);
    if (!Drawable(frame.x, cost)) continue;
    Mark mark{c, frame.x(cost)};
    mark.compared = Known(Accuracy(*c));
    if (mark.compared) {
      mark.y = frame.y(Accuracy(*c));
      mark.radius =
          c->status == CandidateStatus::kWinner ? 8 : 4 + std::clamp(c->rounds(), 0, 4) * 0.7;
    } else {
      PlaceInLane(mark, marks, frame);
    }
    marks.push_back(mark);
  }
  return marks;
}

std::string Tooltip(const ReportCandidate& c) {
  std::string text = CandidateName(c) + ": " + CandidateOutcome(c);
  text += "\nlatency " + Milliseconds(c.latency_ms) + ", file " + Bytes(c.bytes);
  text += "\n" + Rounded(c.macs) + " multiply-adds, " + Rounded(c.params) + " parameters";
  for (size_t i = 0; i < c.trials.size(); ++i) {
    text += fmt::format("\nround {}: top-1 {} after {} passes", i + 1,
                        Percent(c.trials[i].accuracy), Significant(c.trials[i].epochs));
  }
  return text;
}

std::string DrawMark(const Mark& mark) {
  std::string out = fmt::format("<g><title>{}</title>", Escape(Tooltip(*mark.candidate)));
  const char* css_class = MarkClass(mark.candidate->status);
  const double r = mark.radius;
  if (mark.candidate->status == CandidateStatus::kTooLarge) {
    out += fmt::format("<rect class=\"pt {}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                       css_class, Coordinate(mark.x - r), Coordinate(mark.y - r), Coordinate(2 * r),
                       Coordinate(2 * r));
  } else {
    if (mark.candidate->status == CandidateStatus::kWinner) {
      out += fmt::format("<circle class=\"ring\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
                         Coordinate(mark.x), Coordinate(mark.y), Coordinate(r + 5));
    }
    out += fmt::format("<circle class=\"pt {}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>", css_class,
                       Coordinate(mark.x), Coordinate(mark.y), Coordinate(r));
  }
  return out + "</g>\n";
}

// A standard error up and down from each mark.
std::string DrawErrors(const std::vector<Mark>& marks, const Frame& frame, int64_t pictures) {
  std::string out;
  for (const Mark& mark : marks) {
    if (!mark.compared || pictures <= 0) continue;
    const double accuracy = Accuracy(*mark.candidate), error = StandardError(accuracy, pictures);
    out +=
        fmt::format("<path class=\"error\" d=\"M{} {}V{}\"/>\n", Coordinate(mark.x),
                    Coordinate(frame.y(accuracy - error)), Coordinate(frame.y(accuracy + error)));
  }
  return out;
}

// Names beside the marks that were compared, and the winner's, which comes first; a name that finds
// no free place is left to the tooltip and the table.
std::string DrawNames(const std::vector<Mark>& marks, const Frame& frame, std::vector<Box> taken) {
  for (const Mark& mark : marks) taken.push_back(mark.box());
  const double lane = frame.bottom - kLaneHeight;
  std::string out;
  for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
    const bool winner = mark->candidate->status == CandidateStatus::kWinner;
    if (!mark->compared && !winner) continue;
    const std::string name = Shorten(CandidateName(*mark->candidate), 24);
    size_t letters = 0;
    for (const char c : name) letters += (c & 0xC0) != 0x80;
    const double width = (winner ? 7.4 : 6.2) * static_cast<double>(letters), height = 14;
    const double gap = mark->radius + (winner ? 8 : 4);
    // Right, left, above, below: the middle of the name against the mark.
    const std::pair<double, double> places[] = {{gap + width / 2, 0},
                                                {-gap - width / 2, 0},
                                                {0, -gap - height / 2},
                                                {0, gap + height / 2},
                                                {gap + width / 2, -height * 0.8},
                                                {gap + width / 2, height * 0.8},
                                                {-gap - width / 2, -height * 0.8},
                                                // Above the lane.
                                                {0, lane - 9 - mark->y},
                                                {width / 2 + 4, lane - 9 - mark->y},
                                                {-width / 2 - 4, lane - 9 - mark->y}};
    for (const auto& [dx, dy] : places) {
      const double x = mark->x + dx, y = mark->y + dy;
      const Box box{x - width / 2, y - height / 2, x + width / 2, y + height / 2};
      const bool inside = box.left > frame.left && box.right < frame.right && box.top > frame.top &&
                          box.bottom < lane;
      const auto meets = [&](const Box& other) { return other.Meets(box); };
      if (!inside || std::any_of(taken.begin(), taken.end(), meets)) continue;
      taken.push_back(box);
      out += fmt::format(
          "<text class=\"pt-name{}\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}"
          "</text>\n",
          winner ? " won" : "", Coordinate(x), Coordinate(y + 4), Escape(name));
      break;
    }
  }
  return out;
}

// The best accuracy to be had for each cost, as steps; 'taken' gets their boxes.
std::string DrawFront(const std::vector<Mark>& marks, std::vector<Box>& taken) {
  std::vector<std::pair<double, double>> points;
  for (const Mark& mark : marks) {
    if (mark.compared) points.emplace_back(mark.x, mark.y);
  }
  std::sort(points.begin(), points.end());
  std::string path;
  double last = 0, best = INFINITY;  // coordinates grow downwards
  for (const auto& [x, y] : points) {
    if (y >= best) continue;
    if (path.empty()) {
      path = fmt::format("M{} {}", Coordinate(x), Coordinate(y));
    } else {
      path += fmt::format("H{}V{}", Coordinate(x), Coordinate(y));
      taken.push_back({last, best - 1, x, best + 1});
      taken.push_back({x - 1, y, x + 1, best});
    }
    last = x;
    best = y;
  }
  return path.empty() ? "" : fmt::format("<path class=\"best\" d=\"{}\"/>\n", path);
}

// The line, the shaded side, and the words above; 'taken' gets the line's box.
std::string DrawBudget(const ReportData& data, FrontAxis axis, const Frame& frame,
                       std::vector<Box>& taken) {
  const double budget = Budget(data, axis);
  if (!Known(budget)) return "";
  const double x = frame.x(budget);
  taken.push_back({x - 2, frame.top, x + 2, frame.bottom});
  const bool room_right = frame.right - x > 130;
  return fmt::format(
      "<rect class=\"over\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>"
      "<path class=\"budget\" d=\"M{} {}V{}\"/>"
      "<text class=\"budget-name\" x=\"{}\" y=\"{}\" text-anchor=\"{}\">budget {}</text>\n",
      Coordinate(x), Coordinate(frame.top), Coordinate(frame.right - x),
      Coordinate(frame.bottom - frame.top), Coordinate(x), Coordinate(frame.top - 8),
      Coordinate(frame.bottom), Coordinate(room_right ? x + 5 : x - 5), Coordinate(frame.top - 6),
      room_right ? "start" : "end", WithoutZeros(CostText(budget, axis)));
}

// Its name stands beside the axis, in two lines, because marks may lie anywhere in the lane.
std::string DrawLane(const Frame& frame, bool narrow) {
  std::string out = fmt::format("<path class=\"lane\" d=\"M{} {}H{}\"/>\n", Coordinate(frame.left),
                                Coordinate(frame.bottom - kLaneHeight), Coordinate(frame.right));
  if (narrow) return out;
  const double middle = frame.bottom - kLaneHeight / 2;
  for (const auto& [word, y] : {std::pair("not", middle - 3), std::pair("compared", middle + 11)}) {
    out +=
        fmt::format("<text class=\"lane-name\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
                    Coordinate(frame.left - 8), Coordinate(y), word);
  }
  return out;
}

}  // namespace

std::string FrontChart(const ReportData& data, FrontAxis axis, bool narrow) {
  const Frame frame = MakeFrame(data, axis, narrow);
  const std::vector<Mark> marks = PlaceMarks(data, axis, frame);
  if (marks.empty()) return "";
  const bool latency = axis == FrontAxis::kLatency;
  const auto cost_label = [&](double v) {
    return latency ? fmt::format("{:.4g}", v) : WithoutZeros(Bytes(std::llround(v)));
  };
  const auto accuracy_label = [](double v) { return fmt::format("{:.4g}\u00A0%", 100 * v); };
  std::vector<Box> taken;
  std::string out = OpenSvg(frame.width, frame.height, narrow ? "front narrow" : "front wide",
                            latency ? "Accuracy of each candidate against its latency"
                                    : "Accuracy of each candidate against its file size");
  out += DrawBudget(data, axis, frame, taken);
  out += DrawAxes(frame, cost_label, accuracy_label,
                  latency ? "median latency on this machine, ms" : "size of the model file",
                  narrow ? "top-1" : "top-1 in the first round");
  out += DrawLane(frame, narrow);
  out += DrawFront(marks, taken);
  out += DrawErrors(marks, frame, data.compared_on);
  for (const Mark& mark : marks) out += DrawMark(mark);
  out += DrawNames(marks, frame, taken);
  return out + CloseSvg();
}

}  // namespace linnet::report
