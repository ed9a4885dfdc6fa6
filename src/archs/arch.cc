#include "archs/arch.h"

#include <algorithm>

#include "archs/blocks.h"
#include "base/nearest.h"

namespace linnet {

// Written by the build: one FAMILY(<name>) for each file of this folder that defines one.
#define FAMILY(family) LINNET_FAMILY(family);
#include "archs/families.inc"
#undef FAMILY

namespace {

std::vector<Arch> CollectFamilies() {
  std::vector<Arch> archs;
  const auto add = [&](const char* family, std::vector<Arch> members) {
    for (Arch& arch : members) {
      arch.family = family;
      archs.push_back(std::move(arch));
    }
  };
#define FAMILY(family) add(#family, LinnetFamily_##family());
#include "archs/families.inc"
#undef FAMILY
  return archs;
}

}  // namespace

void CheckCommonOptions(const std::string& arch, const CommonOptions& options) {
  ExpectOption(arch.c_str(), "size", options.size, 1, 4096);
  ExpectOption(arch.c_str(), "classes", options.classes, 1, 1e6);
  ExpectOption(arch.c_str(), "channels", options.channels, 1, 64);
}

Value EmitInput(Graph& graph, const CommonOptions& options) {
  return graph.Emit("input", Input{options.size, options.size, options.channels});
}

const std::vector<Arch>& AllArchs() {
  static const std::vector<Arch> archs = CollectFamilies();
  return archs;
}

const Arch& FindArch(std::string_view name) {
  std::vector<std::string> names;
  for (const Arch& arch : AllArchs()) {
    if (arch.name == name) return arch;
    names.push_back(arch.name);
  }
  Fail(ErrorKind::kUsage,
       "there is no architecture '{}'; did you mean '{}'? `linnet archs` lists them", name,
       Nearest(name, names));
}

ArchSpec ParseArchSpec(std::string_view text) {
  ArchSpec spec;
  const size_t colon = text.find(':');
  spec.name = text.substr(0, colon);
  if (colon == std::string_view::npos) return spec;
  for (const std::string_view option : SplitText(text.substr(colon + 1), ',')) {
    const size_t equals = option.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      Fail(ErrorKind::kUsage, "'{}': expected name:option=value,option=value; found '{}'", text,
           option);
    }
    SetOption(spec, std::string(option.substr(0, equals)), std::string(option.substr(equals + 1)));
  }
  return spec;
}

std::string ToString(const ArchSpec& spec) {
  std::string text = spec.name;
  for (size_t i = 0; i < spec.options.size(); ++i) {
    text += (i ? "," : ":") + spec.options[i].first + "=" + spec.options[i].second;
  }
  return text;
}

void SetOption(ArchSpec& spec, const std::string& key, const std::string& value) {
  for (auto& option : spec.options) {
    if (option.first == key) {
      option.second = value;
      return;
    }
  }
  spec.options.emplace_back(key, value);
}

bool HasOption(const Arch& arch, std::string_view key) {
  return std::any_of(arch.options.begin(), arch.options.end(),
                     [&](const OptionDoc& option) { return option.name == key; });
}

Graph BuildArch(const ArchSpec& spec) { return FindArch(spec.name).build(spec.options); }

}  // namespace linnet
