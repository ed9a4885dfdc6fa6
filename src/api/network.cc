#include "api/network.h"

#include <filesystem>

#include "base/file.h"

namespace linnet {
namespace {

void ExpectNoOptions(const std::string& path, const OptionList& options) {
  if (options.empty()) return;
  Fail(ErrorKind::kUsage, "{}: --{} is for architectures; this is a file", path,
       options.front().first);
}

}  // namespace

NamedNetwork FindNetwork(const std::string& text, const OptionList& options) {
  if (std::filesystem::is_regular_file(text)) {
    ExpectNoOptions(text, options);
    try {
      Graph graph = GraphFromText(ReadFile(text));
      return {graph.name, std::move(graph)};
    } catch (const Error& error) {
      Fail(error.kind(), "{}: {}", text, error.what());
    }
  }
  if (text.find('/') != std::string::npos || text.ends_with(".txt")) {
    Fail(ErrorKind::kFile, "{}: there is no such file", text);
  }
  ArchSpec spec = ParseArchSpec(text);
  for (const auto& [key, value] : options) SetOption(spec, key, value);
  return {ToString(spec), BuildArch(spec)};
}

}  // namespace linnet
