#include "api/cold_start.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/error.h"

extern char** environ;

namespace linnet {
namespace {

using Clock = std::chrono::steady_clock;

// A pipe whose ends close with it.
struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (pipe(ends) != 0) Fail(ErrorKind::kInternal, "no pipe: {}", std::strerror(errno));
  }
  ~Pipe() {
    CloseEnd(0);
    CloseEnd(1);
  }
  void CloseEnd(int i) {
    if (ends[i] >= 0) close(ends[i]);
    ends[i] = -1;
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

// The program's streams go to pipes: its errors, too, so that a failure can be told in its words.
pid_t Start(const std::vector<std::string>& words, const Pipe& out, const Pipe& err) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.ends[1], STDERR_FILENO);
  for (const int end : {out.ends[0], out.ends[1], err.ends[0], err.ends[1]}) {
    posix_spawn_file_actions_addclose(&actions, end);
  }
  pid_t child = -1;
  const int error = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) Fail(ErrorKind::kUsage, "{}: cannot start: {}", words[0], std::strerror(error));
  return child;
}

struct Answer {
  double seconds = 0;  // until the first byte
  std::string text;
};

Answer ReadAnswer(int end, Clock::time_point begin) {
  Answer answer;
  char buffer[4096];
  while (true) {
    const ssize_t n = read(end, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (answer.text.empty()) {
      answer.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    if (n <= 0) return answer;
    answer.text.append(buffer, static_cast<size_t>(n));
  }
}

// In its own words, by its own exit code.
[[noreturn]] void FailAs(int code, const std::string& program, std::string errors) {
  while (errors.ends_with('\n')) errors.pop_back();
  const ErrorKind known[] = {ErrorKind::kUsage, ErrorKind::kData, ErrorKind::kFile};
  const auto same = [&](ErrorKind kind) { return static_cast<int>(kind) == code; };
  const auto found = std::find_if(std::begin(known), std::end(known), same);
  Fail(found == std::end(known) ? ErrorKind::kInternal : *found, "{} gave no answer: {}", program,
       errors);
}

Answer StartOnce(const std::vector<std::string>& words) {
  Pipe out, err;  // errors are a few lines, which a pipe holds until they are read
  const Clock::time_point begin = Clock::now();
  const pid_t child = Start(words, out, err);
  out.CloseEnd(1);
  err.CloseEnd(1);
  Answer answer = ReadAnswer(out.ends[0], begin);
  const std::string errors = ReadAnswer(err.ends[0], begin).text;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  if (code != 0) FailAs(code, words[0], errors);
  return answer;
}

}  // namespace

ColdStart MeasureColdStart(const std::vector<std::string>& words, int runs) {
  ColdStart result;
  std::vector<double> seconds;
  StartOnce(words);
  for (int i = 0; i < runs; ++i) {
    Answer answer = StartOnce(words);
    seconds.push_back(answer.seconds);
    result.answers.push_back(std::move(answer.text));
  }
  result.latency = Summarize(std::move(seconds));
  return result;
}

size_t PeakResidentBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    size_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace linnet
