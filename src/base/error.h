// Errors: what was expected, what came, where, what to do.
//
// Goal: one exception type whose kind is the process's exit code (README, "Exit codes").
// Non-goal: error values for control flow; functions that may fail in the ordinary course of things
// return std::optional or a bool.
#ifndef LINNET_BASE_ERROR_H_
#define LINNET_BASE_ERROR_H_

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace linnet {

// The numbers are the exit codes of the command line.
enum class ErrorKind {
  kInternal = 1,       // a defect of Linnet
  kUsage = 2,          // wrong arguments, or a graph that does not fit together
  kData = 3,           // a problem in the user's data
  kGate = 4,           // an accuracy gate failed
  kBudget = 5,         // no candidate meets the budget
  kFile = 6,           // a file that cannot be read, or was refused
  kInterrupted = 130,  // the user interrupted
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

namespace internal {
// Of its own, so that the many places that may fail are short.
[[noreturn]] void Throw(ErrorKind kind, fmt::string_view format, fmt::format_args args);
}  // namespace internal

// Throws Error with a message formatted as fmt::format does.
template <class... Args>
[[noreturn]] void Fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  internal::Throw(kind, format, fmt::make_format_args(args...));
}

// Throws an internal Error if 'condition' is false: for what only a defect of Linnet can break.
template <class... Args>
void Check(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) Fail(ErrorKind::kInternal, format, std::forward<Args>(args)...);
}

}  // namespace linnet

#endif  // LINNET_BASE_ERROR_H_
