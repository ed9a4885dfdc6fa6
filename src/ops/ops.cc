#include <array>

#include "ops/op_def.h"

namespace linnet {
namespace {

template <size_t... I>
std::array<const OpDef*, sizeof...(I)> MakeTable(std::index_sequence<I...>) {
  return {&DefOf<std::variant_alternative_t<I, Op>>()...};
}

}  // namespace

std::span<const OpDef* const> AllOps() {
  static const auto table = MakeTable(std::make_index_sequence<std::variant_size_v<Op>>());
  return table;
}

const OpDef& DefOf(const Op& op) { return *AllOps()[op.index()]; }

void ExpectInputs(Shapes in, int count, int rank, const char* what) {
  if (static_cast<int>(in.size()) != count) {
    Fail(ErrorKind::kUsage, "expected {} input{}, got {}", count, count == 1 ? "" : "s", in.size());
  }
  for (const Shape& shape : in) {
    if (rank != 0 && shape.rank() != rank) {
      Fail(ErrorKind::kUsage, "expected {}, got {}", what, shape.ToString());
    }
  }
}

}  // namespace linnet
