#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <linnet/command_line.hpp>
#include <string>
#include <vector>

#include "api/run.h"
#include "base/error.h"

namespace linnet {
namespace {

// Signals belong to the process, and so does this.
std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void RequestStop(int) { stop_requested.store(true, std::memory_order_relaxed); }

// SA_RESETHAND: the second signal finds the default action, which ends the process.
void CatchSignals() {
  struct sigaction action {};
  action.sa_handler = RequestStop;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

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
  const int code = RunWords(words, streams, &stop_requested, [](bool polls_stop) {
    if (polls_stop) CatchSignals();
  });
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return code;
  WriteTo(stderr,
          std::string("linnet: cannot write to standard output: ") + std::strerror(errno) + "\n");
  return static_cast<int>(ErrorKind::kFile);
} catch (...) {  // no memory even for the words
  return static_cast<int>(ErrorKind::kInternal);
}

}  // namespace linnet
