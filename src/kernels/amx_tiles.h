// Tile registers: Intel's AMX, and a twin in plain C++ by which packing, blocking and tails are
// tested on any machine. Private to the kernels folder; x86-64 only.
#ifndef LINNET_KERNELS_AMX_TILES_H_
#define LINNET_KERNELS_AMX_TILES_H_

#include <cstdint>
#include <cstring>

#include "base/bfloat16.h"
#include "kernels/amx_config.h"

namespace linnet::kernels {

// In assembler, because the compiler's intrinsics take a register's number as a word of the text,
// not as a constant, and g++ 12 does not know that they read memory.
//
// Begin(rows): of the registers of sums and of A, 0 to 5; those of B, 6 and 7, always have 16.
struct AmxTiles {
  static void Begin(int rows = 16) {
    TileConfig configuration;
    for (int tile = 0; tile < 6; ++tile) configuration.rows[tile] = static_cast<uint8_t>(rows);
    __asm__ volatile("ldtilecfg %0" ::"m"(configuration));
  }
  static void End() { __asm__ volatile("tilerelease"); }

  template <int kTile>
  static void Zero() {
    __asm__ volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  template <int kTile>
  static void Load(const void* from, int64_t stride_bytes) {
    __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(kTile), "r"(from), "r"(stride_bytes)
                     : "memory");
  }
  template <int kTile>
  static void Store(void* to, int64_t stride_bytes) {
    __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(kTile), "r"(to), "r"(stride_bytes)
                     : "memory");
  }
  template <int kSum, int kA, int kB>
  static void DotBf16() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
  // uint8 times int8.
  template <int kSum, int kA, int kB>
  static void DotBytes() {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
};

// As Intel's manual describes them, volume 2: TILELOADD, TDPBF16PS, TDPBUSD, TILESTORED;
// but for denormal numbers, which TDPBF16PS takes as zeros.
struct EmulatedTiles {
  struct Registers {
    int rows;  // of those of sums and A
    uint8_t row[8][16][64];
  };
  static inline thread_local Registers registers;

  static void Begin(int rows = 16) { registers.rows = rows; }
  static void End() { registers.rows = 0; }

  template <int kTile>
  static void Zero() {
    std::memset(registers.row[kTile], 0, sizeof(registers.row[kTile]));
  }
  template <int kTile>
  static void Load(const void* from, int64_t stride_bytes) {
    const int rows = kTile < 6 ? registers.rows : 16;
    for (int i = 0; i < rows; ++i) {
      std::memcpy(registers.row[kTile][i], static_cast<const uint8_t*>(from) + i * stride_bytes,
                  64);
    }
  }
  template <int kTile>
  static void Store(void* to, int64_t stride_bytes) {
    for (int i = 0; i < registers.rows; ++i) {
      std::memcpy(static_cast<uint8_t*>(to) + i * stride_bytes, registers.row[kTile][i], 64);
    }
  }
  template <int kSum, int kA, int kB>
  static void DotBf16() {
    for (int i = 0; i < registers.rows; ++i) {
      for (int j = 0; j < 16; ++j) {
        float sum;
        std::memcpy(&sum, registers.row[kSum][i] + 4 * j, 4);
        for (int pair = 0; pair < 16; ++pair) {
          for (int k = 0; k < 2; ++k) {
            bfloat16_t a, b;
            std::memcpy(&a, registers.row[kA][i] + 4 * pair + 2 * k, 2);
            std::memcpy(&b, registers.row[kB][pair] + 4 * j + 2 * k, 2);
            sum += FromBfloat16(a) * FromBfloat16(b);
          }
        }
        std::memcpy(registers.row[kSum][i] + 4 * j, &sum, 4);
      }
    }
  }
  template <int kSum, int kA, int kB>
  static void DotBytes() {
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

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_AMX_TILES_H_
