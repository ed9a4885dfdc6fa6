#include "base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace linnet {
namespace {

constexpr int kBarCells = 24;
constexpr double kLinesInterval = 10;  // seconds: a log of an hour has 360 lines
const char kWipe[] = "\r\x1b[K";       // to the line's begin, and clear it

bool IsTerminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && term != nullptr && std::string_view(term) != "dumb";
}

std::string RateText(double rate) {
  if (rate >= 100) return fmt::format("{:.0f}", rate);
  return rate >= 1 ? fmt::format("{:.1f}", rate) : fmt::format("{:.2g}", rate);
}

std::string BarText(double share) {
  const int filled = std::clamp(static_cast<int>(share * kBarCells), 0, kBarCells);
  return "[" + std::string(filled, '#') + std::string(kBarCells - filled, '.') + "]";
}

}  // namespace

std::string ClockText(double seconds) {
  const auto s = static_cast<int64_t>(std::max(0.0, std::round(seconds)));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

ProgressSink ProgressSink::Stderr() {
  ProgressSink sink;
  sink.write = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  };
  sink.style = IsTerminal() ? Style::kBar : Style::kLines;
  if (sink.style == Style::kLines) sink.interval_s = kLinesInterval;
  if (winsize size{}; ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    sink.columns = size.ws_col;
  }
  return sink;
}

void ProgressSink::Say(std::string_view line) const {
  if (style == Style::kQuiet || !write) return;
  write((style == Style::kBar ? kWipe : "") + std::string(line) + "\n");
}

Progress::Progress(ProgressSink sink, std::string what, int64_t total, std::string unit)
    : sink_(std::move(sink)),
      what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (finished_ || !drawn_ || sink_.style != ProgressSink::Style::kBar) return;
  try {
    sink_.write(kWipe);
  } catch (...) {  // a destructor may run while another error travels, which matters more
  }
}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

bool Progress::WantsDrawing() const {
  if (sink_.style == ProgressSink::Style::kQuiet || finished_) return false;
  const std::chrono::duration<double> since = Clock::now() - last_;
  return since.count() >= sink_.interval_s;
}

std::string Progress::Line(std::string_view details, bool finished) const {
  const bool bar = sink_.style == ProgressSink::Style::kBar;
  const double elapsed = seconds();
  const double rate = elapsed > 0 ? static_cast<double>(done_ - resumed_) / elapsed : 0;
  std::string line = what_;
  if (total_ > 0) {
    const double share = static_cast<double>(done_) / static_cast<double>(total_);
    if (bar && !finished) line += " " + BarText(share);
    line += fmt::format(" {:3.0f}% {}/{}", 100 * share, done_, total_);
  } else {
    line += fmt::format(" {}", done_);
  }
  if (rate > 0) line += fmt::format(" | {}{}{}/s", RateText(rate), unit_.empty() ? "" : " ", unit_);
  if (finished) {
    line += " | took " + ClockText(elapsed);
  } else if (rate > 0 && total_ > 0) {
    line += " | left " + ClockText(static_cast<double>(total_ - done_) / rate);
  }
  if (!details.empty()) line += " | " + std::string(details);
  return line;
}

void Progress::Draw(std::string_view details) {
  std::string line = Line(details, /*finished=*/false);
  if (sink_.style == ProgressSink::Style::kBar) {
    line = kWipe + line.substr(0, std::max(sink_.columns - 1, 1));
  } else {
    line += "\n";
  }
  sink_.write(line);
  last_ = Clock::now();
  drawn_ = true;
}

void Progress::Update(int64_t done, std::string_view details) {
  done_ = done;
  if (WantsDrawing()) Draw(details);
}

void Progress::Finish(std::string_view details) {
  if (finished_) return;
  finished_ = true;
  if (sink_.style == ProgressSink::Style::kQuiet || !sink_.write) return;
  sink_.Say(Line(details, /*finished=*/true));
}

}  // namespace linnet
