// Int8 products by tile registers: Intel's AMX, and a twin in plain C++ by which packing, blocking
// and tails are tested on any machine with AVX-512.
#include <hwy/detect_targets.h>

#include "kernels/amx_config.h"
#include "kernels/int8_kernels.h"
#include "kernels/int8_register_work.h"

#if HWY_ARCH_X86_64
#include <algorithm>
#include <cstring>

namespace linnet::kernels {
namespace {

namespace amx {

// In assembler, because the compiler's intrinsics take a register's number as a word of the text,
// not as a constant, and g++ 12 does not know that they read memory.
struct Tiles {
  static void Begin(int rows) {
    TileConfig configuration;
    for (int tile = 0; tile < 6; ++tile) configuration.rows[tile] = static_cast<uint8_t>(rows);
    __asm__ volatile("ldtilecfg %0" ::"m"(configuration));
  }
  static void End() { __asm__ volatile("tilerelease"); }
  template <int kTile>
  static void Load(const void* from, int64_t stride) {
    __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(kTile), "r"(from), "r"(stride)
                     : "memory");
  }
  template <int kTile>
  static void Store(void* to, int64_t stride) {
    __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(kTile), "r"(to), "r"(stride)
                     : "memory");
  }
  // uint8 times int8.
  template <int kSum, int kA, int kB>
  static void Dot() {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
};

#include "kernels/int8_amx-inl.h"

}  // namespace amx

namespace emulated {

// As Intel's manual describes them, volume 2: TILELOADD, TDPBUSD, TILESTORED.
struct Registers {
  int rows = 0;  // of those of sums and A
  uint8_t row[8][16][64];
};
thread_local Registers registers;

struct Tiles {
  static void Begin(int rows) { registers.rows = rows; }
  static void End() { registers.rows = 0; }
  template <int kTile>
  static void Load(const void* from, int64_t stride) {
    const int rows = kTile < 6 ? registers.rows : 16;
    for (int i = 0; i < rows; ++i) {
      std::memcpy(registers.row[kTile][i], static_cast<const uint8_t*>(from) + i * stride, 64);
    }
  }
  template <int kTile>
  static void Store(void* to, int64_t stride) {
    for (int i = 0; i < registers.rows; ++i) {
      std::memcpy(static_cast<uint8_t*>(to) + i * stride, registers.row[kTile][i], 64);
    }
  }
  template <int kSum, int kA, int kB>
  static void Dot() {
    for (int i = 0; i < registers.rows; ++i) {
      for (int j = 0; j < 16; ++j) {
        int32_t sum;
        std::memcpy(&sum, registers.row[kSum][i] + 4 * j, 4);
        for (int k = 0; k < 64; ++k) {
          const auto w = static_cast<int8_t>(registers.row[kB][k / 4][4 * j + k % 4]);
          sum += registers.row[kA][i][k] * w;
        }
        std::memcpy(registers.row[kSum][i] + 4 * j, &sum, 4);
      }
    }
  }
};

#include "kernels/int8_amx-inl.h"

}  // namespace emulated

}  // namespace

// The twin has a table for each base: without dot products, and with them.
const Int8Kernels* Int8AmxKernels(const Int8Kernels& base, bool emulate) {
  if (base.lanes != 16) return nullptr;
  if (emulate && &base == Int8DotKernels()) {
    static const Int8Kernels table = emulated::MakeTable(base, "AMX_EMULATED_VNNI");
    return &table;
  }
  if (emulate) {
    static const Int8Kernels table = emulated::MakeTable(base, "AMX_EMULATED");
    return &table;
  }
  static const Int8Kernels table = amx::MakeTable(base, "AMX");
  return &table;
}

}  // namespace linnet::kernels
#else
namespace linnet::kernels {
const Int8Kernels* Int8AmxKernels(const Int8Kernels&, bool) { return nullptr; }
}  // namespace linnet::kernels
#endif
