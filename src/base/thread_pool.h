// Threads, passed in and never global. A null ThreadPool* means: in the calling thread.
//
// Determinism: each number of a result is made by one item, and in an order that the shape alone
// decides. The number of threads may decide which item that is, never of what partial sums it
// consists; so every result is the same, bit for bit, for any number of threads.
//
// Small networks meet here some sixty times in a millisecond. So a call takes no memory and, as
// long as nobody sleeps, makes no system call: threads that wait look at one number for half a
// millisecond first.
#ifndef LINNET_BASE_THREAD_POOL_H_
#define LINNET_BASE_THREAD_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace linnet {

// The processors this process may really use: affinity mask, lowered by the cgroup's CPU quota.
int DefaultThreads();

// More than any machine has; so many more would only take memory.
inline constexpr int kMostThreads = 1024;

class ThreadPool {
 public:
  // 0: DefaultThreads(). The caller of Run is one of them. Error (kUsage) below 0 and above
  // kMostThreads.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  int threads() const { return threads_; }

  // Calls item(context, worker, i) for each i in [0, count), count < 2^32, by all threads, and
  // returns when all are done; 'worker' in [0, threads()) is the thread. A thread begins with its
  // share of the items, which is the same one each time, so that what it finds in its cache is
  // often what it wrote before; who is done takes from the others'. Denormals are flushed to zero
  // inside. 'item' must not throw, nor call the same pool. Calls from several threads take turns.
  using Item = void (*)(void* context, size_t worker, size_t i);
  void Run(Item item, void* context, size_t count);

 private:
  struct Team;
  int threads_;
  std::unique_ptr<Team> team_;
};

inline int Threads(const ThreadPool* pool) { return pool == nullptr ? 1 : pool->threads(); }

namespace internal {
// As ThreadPool::Run, in the calling thread.
void RunAlone(ThreadPool::Item item, void* context, size_t count);
}  // namespace internal

// Calls f(worker, i) for each i in [0, count), worker in [0, Threads(pool)): no two calls with the
// same worker run at once, so scratch memory can belong to a worker. Denormals are flushed to zero
// inside. f must not throw.
template <class F>
void ParallelForWorker(ThreadPool* pool, size_t count, F&& f) {
  using Fn = std::remove_reference_t<F>;
  const ThreadPool::Item item = [](void* fn, size_t worker, size_t i) {
    (*static_cast<Fn*>(fn))(worker, i);
  };
  void* fn = const_cast<void*>(static_cast<const void*>(&f));
  if (pool == nullptr) {
    internal::RunAlone(item, fn, count);
  } else {
    pool->Run(item, fn, count);
  }
}

// Calls f(i) for each i in [0, count), likewise.
template <class F>
void ParallelFor(ThreadPool* pool, size_t count, F&& f) {
  ParallelForWorker(pool, count, [&](size_t, size_t i) { f(i); });
}

}  // namespace linnet

#endif  // LINNET_BASE_THREAD_POOL_H_
