// Matrix product and pointwise convolution against this machine's peak of multiply-adds, measured
// before and after every repetition, in this run.
//
//   [LINNET_TARGET=avx2] bench_matmul [forward] [dx] [dw] [train] [threads=1] [seconds=0.2]
//
// forward (the default), dx, dw: M in {196, 784, 3136, 12544}, K and N in {128, 256, 512, 1024}.
// train: the products of MobileNet V1 0.5 with small_input on 32x32 pictures, batch 128, with the
// memory traffic they need.
//
// With one thread, time is the processor time of the thread: other processes cost us cache, not
// seconds.
#include "kernels/matmul.h"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/tensor.h"
#include "base/thread_pool.h"
#include "kernels/conv.h"
#include "kernels/machine.h"
#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

struct Options {
  bool forward = false, dx = false, dw = false, train = false;
  int threads = 1;
  double seconds = 0.2;  // for each shape
};

double Now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// The best rate of a short burst, GMAC/s, on all threads.
double PeakOnce(ThreadPool* pool) {
  std::vector<double> rates(static_cast<size_t>(Threads(pool)));
  ParallelFor(pool, rates.size(), [&](size_t i) {
    for (int repeat = 0; repeat < 3; ++repeat) {
      double macs;
      const double seconds = FmaSeconds(10000, &macs);
      rates[i] = std::max(rates[i], 1e-9 * macs / seconds);
    }
  });
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

struct Result {
  double seconds = 1e30;  // best
  double peak = 0;        // GMAC/s, best around this shape
};

template <class F>
Result Measure(const Options& options, ThreadPool* pool, F&& run) {
  Result result;
  run();  // warm-up
  double spent = 0;
  for (int repeat = 0; repeat < 3 || (spent < options.seconds && repeat < 1000); ++repeat) {
    result.peak = std::max(result.peak, PeakOnce(pool));
    const double start = Now(options.threads);
    run();
    const double seconds = Now(options.threads) - start;
    spent += seconds;
    result.seconds = std::min(result.seconds, seconds);
  }
  result.peak = std::max(result.peak, PeakOnce(pool));
  return result;
}

Tensor Random(std::initializer_list<int64_t> shape) {
  Tensor tensor{Shape(shape)};
  Rng rng(7);
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.data()[i] = rng.Uniform(-1, 1);
  return tensor;
}

struct Product {
  std::string name;
  int64_t m, k, n;  // forward sizes: [m, k] times [k, n]
  Tensor a, w, c, packed, scratch;
};

Product Make(int64_t m, int64_t k, int64_t n, int threads) {
  Product p{"", m, k, n, Random({m, k}), Random({n, k}), Random({m, n}), {}, {}};
  const size_t packed = std::max(MatMul(k, n).packed_bytes(), MatMul(n, k).packed_bytes());
  p.packed = Tensor({static_cast<int64_t>(packed / 4)});
  p.scratch =
      Tensor({static_cast<int64_t>(MatMulWeightGrad(m, n, k).ScratchBytes(threads) / 4 + 1)});
  return p;
}

Result RunVariant(const std::string& variant, Product& p, const Options& options,
                  ThreadPool* pool) {
  if (variant == "forward") {
    const MatMul matmul(p.k, p.n);
    p.name = matmul.name();
    matmul.PackTransposed(p.w.data(), p.packed.data(), pool);
    return Measure(options, pool, [&] {
      matmul.Run(p.m, p.a.data(), p.k, p.packed.data(), p.c.data(), p.n, Epilogue{}, pool);
    });
  }
  if (variant == "dx") {
    const MatMul matmul(p.n, p.k);
    p.name = matmul.name();
    matmul.Pack(p.w.data(), p.packed.data(), pool);
    return Measure(options, pool, [&] {
      matmul.Run(p.m, p.c.data(), p.n, p.packed.data(), p.a.data(), p.k, false, pool);
    });
  }
  const MatMulWeightGrad grad(p.m, p.n, p.k);
  p.name = TargetName(CurrentTarget());
  return Measure(options, pool, [&] {
    grad.Run(p.c.data(), p.n, p.a.data(), p.k, p.w.data(), p.scratch.data(), pool);
  });
}

void Grid(const std::string& variant, const Options& options, ThreadPool* pool) {
  std::vector<double> percents;
  std::printf("%s, %d thread(s)\n%6s %5s %5s  %8s %8s  %s\n", variant.c_str(), options.threads, "M",
              "K", "N", "GMAC/s", "peak", "% of peak");
  for (const int64_t m : {196, 784, 3136, 12544}) {
    for (const int64_t k : {128, 256, 512, 1024}) {
      for (const int64_t n : {128, 256, 512, 1024}) {
        Product p = Make(m, k, n, options.threads);
        const Result result = RunVariant(variant, p, options, pool);
        const double rate = 1e-9 * static_cast<double>(m * k * n) / result.seconds;
        percents.push_back(100 * rate / result.peak);
        std::printf("%6ld %5ld %5ld  %8.2f %8.2f  %6.1f  %s\n", m, k, n, rate, result.peak,
                    percents.back(), p.name.c_str());
        std::fflush(stdout);
      }
    }
  }
  std::sort(percents.begin(), percents.end());
  std::printf("%s: median %.1f %%, minimum %.1f %% of peak\n", variant.c_str(),
              percents[percents.size() / 2], percents.front());
}

// One layer as a convolution: forward, gradient of input, of weights.
void Train(const Options& options, ThreadPool* pool) {
  struct Layer {
    ConvShape shape;
    int times;
  };
  const std::vector<Layer> layers = {{{128, 32, 32, 3, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 1},
                                     {{128, 32, 32, 3, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, 0},
                                     {{128, 32, 32, 16, 32}, 1},
                                     {{128, 32, 32, 32, 64}, 1},
                                     {{128, 32, 32, 64, 64}, 1},
                                     {{128, 16, 16, 64, 128}, 1},
                                     {{128, 16, 16, 128, 128}, 1},
                                     {{128, 8, 8, 128, 256}, 1},
                                     {{128, 8, 8, 256, 256}, 5},
                                     {{128, 4, 4, 256, 512}, 1},
                                     {{128, 4, 4, 512, 512}, 1},
                                     {{128, 16, 16, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 0},
                                     {{128, 16, 16, 64, 64, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, 0},
                                     {{128, 16, 16, 64, 128, 1, 1, 2, 2}, 0}};
  std::printf(
      "train: ms (%% of peak, GB/s of source + destination); times = uses in the network\n");
  double total[3] = {};
  for (const Layer& layer : layers) {
    const ConvShape s = WithOutput(layer.shape);
    Tensor src = Random({s.src_elements()}), dst = Random({s.dst_elements()});
    Tensor w = Random({s.weight_elements()});
    const Conv2dForward forward(s);
    const Conv2dInputGrad dx(s);
    const Conv2dWeightGrad dw(s);
    Tensor packed({static_cast<int64_t>(forward.packed_bytes() / 4)});
    Tensor packed_dx({static_cast<int64_t>(dx.packed_bytes() / 4)});
    const size_t scratch_bytes =
        std::max({forward.ScratchBytes(options.threads), dx.ScratchBytes(options.threads),
                  dw.ScratchBytes(options.threads)});
    Tensor scratch({static_cast<int64_t>(scratch_bytes / 4 + 1)});
    const Result results[] = {
        Measure(options, pool,
                [&] {
                  forward.Pack(w.data(), packed.data(), pool);
                  forward.Run(src.data(), packed.data(), dst.data(), Epilogue{}, scratch.data(),
                              pool);
                }),
        Measure(options, pool,
                [&] {
                  dx.Pack(w.data(), packed_dx.data(), pool);
                  dx.Run(dst.data(), packed_dx.data(), src.data(), false, scratch.data(), pool);
                }),
        Measure(options, pool,
                [&] { dw.Run(src.data(), dst.data(), w.data(), scratch.data(), pool); })};
    std::printf("%3ldx%-3ld %4ld->%-4ld %ldx%ld/%ld x%d ", s.h, s.w, s.c, s.k, s.kh, s.kw,
                s.stride_h, layer.times);
    const double macs = static_cast<double>(s.dst_elements() * s.kh * s.kw * s.c / s.groups);
    const double bytes = 4.0 * static_cast<double>(s.src_elements() + s.dst_elements());
    const char* names[] = {"forward", "dx", "dw"};
    for (int i = 0; i < 3; ++i) {
      const Result& r = results[i];
      std::printf(" %s %7.3f (%3.0f%%, %4.1f)", names[i], 1e3 * r.seconds,
                  100 * 1e-9 * macs / r.seconds / r.peak, 1e-9 * bytes / r.seconds);
      total[i] += 1e3 * r.seconds * layer.times;
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  std::printf("one step of the network: forward %.2f ms, dx %.2f ms, dw %.2f ms\n", total[0],
              total[1], total[2]);
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "forward")
      options.forward = true;
    else if (arg == "dx")
      options.dx = true;
    else if (arg == "dw")
      options.dw = true;
    else if (arg == "train")
      options.train = true;
    else if (arg.rfind("threads=", 0) == 0)
      options.threads = std::atoi(arg.c_str() + 8);
    else if (arg.rfind("seconds=", 0) == 0)
      options.seconds = std::atof(arg.c_str() + 8);
    else {
      std::fprintf(stderr,
                   "usage: %s [forward] [dx] [dw] [train] [threads=1] [seconds=0.2]\n"
                   "LINNET_TARGET=avx2 lowers the instruction set\n",
                   argv[0]);
      return 2;
    }
  }
  if (!options.dx && !options.dw && !options.train) options.forward = true;
  ThreadPool pool(options.threads);
  ThreadPool* used = options.threads == 1 ? nullptr : &pool;
  if (options.forward) Grid("forward", options, used);
  if (options.dx) Grid("dx", options, used);
  if (options.dw) Grid("dw", options, used);
  if (options.train) Train(options, used);
  return 0;
}

}  // namespace
}  // namespace linnet::kernels

int main(int argc, char** argv) { return linnet::kernels::Main(argc, argv); }
