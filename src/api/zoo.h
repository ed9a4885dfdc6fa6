// The zoo for readers: its members as rows, and the page docs/zoo.md.
#ifndef LINNET_API_ZOO_H_
#define LINNET_API_ZOO_H_

#include <string>
#include <vector>

#include "archs/arch.h"

namespace linnet {

struct ZooRow {
  std::string name;  // one word with its options: "mobilenet_v1:width=0.5,size=160"
  const Arch* arch;
  std::string input;  // "160x160x3"
  Variant variant;
};

// The published variants of an architecture; of one that has none, its defaults, counted.
std::vector<ZooRow> ZooRows(const Arch& arch);

// Markdown: by family, the architectures with titles and papers, their options, and a table of all
// variants. The file docs/zoo.md is this text.
std::string ZooPage();

}  // namespace linnet

#endif  // LINNET_API_ZOO_H_
