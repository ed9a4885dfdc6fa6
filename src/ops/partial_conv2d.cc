#include "ops/op_def.h"

namespace linnet {
namespace {

struct PartialConv2dOp {
  using Fields = PartialConv2d;
  static constexpr const char* kUnsupported = "TODO";

  static int64_t LinkCount(const PartialConv2d& op) {
    int64_t count = 0;
    for (const auto& sources : op.links.sources) count += static_cast<int64_t>(sources.size());
    return count;
  }

  static Shape Infer(const PartialConv2d& op, Shapes in) {
    ExpectInputs(in, 1, 4, "a map [N,H,W,C]");
    for (const auto& sources : op.links.sources) {
      for (const int source : sources) {
        if (source < 0 || source >= in[0].c()) {
          Fail(ErrorKind::kUsage, "links: there is no input map {} of {}", source, in[0].c());
        }
      }
    }
    if (op.links.sources.empty()) Fail(ErrorKind::kUsage, "links: the table is empty");
    if (op.kernel[0] < 1 || op.kernel[1] < 1 || op.kernel[0] > in[0].h() ||
        op.kernel[1] > in[0].w()) {
      Fail(ErrorKind::kUsage, "kernel={},{}: does not fit a map of {}", op.kernel[0], op.kernel[1],
           in[0].ToString());
    }
    return {in[0].n(), in[0].h() - op.kernel[0] + 1, in[0].w() - op.kernel[1] + 1,
            static_cast<int64_t>(op.links.sources.size())};
  }

  static std::vector<ParamSpec> Params(const PartialConv2d& op, Shapes) {
    const int64_t maps = static_cast<int64_t>(op.links.sources.size());
    return {{.name = "weight",
             .shape = {LinkCount(op), op.kernel[0], op.kernel[1]},
             .init = Init::kKaimingNormal,
             .fan = 1.0 * op.kernel[0] * op.kernel[1] * static_cast<double>(LinkCount(op)) /
                    static_cast<double>(maps),
             .decay = true},
            {.name = "bias", .shape = {maps}}};
  }

  static int64_t Macs(const PartialConv2d& op, Shapes, const Shape& out) {
    return out.n() * out.h() * out.w() * LinkCount(op) * op.kernel[0] * op.kernel[1];
  }

  static std::vector<Sample> Samples() { return {}; }
};

}  // namespace

template <>
const OpDef& DefOf<PartialConv2d>() {
  static const OpDef def = MakeOpDef<PartialConv2dOp>();
  return def;
}

}  // namespace linnet
