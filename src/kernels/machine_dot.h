// Peaks of dot-product and matrix instructions that Highway does not reach. Private to the kernels
// folder.
#ifndef LINNET_KERNELS_MACHINE_DOT_H_
#define LINNET_KERNELS_MACHINE_DOT_H_

#include <vector>

#include "base/precision.h"

namespace linnet::kernels {

struct DotUnit {
  Precision precision;
  const char* name;
  // Some ten microseconds of independent products in registers; returns the multiply-adds made.
  double (*run)();
};

// Those of the current target and extras (targets.h), none or more.
std::vector<DotUnit> DotUnits();

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_MACHINE_DOT_H_
