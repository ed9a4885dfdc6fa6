// Threads, passed in and never global. A null ThreadPool* means: in the calling thread.
//
// Determinism: the work is cut into items by its shape, never by the number of threads, and each
// item writes its own output; so every result is the same, bit for bit, for any number of threads.
#ifndef LINNET_BASE_THREAD_POOL_H_
#define LINNET_BASE_THREAD_POOL_H_

#include <pthreadpool.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace linnet {

// The processors this process may really use: affinity mask, lowered by the cgroup's CPU quota.
int DefaultThreads();

class ThreadPool {
 public:
  // threads <= 0: DefaultThreads().
  explicit ThreadPool(int threads = 0);
  int threads() const { return static_cast<int>(pthreadpool_get_threads_count(pool_.get())); }
  struct pthreadpool* get() const {
    return pool_.get();
  }

 private:
  std::unique_ptr<struct pthreadpool, decltype(&pthreadpool_destroy)> pool_;
};

inline int Threads(const ThreadPool* pool) { return pool == nullptr ? 1 : pool->threads(); }

namespace internal {

// The thread sanitizer cannot see into Debian's pthreadpool. These two atomics state the order that
// pthreadpool guarantees: the call before every item, every item before the return.
struct Fence {
#if defined(__SANITIZE_THREAD__)
  void Publish() { begin.store(1, std::memory_order_release); }
  void ItemBegins() { begin.load(std::memory_order_acquire); }
  void ItemEnds() { end.fetch_add(1, std::memory_order_release); }
  void Collect() { end.load(std::memory_order_acquire); }
  std::atomic<int> begin{0}, end{0};
#else
  void Publish() {}
  void ItemBegins() {}
  void ItemEnds() {}
  void Collect() {}
#endif
};

}  // namespace internal

// Calls f(i) for each i in [0, count). Denormals are flushed to zero inside. f must not throw.
template <class F>
void ParallelFor(ThreadPool* pool, size_t count, F&& f) {
  using Fn = std::remove_reference_t<F>;
  struct Job {
    Fn* fn;
    internal::Fence fence;
  } job{&f, {}};
  job.fence.Publish();
  pthreadpool_parallelize_1d(
      pool == nullptr ? nullptr : pool->get(),
      [](void* context, size_t i) {
        Job& job = *static_cast<Job*>(context);
        job.fence.ItemBegins();
        (*job.fn)(i);
        job.fence.ItemEnds();
      },
      &job, count, PTHREADPOOL_FLAG_DISABLE_DENORMALS);
  job.fence.Collect();
}

// Calls f(worker, i) for each i in [0, count), worker in [0, Threads(pool)): no two calls with the
// same worker run at once, so scratch memory can belong to a worker. Items are handed out in order.
template <class F>
void ParallelForWorker(ThreadPool* pool, size_t count, F&& f) {
  std::atomic<size_t> next{0};
  ParallelFor(pool, static_cast<size_t>(Threads(pool)), [&](size_t worker) {
    for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) f(worker, i);
  });
}

}  // namespace linnet

#endif  // LINNET_BASE_THREAD_POOL_H_
