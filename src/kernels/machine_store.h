// What MeasureMachine found, remembered from one program to the next.
#ifndef LINNET_KERNELS_MACHINE_STORE_H_
#define LINNET_KERNELS_MACHINE_STORE_H_

#include <nlohmann/json.hpp>
#include <string>

#include "kernels/machine.h"

namespace linnet::kernels {

struct KnownMachine {
  Machine machine;
  std::string measured;  // when: "2026-11-26 16:50", UTC
  bool remembered = false;
};

// The machine as it was measured once, in a file of UserCacheFolder() for each processor, target
// with its extras, and number of threads. Measured now, and written there, if 'again' is set or the
// file is absent or not one of ours. Where it cannot be written, nothing is remembered.
KnownMachine MachineOnce(ThreadPool* pool, bool again);

// {"processor", "threads", "target", "peak_gmacs", "peaks": [{"precision", "unit", "gmacs"}],
//  "read": [{"bytes", "gbytes_per_second"}]}
nlohmann::ordered_json MachineToJson(const Machine& machine);

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_MACHINE_STORE_H_
