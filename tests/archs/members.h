// The members of the zoo: every variant of every architecture, as the tests walk them.
#ifndef LINNET_TESTS_ARCHS_MEMBERS_H_
#define LINNET_TESTS_ARCHS_MEMBERS_H_

#include <cctype>
#include <string>
#include <vector>

#include "archs/arch.h"

namespace linnet::testing {

inline ArchSpec SpecOf(const Arch& arch, const Variant& variant) {
  return ParseArchSpec(variant.options.empty() ? arch.name : arch.name + ":" + variant.options);
}

struct Member {
  const Arch* arch;
  const Variant* variant;
  ArchSpec spec() const { return SpecOf(*arch, *variant); }
};

inline std::vector<Member> AllMembers() {
  std::vector<Member> members;
  for (const Arch& arch : AllArchs()) {
    for (const Variant& variant : arch.variants) members.push_back({&arch, &variant});
  }
  return members;
}

// A name that GoogleTest takes.
inline std::string TestName(std::string text) {
  for (char& c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return text;
}

}  // namespace linnet::testing

#endif  // LINNET_TESTS_ARCHS_MEMBERS_H_
