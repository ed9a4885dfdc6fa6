// Depthwise 3x3 beside what its bytes and operations allow.
//
//   bench_depthwise [threads=1] [target=avx3] [shapes=mobilenet|train|all]
//
// For each shape: the time (best of several rounds), GMAC/s and GB/s, the floor, and floor/time.
// The floor is the larger of bytes/bandwidth and multiply-adds/peak, both measured here, in the
// same run:
//   - bandwidth: a vector copy loop, reading and writing as many bytes as the pass does, gone
//   through
//     again and again, so that it sits in the same level of the memory;
//   - bytes: each tensor once (x and y forward; dy and dx; x and dy for the weights);
//   - multiply-adds: the products inside of the map only.
#include "kernels/depthwise.h"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "kernels/machine.h"
#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

using Clock = std::chrono::steady_clock;

template <class F>
double Best(F&& f) {
  constexpr int kRounds = 15;
  constexpr double kLeast = 2e-3;  // seconds a round
  f();
  int calls = 1;
  double best = 1e30;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) f();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds / calls);
    if (seconds < kLeast)
      calls = static_cast<int>(calls * std::min(kLeast / seconds * 1.2, 50.0)) + 1;
  }
  return best;
}

struct Buffer {
  explicit Buffer(int64_t floats)
      : memory(hwy::AllocateAligned<float>(static_cast<size_t>(floats))) {
    for (int64_t i = 0; i < floats; ++i)
      memory[static_cast<size_t>(i)] = 0.01f * static_cast<float>(i % 97);
  }
  float* data() const { return memory.get(); }
  hwy::AlignedFreeUniquePtr<float[]> memory;
};

// Seconds to read 'read' and write 'written' floats, cut as the kernels cut theirs.
double CopySeconds(int64_t read, int64_t written, ThreadPool* pool) {
  const int64_t count = (read + written) / 2;
  const Buffer from(count), to(count);
  return Best(
      [&] { ActivationForward(count, Activation::kIdentity, 0, from.data(), to.data(), pool); });
}

// Products inside of the map.
double Macs(const DepthwiseShape& s) {
  const auto taps = [](int64_t out, int64_t in, int kernel, int stride, int pad) {
    int64_t sum = 0;
    for (int64_t o = 0; o < out; ++o) {
      for (int k = 0; k < kernel; ++k) sum += o * stride + k >= pad && o * stride + k - pad < in;
    }
    return sum;
  };
  return static_cast<double>(s.n * s.c) *
         static_cast<double>(taps(s.out_h, s.h, 3, s.stride_h, 1)) *
         static_cast<double>(taps(s.out_w, s.w, 3, s.stride_w, 1));
}

DepthwiseShape Make(int64_t n, int64_t size, int64_t c, int stride) {
  DepthwiseShape s;
  s.n = n;
  s.h = s.w = size;
  s.c = c;
  s.stride_h = s.stride_w = stride;
  s.pad_top = s.pad_left = 1;
  s.out_h = s.out_w = (size - 1) / stride + 1;
  return s;
}

struct Limits {
  double peak_gmacs;
  ThreadPool* pool;
};

double Report(const DepthwiseShape& s, const char* what, double seconds, int64_t read,
              int64_t written, const Limits& limits) {
  const double macs = Macs(s), bytes = 4.0 * static_cast<double>(read + written);
  const double memory = CopySeconds(read, written, limits.pool);
  const double compute = macs / limits.peak_gmacs * 1e-9;
  const double floor = std::max(memory, compute);
  std::printf(
      "%4d %4dx%-4d %5d s%d %-8s %9.1f us %7.1f GMAC/s %7.1f GB/s  floor %9.1f us (%s)  %5.2f\n",
      static_cast<int>(s.n), static_cast<int>(s.h), static_cast<int>(s.w), static_cast<int>(s.c),
      s.stride_h, what, seconds * 1e6, macs / seconds * 1e-9, bytes / seconds * 1e-9, floor * 1e6,
      memory > compute ? "bytes" : "macs", floor / seconds);
  std::fflush(stdout);
  return floor / seconds;
}

void RunShape(const DepthwiseShape& s, bool gradients, const Limits& limits,
              std::vector<double>& ratios) {
  const int64_t in = s.n * s.h * s.w * s.c, out = s.n * s.out_h * s.out_w * s.c;
  const Buffer x(in), y(out), w(9 * s.c), bias(s.c);
  const Buffer packed(static_cast<int64_t>(DepthwisePackedBytes(s) / sizeof(float)));
  PackDepthwise(s, w.data(), packed.data());
  Epilogue epilogue;
  if (!gradients) epilogue = {bias.data(), Activation::kRelu, 0, nullptr, 0};
  const double forward =
      Best([&] { DepthwiseForward(s, x.data(), packed.data(), epilogue, y.data(), limits.pool); });
  ratios.push_back(Report(s, "forward", forward, in, out, limits));
  if (!gradients) return;
  const Buffer dx(in), dw(9 * s.c);
  const Buffer scratch(
      static_cast<int64_t>(DepthwiseWeightGradientScratchBytes(s) / sizeof(float)) + 1);
  const double input = Best(
      [&] { DepthwiseInputGradient(s, y.data(), packed.data(), false, dx.data(), limits.pool); });
  ratios.push_back(Report(s, "input", input, out, in, limits));
  const double weights = Best([&] {
    DepthwiseWeightGradient(s, x.data(), y.data(), dw.data(), nullptr, scratch.data(), limits.pool);
  });
  ratios.push_back(Report(s, "weights", weights, in + out, 0, limits));
}

int Main(int argc, char** argv) {
  int threads = 1;
  std::string shapes = "all";
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg.starts_with("threads=")) threads = std::atoi(arg.c_str() + 8);
    if (arg.starts_with("shapes=")) shapes = arg.substr(7);
    for (const int64_t target : Targets()) {
      std::string name = TargetName(target);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return std::tolower(c); });
      if (arg == "target=" + name) ForceTarget(target);
    }
  }
  ThreadPool pool(threads);
  const Machine machine = MeasureMachine(&pool);
  std::printf("%d threads, %s, peak %.1f GMAC/s (float32)\n", threads, TargetName(CurrentTarget()),
              machine.peak_gmacs);
  const Limits limits = {machine.peak_gmacs, &pool};
  std::vector<double> ratios;
  if (shapes != "train") {
    // MobileNet V1 at 224, batch 1: {size, channels, stride}
    const int rows[][3] = {{112, 32, 1}, {112, 64, 2}, {56, 128, 1}, {56, 128, 2}, {28, 256, 1},
                           {28, 256, 2}, {14, 512, 1}, {14, 512, 2}, {7, 1024, 1}};
    for (const auto& r : rows) RunShape(Make(1, r[0], r[1], r[2]), false, limits, ratios);
  }
  if (shapes != "mobilenet") {
    // MobileNet V1 x 0.5 on 32x32 pictures, batch 128.
    const int rows[][3] = {{32, 16, 1}, {32, 32, 1}, {32, 32, 2}, {16, 64, 1}, {16, 64, 2},
                           {8, 128, 1}, {8, 128, 2}, {4, 256, 1}, {4, 256, 2}, {2, 512, 1}};
    for (const auto& r : rows) RunShape(Make(128, r[0], r[1], r[2]), true, limits, ratios);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("floor/time: median %.2f, least %.2f\n", ratios[ratios.size() / 2], ratios.front());
  return 0;
}

}  // namespace
}  // namespace linnet::kernels

int main(int argc, char** argv) { return linnet::kernels::Main(argc, argv); }
