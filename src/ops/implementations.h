// An ordered list of implementations, the best first: each accepts or says why not, and the first
// that accepts is prepared. The last must accept everything.
#ifndef LINNET_OPS_IMPLEMENTATIONS_H_
#define LINNET_OPS_IMPLEMENTATIONS_H_

#include <span>
#include <string>

#include "ops/op_def.h"

namespace linnet {

template <class O>
struct Implementation {
  const char* name;
  // The reason why not; empty: accepts.
  std::string (*refuses)(const O& op, const PrepareArgs& args);
  Prepared (*prepare)(const O& op, const PrepareArgs& args);
};

template <class O>
Prepared PrepareFirst(std::span<const Implementation<O>> list, const O& op,
                      const PrepareArgs& args) {
  std::vector<std::string> refused;
  for (const Implementation<O>& implementation : list) {
    const std::string reason = implementation.refuses(op, args);
    if (reason.empty()) {
      Prepared prepared = implementation.prepare(op, args);
      prepared.refused = std::move(refused);
      return prepared;
    }
    refused.push_back(std::string(implementation.name) + ": " + reason);
  }
  Fail(ErrorKind::kInternal, "no implementation accepts {} on {}", OpName(op),
       args.in[0].ToString());
}

}  // namespace linnet

#endif  // LINNET_OPS_IMPLEMENTATIONS_H_
