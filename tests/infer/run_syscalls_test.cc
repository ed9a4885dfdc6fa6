// Run makes no system call: in a child process that may make none but that which ends it.
#include <gtest/gtest.h>

#include "archs/arch.h"
#include "infer/plan.h"
#include "random_graph.h"

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace linnet {
namespace {

constexpr int kCannotForbid = 77;

// False where the system has no filters. From then on every system call but exit_group kills.
bool ForbidSystemCalls() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  const sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// How a child ends that may make no system call while it runs f; f returns whether all was well.
template <class F>
int StatusWithoutSystemCalls(F&& f) {
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    if (!ForbidSystemCalls()) _exit(kCannotForbid);
    _exit(f() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

// By a call that has to be noticed.
bool SystemCallsCanBeForbidden() {
  const int status = StatusWithoutSystemCalls([] { return syscall(SYS_getppid) > 0; });
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

bool EndedWell(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

TEST(Run, MakesNoSystemCall) {
  if (!SystemCallsCanBeForbidden()) GTEST_SKIP() << "this system does not forbid system calls";
  const char* const networks[] = {
      "mobilenet_v1:size=96",    "mobilenet_v2:size=96",  "mobilenet_v3_small:size=96",
      "mnasnet_b1:size=96",      "shufflenet_v2:size=96", "squeezenet1_1:size=96",
      "efficientnet_b0:size=96", "densenet121:size=64",   "resnet18:size=64",
  };
  for (const char* name : networks) {
    SCOPED_TRACE(name);
    const Graph graph = BuildArch(name);
    const auto plan = Compile(graph, testing::LivelyParams(graph, 1), {.threads = 1});
    ThreadPool one(1);
    const std::vector<float> input(static_cast<size_t>(plan->input_shape().elements()), 0.5f);
    std::vector<float> output(static_cast<size_t>(plan->output(0).elements()));
    float* outputs[] = {output.data()};
    for (ThreadPool* pool : {static_cast<ThreadPool*>(nullptr), &one}) {
      // The very first run, too.
      EXPECT_TRUE(EndedWell(StatusWithoutSystemCalls([&] {
        plan->Run(input.data(), outputs, pool);
        plan->Run(input.data(), outputs, pool);
        return std::memcmp(output.data(), plan->output(0).data(), plan->output(0).bytes()) == 0;
      })));
    }
  }
}

}  // namespace
}  // namespace linnet

#endif
