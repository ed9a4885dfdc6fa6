// The int8 loops for the targets that have dot products of bytes, which Highway does not reach.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/int8_dot.cc"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target comes first
#include <hwy/highway.h>
// clang-format on

#include <cstring>
#include <string>
#include <utility>

#include "kernels/inline_lambda.h"
#include "kernels/int8_kernels.h"

#undef LINNET_DOT_ATTRIBUTE
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3  // later releases of Highway have several
#define LINNET_DOT_ATTRIBUTE "avx512vnni"
#elif HWY_TARGET == HWY_AVX2
#define LINNET_DOT_ATTRIBUTE "avxvnni"
#elif HWY_TARGET == HWY_NEON
#define LINNET_DOT_ATTRIBUTE "arch=armv8.2-a+dotprod+crypto"
#endif

HWY_BEFORE_NAMESPACE();
#ifdef LINNET_DOT_ATTRIBUTE
HWY_PUSH_ATTRIBUTES(LINNET_DOT_ATTRIBUTE)
#endif
namespace linnet::kernels {
namespace HWY_NAMESPACE {

#ifdef LINNET_DOT_ATTRIBUTE
namespace dot {
#define LINNET_INT8_DOT 1
#include "kernels/int8_kernels-inl.h"
}  // namespace dot

const Int8Kernels* DotTable() {
  static const std::string name = std::string(hwy::TargetName(HWY_TARGET)) + "_VNNI";
  static const Int8Kernels table = [] {
    Int8Kernels made = dot::MakeTable(name.c_str());
    if (HWY_TARGET <= HWY_AVX3 && VbmiLookup() != nullptr) made.lookup = VbmiLookup();
    return made;
  }();
  return &table;
}
#else
const Int8Kernels* DotTable() { return nullptr; }
#endif

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
#ifdef LINNET_DOT_ATTRIBUTE
HWY_POP_ATTRIBUTES
#endif
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace linnet::kernels {

HWY_EXPORT(DotTable);
const Int8Kernels* Int8DotKernels() { return HWY_DYNAMIC_DISPATCH(DotTable)(); }

}  // namespace linnet::kernels
#endif  // HWY_ONCE
