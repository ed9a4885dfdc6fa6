#include "api/network.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"

namespace linnet {
namespace {

// What no text has: a picture, an archive, an empty file.
bool IsNoText(const MappedFile& file) {
  const auto begin = file.data(), end = begin + std::min<size_t>(file.size(), 4096);
  return file.size() == 0 || std::find(begin, end, uint8_t{0}) != end;
}

// A graph's text begins with its first words, blanks or a comment; a model file with a number of
// eight bytes, of which the last is zero.
bool IsGraphText(const MappedFile& file) {
  constexpr size_t kLengthBytes = 8;
  return file.size() < kLengthBytes || file.data()[kLengthBytes - 1] != 0;
}

NamedNetwork ReadNetwork(const std::string& path) {
  const auto file = MappedFile::Open(path);
  if (!IsGraphText(*file)) {
    Model model = LoadModel(path);
    return {model.graph.name, model.graph, std::move(model)};
  }
  if (IsNoText(*file)) {
    Fail(ErrorKind::kFile, "{}: is neither a model file nor a graph's text", path);
  }
  try {
    Graph graph = GraphFromText({reinterpret_cast<const char*>(file->data()), file->size()});
    return {graph.name, std::move(graph), {}};
  } catch (const Error& error) {
    Fail(error.kind(), "{}: {}", path, error.what());
  }
}

}  // namespace

void ExpectNoPath(const std::string& text) {
  const bool is_path = text.find('/') != std::string::npos || text.ends_with(".txt") ||
                       text.ends_with(".safetensors");
  if (is_path) Fail(ErrorKind::kFile, "{}: there is no such file", text);
}

NamedNetwork FindNetwork(const std::string& text, const OptionList& options) {
  std::error_code ignored;  // of a text too long for a name
  if (std::filesystem::is_regular_file(text, ignored)) {
    if (!options.empty()) {
      Fail(ErrorKind::kUsage, "{}: --{} is for architectures; this is a file", text,
           options.front().first);
    }
    return ReadNetwork(text);
  }
  ExpectNoPath(text);
  ArchSpec spec = ParseArchSpec(text);
  for (const auto& [key, value] : options) SetOption(spec, key, value);
  return {ToString(spec), BuildArch(spec), {}};
}

}  // namespace linnet
