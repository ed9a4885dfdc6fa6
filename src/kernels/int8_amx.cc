// Int8 products by tile registers: Intel's AMX, and a twin in plain C++ by which packing, blocking
// and tails are tested on any machine with AVX-512.
#include <hwy/detect_targets.h>

#include "kernels/amx_tiles.h"
#include "kernels/int8_kernels.h"
#include "kernels/int8_register_work.h"

#if HWY_ARCH_X86_64
#include <algorithm>
#include <cstring>

namespace linnet::kernels {
namespace {

namespace amx {

using Tiles = AmxTiles;

#include "kernels/int8_amx-inl.h"

}  // namespace amx

namespace emulated {

using Tiles = EmulatedTiles;

#include "kernels/int8_amx-inl.h"

}  // namespace emulated

}  // namespace

// The twin has a table for each base: without dot products, and with them.
const Int8Kernels* EmulatedInt8AmxKernels(const Int8Kernels& base) {
  if (base.lanes != 16) return nullptr;
  if (&base == Int8DotKernels()) {
    static const Int8Kernels table = emulated::MakeTable(base, "AMX_EMULATED_VNNI");
    return &table;
  }
  static const Int8Kernels table = emulated::MakeTable(base, "AMX_EMULATED");
  return &table;
}

const Int8Kernels* Int8AmxKernels(const Int8Kernels& base) {
  if (base.lanes != 16) return nullptr;
  static const Int8Kernels table = amx::MakeTable(base, "AMX");
  return &table;
}

}  // namespace linnet::kernels
#else
namespace linnet::kernels {
const Int8Kernels* EmulatedInt8AmxKernels(const Int8Kernels&) { return nullptr; }
const Int8Kernels* Int8AmxKernels(const Int8Kernels&) { return nullptr; }
}  // namespace linnet::kernels
#endif
