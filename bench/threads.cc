// What it costs to call several threads: the time of a call whose items do nothing, beside what it
// takes one processor to tell another something and to be answered; and what it costs when they
// share the pixels of a map: the map is scaled into another one and back, each thread with rows, or
// with channels, of its own.
//
//   bench_threads [threads=2]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "base/thread_pool.h"

namespace linnet {
namespace {

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Nanoseconds of a call of f: the median of some rounds, after one that does not count.
template <class F>
double Nanoseconds(F&& f) {
  constexpr int kRounds = 9, kCalls = 20000;
  std::vector<double> rounds;
  for (int round = -1; round < kRounds; ++round) {
    const double begin = Seconds();
    for (int i = 0; i < kCalls; ++i) f();
    if (round >= 0) rounds.push_back((Seconds() - begin) / kCalls * 1e9);
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

double RoundTrip() {
  std::atomic<int> number{0};
  std::atomic<bool> end{false};
  std::thread other([&] {
    while (!end) {
      int odd = number.load(std::memory_order_acquire);
      if (odd % 2 == 1) number.store(odd + 1, std::memory_order_release);
    }
  });
  const double time = Nanoseconds([&] {
    const int next = number.load(std::memory_order_relaxed) + 1;
    number.store(next, std::memory_order_release);
    while (number.load(std::memory_order_acquire) != next + 1) {
    }
  });
  end = true;
  other.join();
  return time;
}

// A map, 14x14x240, each part of which is scaled by one item.
struct Map {
  static constexpr int kRows = 14, kRow = 14, kChannels = 240;
  std::vector<float> from = std::vector<float>(kRows * kRow * kChannels, 1.0f), to = from;

  void Scale(int row0, int row1, int channel0, int channel1) {
    for (int pixel = row0 * kRow; pixel < row1 * kRow; ++pixel) {
      const float* x = &from[static_cast<size_t>(pixel) * kChannels];
      float* y = &to[static_cast<size_t>(pixel) * kChannels];
      for (int c = channel0; c < channel1; ++c) y[c] = 0.999f * x[c];
    }
  }
};

double MapNanoseconds(ThreadPool* pool, int parts, bool by_rows) {
  Map map;
  const auto part = [&](int all, size_t i, size_t end) {
    return all * static_cast<int>(i + end) / parts;
  };
  return Nanoseconds([&] {
    ParallelFor(pool, static_cast<size_t>(parts), [&](size_t i) {
      if (by_rows) {
        map.Scale(part(Map::kRows, i, 0), part(Map::kRows, i, 1), 0, Map::kChannels);
      } else {
        map.Scale(0, Map::kRows, part(Map::kChannels, i, 0), part(Map::kChannels, i, 1));
      }
    });
    map.from.swap(map.to);
  });
}

void Report(int threads) {
  std::printf("there and back between two processors: %.0f ns\n", RoundTrip());
  ThreadPool pool(threads);
  for (const size_t items : {2, 4, 16}) {
    struct alignas(128) Own {
      std::atomic<int> written{0};
    };
    std::vector<Own> own(items);
    std::printf("%d threads, %2zu items: %.0f ns a call\n", threads, items, Nanoseconds([&] {
                  ParallelFor(&pool, items, [&](size_t i) {
                    own[i].written.store(1, std::memory_order_relaxed);
                  });
                }));
  }
  std::printf(
      "a map of 14x14x240 floats scaled: by one thread %.1f us, by %d by rows %.1f, "
      "by channels %.1f\n",
      1e-3 * MapNanoseconds(nullptr, 1, true), threads, 1e-3 * MapNanoseconds(&pool, threads, true),
      1e-3 * MapNanoseconds(&pool, threads, false));
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  int threads = 2;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg.starts_with("threads=")) threads = std::atoi(arg.data() + 8);
  }
  linnet::Report(std::max(threads, 1));
}
