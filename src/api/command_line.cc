#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <linnet/command_line.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/run.h"
#include "base/error.h"

namespace linnet {
namespace {

// Signals belong to the process, and so does this.
std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

// The second signal finds the default action, which ends the process.
extern "C" void RequestStop(int signal) {
  if (!stop_requested.exchange(true)) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// While it lives. Signals that were ignored, as in a shell's background, stay so.
class CaughtSignals {
 public:
  CaughtSignals() {
    stop_requested = false;
    struct sigaction action {};
    action.sa_handler = RequestStop;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
    }
  }
  ~CaughtSignals() {
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  }
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM};
  std::array<struct sigaction, kSignals.size()> before_{};
};

void WriteTo(FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv) noexcept try {
  const std::vector<std::string> words(argv + (argc > 0), argv + argc);
  const CommandStreams streams{
      .out = [](std::string_view text) { WriteTo(stdout, text); },
      .err = [](std::string_view text) { WriteTo(stderr, text); },
      .progress = ProgressSink::Stderr(),
      .program = argc > 0 ? argv[0] : "",
  };
  std::optional<CaughtSignals> caught;
  const int code = RunWords(words, streams, &stop_requested, [&](bool polls_stop) {
    if (polls_stop) caught.emplace();
  });
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return code;
  WriteTo(stderr,
          std::string("linnet: cannot write to standard output: ") + std::strerror(errno) + "\n");
  return static_cast<int>(ErrorKind::kFile);
} catch (...) {  // no memory even for the words
  return static_cast<int>(ErrorKind::kInternal);
}

}  // namespace linnet
