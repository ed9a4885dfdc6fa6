#include "base/thread_pool.h"

#include <sched.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

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

// What threads write apart from each other lies so far apart: two lines, which are fetched in
// pairs.
constexpr size_t kApart = 128;

// Looks at a number before a thread that waits does something else. A worker sleeps after about
// half a millisecond; at once, where there are more threads than processors. The caller, after a
// twentieth of that, lets others run between its looks: perhaps the one that it waits for.
constexpr int kWorkerSpins = 20000, kCallerSpins = 1000;

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The floating-point mode with results, and on x86 operands, that are denormal taken as zeros.
#if defined(__x86_64__)
using FloatMode = unsigned;
FloatMode GetFloatMode() { return _mm_getcsr(); }
void SetFloatMode(FloatMode mode) { _mm_setcsr(mode); }
constexpr FloatMode kNoDenormals = 0x8040;  // flush to zero, denormals are zeros
#elif defined(__aarch64__)
using FloatMode = uint64_t;
FloatMode GetFloatMode() {
  FloatMode mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
void SetFloatMode(FloatMode mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
constexpr FloatMode kNoDenormals = FloatMode{1} << 24;  // flush to zero
#else
using FloatMode = int;
FloatMode GetFloatMode() { return 0; }
void SetFloatMode(FloatMode) {}
constexpr FloatMode kNoDenormals = 0;
#endif

void DisableDenormals() { SetFloatMode(GetFloatMode() | kNoDenormals); }

class DenormalsDisabled {
 public:
  DenormalsDisabled() : before_(GetFloatMode()) { SetFloatMode(before_ | kNoDenormals); }
  ~DenormalsDisabled() { SetFloatMode(before_); }
  DenormalsDisabled(const DenormalsDisabled&) = delete;

 private:
  FloatMode before_;
};

}  // namespace

int DefaultThreads() {
  const double quota = std::max(1.0, std::ceil(QuotaProcessors()));
  return static_cast<int>(std::min<double>(AffinityProcessors(), quota));
}

// One thread's share of a call's items. The number is of the call and of the next item: shares need
// not be dealt out, as who finds an older call's number knows that the share is untouched.
struct alignas(kApart) Share {
  std::atomic<uint64_t> next{0};
};

struct alignas(kApart) Done {
  std::atomic<uint32_t> call{0};
};

struct ThreadPool::Team {
  explicit Team(size_t threads)
      : spins(static_cast<int>(threads) <= AffinityProcessors() ? kWorkerSpins : 0),
        shares(threads),
        done(threads) {}
  ~Team() {
    Begin(nullptr, nullptr, 0);
    for (std::thread& worker : workers) worker.join();
  }

  void Start() {
    for (size_t i = 1; i < shares.size(); ++i) workers.emplace_back(&Team::Worker, this, i);
  }

  // Takes an item of [begin, end), the share of thread 'owner'; false if there is none left.
  bool Take(size_t owner, uint32_t current, size_t begin, size_t end, size_t& item) {
    std::atomic<uint64_t>& next = shares[owner].next;
    const uint64_t tag = uint64_t{current} << 32;
    uint64_t found = next.load(std::memory_order_relaxed);
    do {
      item = (found & ~uint64_t{0xFFFFFFFF}) == tag ? static_cast<uint32_t>(found) : begin;
      if (item >= end) return false;
    } while (!next.compare_exchange_weak(found, tag | (item + 1), std::memory_order_relaxed));
    return true;
  }

  // Thread 'self' works until nothing is left to be begun.
  void Work(size_t self, uint32_t current) {
    const size_t threads = shares.size();
    for (size_t k = 0; k < threads; ++k) {
      // Shares of one item are mostly begun by now, and to look costs their owner a transfer. The
      // caller would only wait.
      if (k > 0 && self > 0 && count <= threads) return;
      const size_t owner = (self + k) % threads;
      const size_t begin = count * owner / threads, end = count * (owner + 1) / threads;
      for (size_t i; Take(owner, current, begin, end, i);) item(context, self, i);
    }
  }

  void Worker(size_t self) {
    DisableDenormals();
    for (uint32_t seen = 0;; ++seen) {
      for (int left = spins; call.load(std::memory_order_acquire) == seen;) {
        if (left > 0) {
          Pause();
          --left;
        } else {
          call.wait(seen, std::memory_order_acquire);
        }
      }
      if (item == nullptr) return;
      Work(self, seen + 1);
      done[self].call.store(seen + 1, std::memory_order_release);
    }
  }

  // Tells the workers of a call; its number.
  uint32_t Begin(Item new_item, void* new_context, size_t new_count) {
    item = new_item;
    context = new_context;
    count = new_count;
    const uint32_t current = call.load(std::memory_order_relaxed) + 1;
    // Sequentially consistent: a worker that goes to sleep has either seen it or is woken.
    call.store(current, std::memory_order_seq_cst);
    call.notify_all();
    return current;
  }

  void WaitFor(size_t worker, uint32_t current) {
    for (int left = kCallerSpins; done[worker].call.load(std::memory_order_acquire) != current;) {
      if (left > 0) {
        Pause();
        --left;
      } else {
        std::this_thread::yield();
      }
    }
  }

  // Of the call: on one cache line, which the caller writes and workers wait for.
  alignas(kApart) std::atomic<uint32_t> call{0};
  Item item = nullptr;
  void* context = nullptr;
  size_t count = 0;

  alignas(kApart) std::mutex turn;  // of callers
  const int spins;
  std::vector<Share> shares;
  std::vector<Done> done;
  std::vector<std::thread> workers;
};

ThreadPool::ThreadPool(int threads) : threads_(threads > 0 ? threads : DefaultThreads()) {
  if (threads < 0 || threads > kMostThreads) {
    Fail(ErrorKind::kUsage, "threads={}: expected 0 to {}", threads, kMostThreads);
  }
  if (threads_ == 1) return;
  team_ = std::make_unique<Team>(static_cast<size_t>(threads_));
  team_->Start();  // if the system has no more threads, those that were started end
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::Run(Item item, void* context, size_t count) {
  if (team_ == nullptr || count <= 1) return internal::RunAlone(item, context, count);
  const DenormalsDisabled disabled;
  const std::lock_guard lock(team_->turn);
  const uint32_t current = team_->Begin(item, context, count);
  team_->Work(0, current);
  for (int i = 1; i < threads_; ++i) team_->WaitFor(static_cast<size_t>(i), current);
}

void internal::RunAlone(ThreadPool::Item item, void* context, size_t count) {
  const DenormalsDisabled disabled;
  for (size_t i = 0; i < count; ++i) item(context, 0, i);
}

}  // namespace linnet
