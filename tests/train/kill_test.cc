// A run that is killed without warning, at any moment and any number of times, ends as if it had
// not been.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <random>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/safetensors.h"
#include "test_data.h"
#include "train/tiny_data.h"

namespace linnet {
namespace {

TrainJob KillJob(const std::string& folder) {
  TrainJob job = TinyJob(TinyData(256, 16));
  job.options.epochs = 4;
  job.options.threads = 2;
  job.options.checkpoint_minutes = 0;  // after every step, so that kills hit the writing, too
  job.folder = folder;
  return job;
}

// Trains in a process of its own; kills it after 'milliseconds'. True if it ended by itself.
bool TrainInChild(const std::string& folder, int milliseconds) {
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    try {
      Train(KillJob(folder), {});
      _exit(0);
    } catch (const std::exception& error) {
      fprintf(stderr, "child: %s\n", error.what());
      _exit(3);
    }
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0);
  return WIFEXITED(status);
}

TEST(SlowKill, TwentyRunsKilledAtRandomEndTheSame) {
  const std::string calm = FreshFolder("calm");
  Train(KillJob(calm), {});
  const std::string expected = ReadFile(calm + "/checkpoint.safetensors");
  const std::string expected_log = ReadFile(calm + "/log.csv");
  std::mt19937 moments(1);
  int kills = 0;
  for (int run = 0; run < 20; ++run) {
    const std::string folder = FreshFolder("killed");
    // Moments spread over decades: some fall into the start, some between steps, some into a write.
    std::uniform_real_distribution<double> exponent(0.5, 3);
    while (!TrainInChild(folder, static_cast<int>(std::pow(10, exponent(moments))))) ++kills;
    ASSERT_EQ(ReadFile(folder + "/checkpoint.safetensors"), expected) << "run " << run;
    ASSERT_EQ(ReadFile(folder + "/log.csv"), expected_log) << "run " << run;
  }
  EXPECT_GE(kills, 20);
  printf("%d kills\n", kills);
}

}  // namespace
}  // namespace linnet
