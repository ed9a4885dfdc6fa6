// Depthwise 3x3 beside what its bytes and operations allow.
//
//   bench_depthwise [threads=1] [target=avx3] [shapes=mobilenet|train|all] [pixels=spread|touch]
//
// Maps of inference lie as a Plan lays them out, pixels of a power of two of channels a cache line
// further apart than they need (pixels=spread), or side by side (pixels=touch); those of training
// side by side.
//
// For each shape: the time, GMAC/s and GB/s, the floor, and floor/time. The floor is the larger of
// bytes/bandwidth and multiply-adds/peak, both measured beside the shape, in turn with it, as a
// processor that is shared with others changes its speed from second to second; each is the best of
// its rounds:
//   - bandwidth: a vector copy loop, reading and writing as many bytes as the pass does, gone
//   through
//     again and again, so that it sits in the same level of the memory;
//   - bytes: each tensor once (x and y forward; dy and dx; x and dy for the weights);
//   - multiply-adds: the products inside of the map only; their peak is that of a loop of nothing
//   else.
#include "kernels/depthwise.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/tensor.h"
#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "kernels/machine.h"
#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

using Clock = std::chrono::steady_clock;

// A thing to time: the best seconds a call over all rounds.
class Timed {
 public:
  explicit Timed(std::function<void()> call) : call_(std::move(call)) { call_(); }

  void Round() {
    constexpr double kLeast = 2e-3;  // seconds a round
    const auto start = Clock::now();
    for (int i = 0; i < calls_; ++i) call_();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best_ = std::min(best_, seconds / calls_);
    if (seconds < kLeast) {
      calls_ = static_cast<int>(calls_ * std::min(kLeast / seconds * 1.2, 50.0)) + 1;
    }
  }
  double best() const { return best_; }

 private:
  std::function<void()> call_;
  int calls_ = 1;
  double best_ = 1e30;
};

// Tensors in one piece of memory, as in the arena of a Plan.
class Arena {
 public:
  explicit Arena(int64_t floats)
      : memory_(AllocateAligned(std::max(Bytes(floats), kLeast))),
        next_(static_cast<float*>(memory_.get())) {}

  float* Take(int64_t floats) {
    float* taken = next_;
    next_ += Rounded(floats);
    for (int64_t i = 0; i < floats; ++i) taken[i] = 0.01f * static_cast<float>(i % 97);
    return taken;
  }
  static int64_t Rounded(int64_t floats) { return (floats + 15) / 16 * 16; }

 private:
  // 4 MB: small maps lie in an arena with large ones, and so in huge pages.
  static constexpr size_t kLeast = size_t{4} << 20;
  static size_t Bytes(int64_t floats) { return static_cast<size_t>(floats) * sizeof(float); }
  std::shared_ptr<void> memory_;
  float* next_;
};

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

// Times one pass, which reads and writes so many floats, beside its limits, and prints the line.
double Report(const DepthwiseShape& s, const char* what, int64_t read, int64_t written,
              ThreadPool* pool, std::function<void()> pass) {
  // The copy is cut into items as the kernels cut theirs.
  const int64_t count = (read + written) / 2;
  Arena arena(2 * Arena::Rounded(count));
  const float* from = arena.Take(count);
  float* to = arena.Take(count);
  Timed kernel(std::move(pass));
  Timed copy([&] { ActivationForward(count, Activation::kIdentity, 0, from, to, pool); });
  double peak = 0;
  constexpr int kRounds = 15;
  for (int round = 0; round < kRounds; ++round) {
    kernel.Round();
    copy.Round();
    peak = std::max(peak, MeasurePeakGmacs(pool));
  }
  const double macs = Macs(s), bytes = 4.0 * static_cast<double>(read + written);
  const double seconds = kernel.best(), compute = macs / peak * 1e-9;
  const double floor = std::max(copy.best(), compute);
  std::printf(
      "%4d %4dx%-4d %5d s%d %-8s %9.1f us %7.1f of %.1f GMAC/s %7.1f GB/s  floor %9.1f us (%s)  "
      "%5.2f\n",
      static_cast<int>(s.n), static_cast<int>(s.h), static_cast<int>(s.w), static_cast<int>(s.c),
      s.stride_h, what, seconds * 1e6, macs / seconds * 1e-9, peak, bytes / seconds * 1e-9,
      floor * 1e6, copy.best() > compute ? "bytes" : "macs", floor / seconds);
  std::fflush(stdout);
  return floor / seconds;
}

