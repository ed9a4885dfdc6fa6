// Runtime libraries beside each other: one thread, one picture, in alternation.
//
//   bench_runtime MODEL PRECISION LIBRARY...     float32, bf16 or bf16x3; builds of
//   liblinnet_runtime.so
//
// Prints the median time of each in milliseconds, and the first one's over it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/rng.h"
#include "runtime_library.h"

namespace linnet {
namespace {

constexpr int kRounds = 15;
constexpr double kSecondsOfRound = 0.15;

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int32_t PrecisionOf(const std::string& name) {
  if (name == "float32") return LINNET_NET_FLOAT32;
  if (name == "bf16") return LINNET_NET_BF16;
  if (name == "bf16x3") return LINNET_NET_BF16X3;
  Fail(ErrorKind::kUsage, "precision '{}': expected float32, bf16 or bf16x3", name);
}

struct Contender {
  std::string path;
  RuntimeLibrary library;
  RuntimeLibrary::Net net;
  std::vector<double> milliseconds;
};

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void Run(const std::string& model, const std::string& precision,
         const std::vector<std::string>& paths) {
  std::vector<Contender> contenders;
  for (const std::string& path : paths) {
    RuntimeLibrary library(path);
    auto net = library.Open(model, {.threads = 1, .precision = PrecisionOf(precision)});
    contenders.push_back({path, library, std::move(net), {}});
  }
  std::vector<float> input(contenders[0].library.InputSize(contenders[0].net));
  Rng rng(1);
  for (float& x : input) x = rng.Normal();
  for (int round = -1; round < kRounds; ++round) {  // the first is the warm-up
    for (Contender& c : contenders) {
      for (double end = Seconds() + kSecondsOfRound, begin; (begin = Seconds()) < end;) {
        c.library.Run(c.net, input.data());
        if (round >= 0) c.milliseconds.push_back(1e3 * (Seconds() - begin));
      }
    }
  }
  const double first = Median(contenders[0].milliseconds);
  for (const Contender& c : contenders) {
    const double median = Median(c.milliseconds);
    std::printf("%8.3f ms  %5.2f  %s\n", median, first / median, c.path.c_str());
  }
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: bench_runtime MODEL float32|bf16|bf16x3 LIBRARY...\n");
    return 2;
  }
  try {
    linnet::Run(argv[1], argv[2], {argv + 3, argv + argc});
  } catch (const linnet::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
}
