// How C functions report errors: a code, and words that stay with the thread until its next error.
#ifndef LINNET_BASE_C_GUARD_H_
#define LINNET_BASE_C_GUARD_H_

#include <exception>
#include <new>
#include <string>

#include "base/error.h"

namespace linnet {

inline thread_local std::string last_error;

inline int Remember(ErrorKind kind, const char* message) noexcept {
  try {
    last_error = message;
  } catch (const std::bad_alloc&) {
    last_error.clear();
  }
  return static_cast<int>(kind);
}

// Calls f; what it throws becomes a code, an ErrorKind, and the last error. 0: nothing was thrown.
template <class F>
int Guard(F&& f) noexcept {
  try {
    f();
    return 0;
  } catch (const Error& error) {
    return Remember(error.kind(), error.what());
  } catch (const std::exception& error) {
    return Remember(ErrorKind::kInternal, error.what());
  } catch (...) {
    return Remember(ErrorKind::kInternal, "unknown error");
  }
}

inline void Expect(bool condition, const char* message) {
  if (!condition) Fail(ErrorKind::kUsage, "{}", message);
}

}  // namespace linnet

#endif  // LINNET_BASE_C_GUARD_H_
