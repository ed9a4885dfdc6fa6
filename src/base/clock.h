// The clock for durations.
#ifndef LINNET_BASE_CLOCK_H_
#define LINNET_BASE_CLOCK_H_

#include <chrono>

namespace linnet {

// Seconds since some moment; never goes back, whatever is done to the time of day.
inline double SecondsNow() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace linnet

#endif  // LINNET_BASE_CLOCK_H_
