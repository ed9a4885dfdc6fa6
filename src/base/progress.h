// Progress: how far a long piece of work is, its throughput, and the time left.
//
//   Progress progress(sink, "epoch 3/30", images, "images");
//   for (...) progress.Update(done, fmt::format("loss {:.3f}", loss));
//   progress.Finish("top-1 87.1 %");
//
// On a terminal: one line that is redrawn, a bar. Elsewhere: a plain line now and then. Standard
// output is never written; it belongs to results.
#ifndef LINNET_BASE_PROGRESS_H_
#define LINNET_BASE_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace linnet {

// Where progress and words for the user go.
struct ProgressSink {
  enum class Style { kQuiet, kLines, kBar };

  Style style = Style::kQuiet;
  // Takes pieces of text, with their line ends and terminal control sequences.
  std::function<void(std::string_view)> write;
  int columns = 80;         // of the terminal; bars are cut to it
  double interval_s = 0.1;  // between two drawings

  // A bar if standard error is a terminal, else a line every ten seconds.
  static ProgressSink Stderr();
  static ProgressSink Quiet() { return {}; }

  // A whole line of words, apart from any progress.
  void Say(std::string_view line) const;
};

// Not thread-safe: one thread updates.
class Progress {
 public:
  // 'what' opens each line; total <= 0: unknown. 'unit' names what is counted: "images".
  Progress(ProgressSink sink, std::string what, int64_t total, std::string unit = "");
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Work done by an earlier run, which this one resumes: it does not count in the throughput.
  void Resume(int64_t done) { resumed_ = done_ = done; }
  // 'done' of 'total', and what else is worth seeing. Cheap: draws only when it is time to.
  void Update(int64_t done, std::string_view details = {});
  // The last line, always shown. Without it the bar is wiped when the object ends.
  void Finish(std::string_view details = {});

  double seconds() const;  // since the beginning

 private:
  using Clock = std::chrono::steady_clock;
  bool WantsDrawing() const;
  std::string Line(std::string_view details, bool finished) const;
  void Draw(std::string_view details);

  ProgressSink sink_;
  std::string what_, unit_;
  int64_t total_, done_ = 0, resumed_ = 0;
  Clock::time_point start_, last_;
  bool drawn_ = false, finished_ = false;
};

// "0:07", "12:30", "1:02:03".
std::string ClockText(double seconds);

}  // namespace linnet

#endif  // LINNET_BASE_PROGRESS_H_
