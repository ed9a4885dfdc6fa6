// Arch: an architecture by name, with its options, its paper and what was published of it.
//
// An architecture is written as one word: "mobilenet_v1", "mobilenet_v1:width=0.5,size=160".
// Each archs/<family>.cc defines LINNET_FAMILY(<family>) and is picked up by the build; nothing
// else needs to know it.
#ifndef LINNET_ARCHS_ARCH_H_
#define LINNET_ARCHS_ARCH_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "graph/graph.h"

namespace linnet {

using OptionList = std::vector<std::pair<std::string, std::string>>;

// A row of a paper: this architecture with these options has these counts and reached this
// accuracy.
struct Variant {
  std::string options;  // "width=0.5,size=160"
  int64_t params = 0;   // trainable
  int64_t macs = 0;     // multiply-adds of convolutions and fully connected layers
  double top1 = 0;      // percent on ImageNet's validation set, or the data 'source' names; 0: none
  double top5 = 0;
  std::string source;  // paper and table, or the release, that states the accuracy
  // Multiply-adds of a forward pass in training, where a source counts auxiliary heads too.
  int64_t training_macs = 0;
};

struct OptionDoc {
  std::string name, value, doc;  // value: the default
};

struct Arch {
  std::string name;
  std::string family;
  std::string title;  // one line
  std::string paper;  // arXiv number, or authors and venue
  std::vector<Variant> variants;
  std::vector<OptionDoc> options;
  // Error (kUsage) for an option that does not exist or a value out of range.
  std::function<Graph(const OptionList&)> build;
};

// What every architecture takes.
struct CommonOptions {
  int size = 224;  // rows and columns of the picture: the resolution multiplier rho, absolutely
  int classes = 1000;
  int channels = 3;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("size", self.size, "rows and columns of the input picture");
    v("classes", self.classes, "number of classes");
    v("channels", self.channels, "channels of the input picture");
  }
};

// Error (kUsage) for a number no network can have.
void CheckCommonOptions(const std::string& arch, const CommonOptions& options);
Value EmitInput(Graph& graph, const CommonOptions& options);

// Completes an Arch whose options are the fields of 'Options', with the given defaults. 'Options'
// holds CommonOptions as 'common' and visits it.
template <class Options>
Arch MakeArch(Arch arch, Graph (*build)(const Options&), const Options& defaults = {}) {
  VisitFields(defaults, [&](const char* name, const auto& field, const char* doc) {
    arch.options.push_back({name, FieldToText(field), doc});
  });
  arch.build = [build, defaults, name = arch.name](const OptionList& list) {
    Options options = defaults;
    for (const auto& [key, value] : list) SetField(options, key, value, "architecture " + name);
    CheckCommonOptions(name, options.common);
    Graph graph = build(options);
    graph.name = name;
    return graph;
  };
  return arch;
}

// Every architecture, by family and then in the order of the family's file.
const std::vector<Arch>& AllArchs();
// Error (kUsage) that names the nearest architectures.
const Arch& FindArch(std::string_view name);

struct ArchSpec {
  std::string name;
  OptionList options;
};
// "name:key=value,key=value". Error (kUsage) if it has another form.
ArchSpec ParseArchSpec(std::string_view text);
std::string ToString(const ArchSpec& spec);
// Sets an option, replacing an earlier value.
void SetOption(ArchSpec& spec, const std::string& key, const std::string& value);
bool HasOption(const Arch& arch, std::string_view key);

Graph BuildArch(const ArchSpec& spec);
inline Graph BuildArch(std::string_view spec) { return BuildArch(ParseArchSpec(spec)); }

}  // namespace linnet

// Begins the definition of a family: a function without arguments that returns its architectures.
#define LINNET_FAMILY(family) std::vector<::linnet::Arch> LinnetFamily_##family()

#endif  // LINNET_ARCHS_ARCH_H_
