// What this machine can do at most, measured: the limits that times are compared with.
#ifndef LINNET_KERNELS_MACHINE_H_
#define LINNET_KERNELS_MACHINE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "base/precision.h"
#include "base/thread_pool.h"

namespace linnet::kernels {

// Seconds for 'rounds' rounds of independent float32 multiply-adds in registers, in the calling
// thread, with the current target (targets.h); 'macs' receives how many there were.
double FmaSeconds(int rounds, double* macs);

// 1e9 float32 multiply-adds a second of all threads together, with the current target: the best of
// several short runs.
double MeasurePeakGmacs(ThreadPool* pool);

// What one kind of instruction reaches.
struct Peak {
  Precision precision = Precision::kFloat32;
  std::string unit;  // "FMA", "AVX-512 BF16", "AVX-512 VNNI", "AMX"
  double gmacs = 0;  // 1e9 multiply-adds a second, all threads together
};

struct Bandwidth {
  size_t bytes = 0;  // that are gone through again and again
  double gbytes_per_second = 0;
};

struct Machine {
  std::string processor;
  int threads = 1;
  std::string target;           // instruction set
  std::vector<Peak> peaks;      // float32 FMA first
  std::vector<Bandwidth> read;  // by ascending size: caches, then memory; all threads together

  // The most multiply-adds of a precision, by whatever instruction: what has no instruction of its
  // own is done in float32, and three bf16 products make one of bf16x3.
  double PeakGmacs(Precision precision = Precision::kFloat32) const;
  // The bandwidth at the largest measured size that is at most 'bytes'.
  double GBytesPerSecond(size_t bytes) const;
  // The least time for so many multiply-adds and bytes of memory traffic: the roofline (Williams,
  // Waterman, Patterson, CACM 2009).
  double FloorSeconds(double macs, size_t bytes, Precision precision = Precision::kFloat32) const;
};

// "AMD EPYC, family 26 model 2": as far as the system tells.
std::string ProcessorName();

// Takes about a quarter of a second a thread. The best of several short runs, since others may use
// the machine too.
Machine MeasureMachine(ThreadPool* pool);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_MACHINE_H_
