// The int8 loops for every instruction set, without dot-product instructions (int8_dot.cc).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/int8_kernels.cc"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target comes first
#include <hwy/highway.h>
// clang-format on

#include <cstring>
#include <utility>

#include "kernels/inline_lambda.h"
#include "kernels/int8_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR
const Int8Kernels* Int8Table() { return PortableInt8Kernels(); }
#else
#define LINNET_INT8_DOT 0
#include "kernels/int8_kernels-inl.h"

const Int8Kernels* Int8Table() {
  static const Int8Kernels table = MakeTable(hwy::TargetName(HWY_TARGET));
  return &table;
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/targets.h"

namespace linnet::kernels {

HWY_EXPORT(Int8Table);

namespace {
// A function, and not a flag, so that a program that never emulates does not contain the twin.
const Int8Kernels* (*g_emulated)(const Int8Kernels& base) = nullptr;
}  // namespace

void EmulateInt8Tiles(bool emulate) { g_emulated = emulate ? EmulatedInt8AmxKernels : nullptr; }

const Int8Kernels* GetInt8Kernels() {
  const Extras extras = CurrentExtras();
  const Int8Kernels* kernels = extras >= Extras::kVnni ? Int8DotKernels() : nullptr;
  if (kernels == nullptr) kernels = HWY_DYNAMIC_DISPATCH(Int8Table)();
  const Int8Kernels* amx = g_emulated != nullptr    ? g_emulated(*kernels)
                           : extras >= Extras::kAmx ? Int8AmxKernels(*kernels)
                                                    : nullptr;
  return amx != nullptr ? amx : kernels;
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
