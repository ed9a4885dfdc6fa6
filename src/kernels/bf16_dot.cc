// The bfloat16 loops for the targets that have products of bfloat16, which Highway does not reach.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bf16_dot.cc"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target comes first
#include <hwy/highway.h>
// clang-format on

#include <cstring>
#include <string>

#include "kernels/activation-inl.h"
#include "kernels/bf16_kernels.h"
#include "kernels/bf16_number-inl.h"
#include "kernels/depthwise_tile-inl.h"
#include "kernels/inline_lambda.h"

#undef LINNET_BF16_HAS_DOT
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3  // later releases of Highway have several
#define LINNET_BF16_HAS_DOT 1
#endif

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {

#ifdef LINNET_BF16_HAS_DOT
namespace bf16_dot {
#undef LINNET_BF16_DOT
#define LINNET_BF16_DOT 1
#include "kernels/bf16_kernels-inl.h"
}  // namespace bf16_dot

const Bf16Kernels* Bf16DotTable() {
  static const std::string name = std::string(hwy::TargetName(HWY_TARGET)) + "_BF16";
  static const Bf16Kernels table = bf16_dot::MakeTable(name.c_str());
  return &table;
}
#else
const Bf16Kernels* Bf16DotTable() { return nullptr; }
#endif

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {

HWY_EXPORT(Bf16DotTable);
const Bf16Kernels* Bf16DotKernels() { return HWY_DYNAMIC_DISPATCH(Bf16DotTable)(); }

}  // namespace linnet::kernels
#endif  // HWY_ONCE
