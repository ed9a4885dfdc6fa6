#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <new>
#include <string>
#include <thread>

namespace linnet {
namespace {

int AffinityProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

// cgroup v2 ("max 100000" or "150000 100000"), then v1 (two files); a large number where there is
// none.
double QuotaProcessors() {
  constexpr double kNone = 1e9;
  std::string quota;
  double period = 0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> quota >> period) {
    return quota == "max" || period <= 0 ? kNone : std::stod(quota) / period;
  }
  double v1_quota = 0;
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota_file >> v1_quota && period_file >> period && v1_quota > 0 && period > 0) {
    return v1_quota / period;
  }
  return kNone;
}

}  // namespace

int DefaultThreads() {
  const double quota = std::max(1.0, std::ceil(QuotaProcessors()));
  return static_cast<int>(std::min<double>(AffinityProcessors(), quota));
}

ThreadPool::ThreadPool(int threads)
    : pool_(pthreadpool_create(threads > 0 ? threads : DefaultThreads()), pthreadpool_destroy) {
  if (pool_ == nullptr) throw std::bad_alloc();
}

}  // namespace linnet
