// The network that a command is about, however it was named.
#ifndef LINNET_API_NETWORK_H_
#define LINNET_API_NETWORK_H_

#include <optional>
#include <string>

#include "archs/arch.h"
#include "graph/graph.h"
#include "io/model_file.h"

namespace linnet {

struct NamedNetwork {
  std::string name;  // of an architecture: the whole word, with its options
  Graph graph;
  std::optional<Model> model;  // of a model file
};

// Error (kFile) if a text, which is the path of no file, looks like one and not like an
// architecture.
void ExpectNoPath(const std::string& text);

// "mobilenet_v1:width=0.5", or the path of a model file or of a graph's text. 'options' are added
// to an architecture's. Error (kUsage, kFile) saying what was expected.
NamedNetwork FindNetwork(const std::string& text, const OptionList& options);

}  // namespace linnet

#endif  // LINNET_API_NETWORK_H_
