// From the start of a process to its first answer, and the most memory it took, of several programs
// in alternation:
//
//   bench_peers_cold_start RUNS COMMAND... [-- COMMAND...]...
//
// The answer is the first byte that a program writes to standard output. Each is started once
// before, so that all files are in memory. Resident memory is the kernel's count for the ended
// process (ru_maxrss), which cannot be less than this program's own: a few MB.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;

struct Program {
  std::vector<char*> argv;  // ends with null
  std::vector<double> ms;
  double most_mb = 0;
};

std::vector<Program> ParsePrograms(int argc, char** argv) {
  std::vector<Program> programs(1);
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], "--") == 0) {
      programs.emplace_back();
    } else {
      programs.back().argv.push_back(argv[i]);
    }
  }
  for (Program& program : programs) {
    if (program.argv.empty()) throw std::runtime_error("a command is empty");
    program.argv.push_back(nullptr);
  }
  return programs;
}

pid_t Spawn(const Program& program, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  pid_t child = -1;
  const int error =
      posix_spawnp(&child, program.argv[0], &actions, nullptr, program.argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(std::string(program.argv[0]) + ": cannot start");
  return child;
}

void RunOnce(Program& program, bool keep) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const Clock::time_point begin = Clock::now();
  const pid_t child = Spawn(program, ends[1]);
  close(ends[1]);
  char buffer[4096];
  const bool answered = read(ends[0], buffer, sizeof(buffer)) > 0;
  const std::chrono::duration<double, std::milli> spent = Clock::now() - begin;
  while (read(ends[0], buffer, sizeof(buffer)) > 0) {
  }
  close(ends[0]);
  int status = 0;
  rusage usage;
  wait4(child, &status, 0, &usage);
  if (!answered || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error(std::string(program.argv[0]) + ": gave no answer");
  }
  if (!keep) return;
  program.ms.push_back(spent.count());
  program.most_mb = std::max(program.most_mb, static_cast<double>(usage.ru_maxrss) * 1024e-6);
}

void Print(Program& program) {
  std::sort(program.ms.begin(), program.ms.end());
  std::printf("%8.2f ms median, %8.2f least, %7.1f MB resident  ",
              program.ms[program.ms.size() / 2], program.ms.front(), program.most_mb);
  for (const char* word : program.argv) {
    if (word == nullptr) continue;
    const char* slash = std::strrchr(word, '/');
    std::printf(" %s", slash != nullptr ? slash + 1 : word);
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 2 ? std::atoi(argv[1]) : 0;
  if (runs < 1) {
    std::fprintf(stderr, "usage: %s RUNS COMMAND... [-- COMMAND...]...\n", argv[0]);
    return 2;
  }
  try {
    std::vector<Program> programs = ParsePrograms(argc, argv);
    for (int i = 0; i <= runs; ++i) {
      for (Program& program : programs) RunOnce(program, i > 0);
    }
    for (Program& program : programs) Print(program);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
