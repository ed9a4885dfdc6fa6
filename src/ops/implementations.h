// An ordered list of implementations, the best first: each accepts or says why not, and the first
// that accepts is prepared. The last must accept everything.
//
// Why not has two grades. 'refuses': it cannot. 'slower': it can, and a rule, made from
// measurements, says that one further down is faster. Who measures for himself
// (PrepareArgs::implementation) is free to choose among all that can: Prepared::candidates.
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
  // Why the rule passes it over; empty, or no function: it does not.
  std::string (*slower)(const O& op, const PrepareArgs& args) = nullptr;
};

template <class O>
Prepared PrepareFirst(std::span<const Implementation<O>> list, const O& op,
                      const PrepareArgs& args) {
  const Implementation<O>* chosen = nullptr;
  std::vector<std::string> refused, candidates;
  for (const Implementation<O>& implementation : list) {
    std::string reason = implementation.refuses(op, args);
    if (reason.empty()) {
      candidates.push_back(implementation.name);
      if (!args.implementation.empty()) {
        if (args.implementation != implementation.name) reason = "not asked for";
      } else if (implementation.slower != nullptr) {
        reason = implementation.slower(op, args);
      }
    }
    if (chosen != nullptr) continue;
    if (reason.empty()) {
      chosen = &implementation;
    } else {
      refused.push_back(std::string(implementation.name) + ": " + reason);
    }
  }
  if (chosen == nullptr) {
    Fail(ErrorKind::kInternal, "no implementation{}{} accepts {} on {}",
         args.implementation.empty() ? "" : " ", args.implementation, OpName(op),
         args.in[0].ToString());
  }
  Prepared prepared = chosen->prepare(op, args);
  prepared.implementation = chosen->name;
  prepared.candidates = std::move(candidates);
  prepared.refused = std::move(refused);
  return prepared;
}

}  // namespace linnet

#endif  // LINNET_OPS_IMPLEMENTATIONS_H_
