#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/error.h"

namespace linnet {
namespace {

TEST(ThreadPool, EveryItemOnceAndWorkersAlone) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    std::vector<int> seen(1000);
    std::vector<std::atomic<int>> busy(threads);
    ParallelForWorker(&pool, seen.size(), [&](size_t worker, size_t i) {
      EXPECT_EQ(busy[worker].fetch_add(1), 0);
      ++seen[i];
      busy[worker].fetch_sub(1);
    });
    ParallelFor(&pool, seen.size(), [&](size_t i) { ++seen[i]; });
    for (const int count : seen) EXPECT_EQ(count, 2);
  }
  int sum = 0;
  ParallelFor(nullptr, 4, [&](size_t i) { sum += static_cast<int>(i); });
  EXPECT_EQ(sum, 6);
}

TEST(ThreadPool, RefusesWhatNoMachineHas) {
  EXPECT_THROW(ThreadPool(-1), Error);
  EXPECT_THROW(ThreadPool(kMostThreads + 1), Error);
}

// Plain memory: what one call writes, on whichever thread, the next one reads.
TEST(ThreadPool, ManyCallsOfEveryLength) {
  for (const int threads : {2, 3, 5}) {
    ThreadPool pool(threads);
    std::vector<int> numbers(12);
    for (int call = 0; call < 3000; ++call) {
      const size_t count = static_cast<size_t>(call) % (numbers.size() + 1);
      ParallelFor(&pool, count, [&](size_t i) { ++numbers[(i + static_cast<size_t>(call)) % 12]; });
    }
    int sum = 0, expected = 0;
    for (const int number : numbers) sum += number;
    for (int call = 0; call < 3000; ++call) expected += call % 13;
    EXPECT_EQ(sum, expected);
  }
}

TEST(ThreadPool, CallersTakeTurns) {
  ThreadPool pool(2);
  std::vector<int> numbers(4);  // not atomic: two calls never run at once
  const auto call = [&] {
    for (int i = 0; i < 5000; ++i) ParallelFor(&pool, 4, [&](size_t item) { ++numbers[item]; });
  };
  std::thread other(call);
  call();
  other.join();
  EXPECT_EQ(numbers, std::vector<int>(4, 10000));
}

// A thread that has gone to sleep is woken, and the pool can be left while it sleeps.
TEST(ThreadPool, WakesThreadsThatSleep) {
  ThreadPool pool(3);
  std::atomic<int> items = 0;
  for (int call = 0; call < 20; ++call) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ParallelFor(&pool, 3, [&](size_t) {
      ++items;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
  }
  EXPECT_EQ(items, 60);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

// Who has nothing left takes from another's share: one item waits until all others are done, the
// first one of the caller's share, or of the worker's.
TEST(ThreadPool, ThreadsThatAreDoneHelpOthers) {
  ThreadPool pool(2);
  for (const size_t waiting : {0, 4}) {
    std::atomic<int> done = 0;
    ParallelFor(&pool, 8, [&](size_t i) {
      while (i == waiting && done < 7) std::this_thread::yield();
      ++done;
    });
    EXPECT_EQ(done, 8);
  }
}

TEST(ThreadPool, DenormalsAreZeroInsideOnly) {
  ThreadPool two(2);
  const volatile float tiny = 1e-30f;
  for (ThreadPool* pool : {static_cast<ThreadPool*>(nullptr), &two}) {
    std::vector<float> products(64, 1);
    ParallelFor(pool, products.size(), [&](size_t i) { products[i] = tiny * 1e-10f; });
    for (const float product : products) EXPECT_EQ(product, 0);
    EXPECT_GT(tiny * 1e-10f, 0);
  }
}

}  // namespace
}  // namespace linnet
