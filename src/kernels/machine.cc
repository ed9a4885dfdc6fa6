#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/machine.cc"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target comes first
#include <hwy/highway.h>
// clang-format on

#include "kernels/machine.h"

#ifndef LINNET_KERNELS_MACHINE_TABLE
#define LINNET_KERNELS_MACHINE_TABLE
namespace linnet::kernels {
struct MachineKernels {
  float (*fma)(int, double*);
  float (*read)(const float*, size_t);
};
}  // namespace linnet::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Two pipes with a latency of four or five need ten sums in flight; 16 registers leave room for 12
// beside the two factors.
constexpr int kSums = 12;

// Returns a number that depends on every product, so that none is optimised away.
float FmaRounds(int rounds, double* macs) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  V sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = hn::Set(d, static_cast<float>(i));
  // x <- x * 0.5 + 1 stays near 2.
  V factor = hn::Set(d, 0.5f), one = hn::Set(d, 1.0f);
  for (int round = 0; round < rounds; ++round) {
    HWY_UNROLL(16)
    for (int i = 0; i < kSums; ++i) sums[i] = hn::MulAdd(sums[i], factor, one);
  }
  V total = sums[0];
  for (int i = 1; i < kSums; ++i) total = hn::Add(total, sums[i]);
  *macs = static_cast<double>(rounds) * kSums * static_cast<double>(hn::Lanes(d));
  return hn::GetLane(hn::SumOfLanes(d, total));
}

// The sum of 'count' floats at 'data', a multiple of 16 vectors.
float ReadAll(const float* data, size_t count) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const size_t lanes = hn::Lanes(d);
  V sums[8];
  for (V& sum : sums) sum = hn::Zero(d);
  for (size_t i = 0; i < count; i += 8 * lanes) {
    HWY_UNROLL(8)
    for (size_t j = 0; j < 8; ++j) sums[j] = hn::Add(sums[j], hn::Load(d, data + i + j * lanes));
  }
  V total = sums[0];
  for (int i = 1; i < 8; ++i) total = hn::Add(total, sums[i]);
  return hn::GetLane(hn::SumOfLanes(d, total));
}

MachineKernels GetMachineKernels() { return {FmaRounds, ReadAll}; }

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <numeric>

#include "base/clock.h"
#include "base/tensor.h"
#include "kernels/machine_dot.h"
#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

HWY_EXPORT(GetMachineKernels);

// Takes a result that only had to be computed.
void Keep(float result) {
  static std::atomic<float> sink;
  sink.store(result, std::memory_order_relaxed);
}

// The least seconds of 'repeats' calls of f().
template <class F>
double BestSeconds(int repeats, F&& f) {
  double best = 1e30;
  for (int i = 0; i < repeats; ++i) {
    const double start = SecondsNow();
    f();
    best = std::min(best, SecondsNow() - start);
  }
  return best;
}

constexpr int kRounds = 50000;
constexpr int kRepeats = 16;

// The sum over the threads of the best rate each reached, work(thread) being 'amount'. Each thread
// takes its own time, so that one that others keep from running does not stop the rest.
template <class F>
double SumOfRates(ThreadPool* pool, double amount, F&& work) {
  std::vector<double> rates(static_cast<size_t>(Threads(pool)));
  ParallelFor(pool, rates.size(), [&](size_t thread) {
    rates[thread] = amount / BestSeconds(kRepeats, [&] { work(thread); });
  });
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

// Each thread reads memory of its own, often enough for at least 2 MB.
double MeasureRead(const MachineKernels& kernels, ThreadPool* pool, size_t bytes) {
  const size_t rounds = std::max<size_t>(1, (size_t{2} << 20) / bytes);
  const std::shared_ptr<void> memory = AllocateAligned(bytes * static_cast<size_t>(Threads(pool)));
  const size_t count = bytes / sizeof(float);
  return 1e-9 * SumOfRates(pool, static_cast<double>(bytes * rounds), [&](size_t thread) {
           const float* data = static_cast<const float*>(memory.get()) + thread * count;
           for (size_t round = 0; round < rounds; ++round) Keep(kernels.read(data, count));
         });
}

}  // namespace

double FmaSeconds(int rounds, double* macs) {
  const MachineKernels kernels = HWY_DYNAMIC_DISPATCH(GetMachineKernels)();
  const double start = SecondsNow();
  Keep(kernels.fma(rounds, macs));
  return SecondsNow() - start;
}

double Machine::GBytesPerSecond(size_t bytes) const {
  double found = read.front().gbytes_per_second;
  for (const Bandwidth& level : read) {
    if (level.bytes <= bytes) found = level.gbytes_per_second;
  }
  return found;
}

double Machine::PeakGmacs(Precision precision) const {
  double best = 0;
  for (const Peak& peak : peaks) {
    const bool thrice = precision == Precision::kBf16x3 && peak.precision == Precision::kBf16;
    const bool serves = peak.precision == Precision::kFloat32 || peak.precision == precision;
    if (serves || thrice) best = std::max(best, thrice ? peak.gmacs / 3 : peak.gmacs);
  }
  return best;
}

double Machine::FloorSeconds(double macs, size_t bytes, Precision precision) const {
  const double traffic = static_cast<double>(bytes) / GBytesPerSecond(bytes);
  return std::max(macs / PeakGmacs(precision), traffic) * 1e-9;
}

std::string ProcessorName() {
  std::string name, numbers;
  std::ifstream lines("/proc/cpuinfo");
  std::string line;
  while (std::getline(lines, line) && !line.empty()) {  // the first processor's paragraph
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string key = line.substr(0, line.find_last_not_of("\t :", colon) + 1);
    const std::string value = line.substr(colon + 2);
    if (key == "model name") name = value;
    if (key == "cpu family") numbers += ", family " + value;
    if (key == "model") numbers += " model " + value;
    if (key == "CPU implementer" || key == "CPU part") numbers += ", " + key + " " + value;
  }
  return (name.empty() ? std::string("processor") : name) + numbers;
}

double MeasurePeakGmacs(ThreadPool* pool) {
  const MachineKernels kernels = HWY_DYNAMIC_DISPATCH(GetMachineKernels)();
  double macs = 0;
  Keep(kernels.fma(kRounds, &macs));
  return 1e-9 * SumOfRates(pool, macs, [&](size_t) {
           double mine;
           Keep(kernels.fma(kRounds, &mine));
         });
}

Machine MeasureMachine(ThreadPool* pool) {
  const MachineKernels kernels = HWY_DYNAMIC_DISPATCH(GetMachineKernels)();
  Machine machine;
  machine.processor = ProcessorName();
  machine.threads = Threads(pool);
  machine.target = TargetName(CurrentTarget());
  machine.peaks.push_back({Precision::kFloat32, "FMA", MeasurePeakGmacs(pool)});
  for (const DotUnit& unit : DotUnits()) {
    const double macs = unit.run();
    machine.peaks.push_back(
        {unit.precision, unit.name, 1e-9 * SumOfRates(pool, macs, [&](size_t) { unit.run(); })});
  }
  // Inside the first, the second and the third cache of usual machines, and memory.
  for (const size_t kib : {16, 256, 4096, 65536}) {
    machine.read.push_back({kib * 1024 * static_cast<size_t>(machine.threads),
                            MeasureRead(kernels, pool, kib * 1024)});
  }
  return machine;
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
