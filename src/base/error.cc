#include "base/error.h"

namespace linnet::internal {

void Throw(ErrorKind kind, fmt::string_view format, fmt::format_args args) {
  throw Error(kind, fmt::vformat(format, args));
}

}  // namespace linnet::internal