void RunShape(const DepthwiseShape& s, bool gradients, ThreadPool* pool,
              std::vector<double>& ratios) {
  const int64_t src_pixel = std::max(s.c, s.src_pixel), dst_pixel = std::max(s.c, s.dst_pixel);
  const int64_t in = s.n * s.h * s.w * src_pixel, out = s.n * s.out_h * s.out_w * dst_pixel;
  const int64_t packed_floats = static_cast<int64_t>(DepthwisePackedBytes(s) / sizeof(float));
  const int64_t scratch_floats =
      static_cast<int64_t>(DepthwiseWeightGradientScratchBytes(s) / sizeof(float)) + 1;
  Arena arena(2 * in + out + 2 * packed_floats + scratch_floats + 20 * s.c + 8 * 16);
  float* x = arena.Take(in);
  float* y = arena.Take(out);
  const float* w = arena.Take(9 * s.c);
  const float* bias = arena.Take(s.c);
  float* packed = arena.Take(packed_floats);
  PackDepthwise(s, w, packed);
  Epilogue epilogue;
  if (!gradients) epilogue = {bias, Activation::kRelu, 0, nullptr, 0};
  ratios.push_back(Report(s, "forward", s.n * s.h * s.w * s.c, s.n * s.out_h * s.out_w * s.c, pool,
                          [&] { DepthwiseForward(s, x, packed, epilogue, y, pool); }));
  if (!gradients) return;
  float* dx = arena.Take(in);
  float* dw = arena.Take(9 * s.c);
  float* scratch = arena.Take(scratch_floats);
  ratios.push_back(Report(s, "input", out, in, pool,
                          [&] { DepthwiseInputGradient(s, y, packed, false, dx, pool); }));
  ratios.push_back(Report(s, "weights", in + out, 0, pool,
                          [&] { DepthwiseWeightGradient(s, x, y, dw, nullptr, scratch, pool); }));
}

int Main(int argc, char** argv) {
  int threads = 1;
  std::string shapes = "all", pixels = "spread";
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg.starts_with("threads=")) threads = std::atoi(arg.c_str() + 8);
    if (arg.starts_with("shapes=")) shapes = arg.substr(7);
    if (arg.starts_with("pixels=")) pixels = arg.substr(7);
    for (const int64_t target : Targets()) {
      std::string name = TargetName(target);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return std::tolower(c); });
      if (arg == "target=" + name) ForceTarget(target);
    }
  }
  ThreadPool pool(threads);
  std::printf("%d threads, %s, float32\n", threads, TargetName(CurrentTarget()));
  std::vector<double> ratios;
  if (shapes != "train") {
    // MobileNet V1 at 224, batch 1: {size, channels, stride}
    const int rows[][3] = {{112, 32, 1}, {112, 64, 2}, {56, 128, 1}, {56, 128, 2}, {28, 256, 1},
                           {28, 256, 2}, {14, 512, 1}, {14, 512, 2}, {7, 1024, 1}};
    for (const auto& r : rows) {
      DepthwiseShape s = Make(1, r[0], r[1], r[2]);
      if (pixels == "spread") s.src_pixel = s.dst_pixel = DepthwiseSpreadPixel(s.c);
      RunShape(s, false, &pool, ratios);
    }
  }
  if (shapes != "mobilenet") {
    // MobileNet V1 x 0.5 on 32x32 pictures, batch 128.
    const int rows[][3] = {{32, 16, 1},  {32, 32, 1}, {32, 64, 1}, {32, 64, 2}, {16, 128, 1},
                           {16, 128, 2}, {8, 256, 1}, {8, 256, 2}, {4, 512, 1}};
    for (const auto& r : rows) RunShape(Make(128, r[0], r[1], r[2]), true, &pool, ratios);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("floor/time: median %.2f, least %.2f\n", ratios[ratios.size() / 2], ratios.front());
  return 0;
}

}  // namespace
}  // namespace linnet::kernels

int main(int argc, char** argv) { return linnet::kernels::Main(argc, argv); }
