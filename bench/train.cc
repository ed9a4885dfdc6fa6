// Training throughput: forward, backward and update of one network on pictures that are already in
// memory.
//
//   bench_train [--arch mobilenet_v1:...] [--batch 128] [--threads 2] [--steps 12] [--rounds 5]
//
// Prints one line a round and the median, in pictures a second (bench/pytorch/compare.sh reads it).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "archs/arch.h"
#include "base/rng.h"
#include "train/trainer.h"

namespace linnet {
namespace {

struct Arguments {
  std::string arch = "mobilenet_v1:width=0.5,size=32,classes=10,small_input=true";
  int batch = 128;
  int threads = 2;
  int steps = 12;
  int rounds = 5;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("arch", self.arch, "architecture, as one word");
    v("batch", self.batch, "pictures in a step");
    v("threads", self.threads, "threads");
    v("steps", self.steps, "steps in a round");
    v("rounds", self.rounds, "rounds; their median is the result");
  }
};

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Run(const Arguments& arguments) {
  const Graph graph = BuildArch(arguments.arch);
  ThreadPool pool(arguments.threads);
  Trainer trainer(graph, {.batch = arguments.batch}, {}, &pool);
  Rng rng(1);
  Tensor input(trainer.input_shape());
  const int classes = static_cast<int>(InferShapes(graph)[graph.outputs[0]][1]);
  std::vector<int> labels(arguments.batch);
  for (int& label : labels) label = static_cast<int>(rng.Below(classes));

  std::vector<double> rates;
  int64_t step = 0;
  for (int round = 0; round <= arguments.rounds; ++round) {
    for (int64_t i = 0; i < input.elements(); ++i) input.data()[i] = rng.Normal();
    const double begin = Seconds();
    for (int i = 0; i < arguments.steps; ++i) trainer.Step(input, labels, {.steps = 1000}, step++);
    const double rate = arguments.steps * arguments.batch / (Seconds() - begin);
    if (round == 0) continue;  // warm-up
    rates.push_back(rate);
    std::printf("round %d: %.1f images/s\n", round, rate);
    std::fflush(stdout);
  }
  std::nth_element(rates.begin(), rates.begin() + rates.size() / 2, rates.end());
  std::printf("median: %.1f images/s\n", rates[rates.size() / 2]);
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  linnet::Arguments arguments;
  try {
    for (int i = 1; i + 1 < argc; i += 2) {
      const char* name = std::strncmp(argv[i], "--", 2) == 0 ? argv[i] + 2 : argv[i];
      linnet::SetField(arguments, name, argv[i + 1], "bench_train");
    }
    linnet::Run(arguments);
  } catch (const linnet::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
}
