// The bfloat16 loops for every instruction set, without its products (bf16_dot.cc, bf16_amx.cc).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bf16_kernels.cc"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target comes first
#include <hwy/highway.h>
// clang-format on

#include <cstring>

#include "kernels/activation-inl.h"
#include "kernels/bf16_kernels.h"
#include "kernels/bf16_number-inl.h"
#include "kernels/depthwise_tile-inl.h"
#include "kernels/inline_lambda.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace bf16_plain {
#undef LINNET_BF16_DOT
#define LINNET_BF16_DOT 0
#include "kernels/bf16_kernels-inl.h"
}  // namespace bf16_plain

const Bf16Kernels* Bf16Table() {
  static const Bf16Kernels table = bf16_plain::MakeTable(hwy::TargetName(HWY_TARGET));
  return &table;
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "kernels/targets.h"

namespace linnet::kernels {

HWY_EXPORT(Bf16Table);

namespace {
// A function, and not a flag, so that a program that never emulates does not contain the twin.
const Bf16Kernels* (*g_emulated)(const Bf16Kernels& base) = nullptr;
}  // namespace

void EmulateBf16Tiles(bool emulate) { g_emulated = emulate ? EmulatedBf16AmxKernels : nullptr; }

const Bf16Kernels* GetBf16Kernels() {
  const Extras extras = CurrentExtras();
  const Bf16Kernels* kernels = extras >= Extras::kBf16 ? Bf16DotKernels() : nullptr;
  if (kernels == nullptr) kernels = HWY_DYNAMIC_DISPATCH(Bf16Table)();
  const Bf16Kernels* amx = g_emulated != nullptr    ? g_emulated(*kernels)
                           : extras >= Extras::kAmx ? Bf16AmxKernels(*kernels)
                                                    : nullptr;
  return amx != nullptr ? amx : kernels;
}

}  // namespace linnet::kernels
#endif  // HWY_ONCE
