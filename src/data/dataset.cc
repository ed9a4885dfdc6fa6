#include "data/dataset.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "data/layout.h"
#include "data/shapes.h"

namespace linnet {
namespace internal {
namespace {

namespace fs = std::filesystem;

void ListInto(const fs::path& folder, const std::string& prefix, int depth, Listing& listing) {
  constexpr int kDeepest = 12;  // also ends a circle of symbolic links
  if (depth > kDeepest) {
    Fail(ErrorKind::kData, "{}: folders deeper than {} (a circle of links?)", folder.string(),
         kDeepest);
  }
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) Fail(ErrorKind::kFile, "{}: cannot list: {}", folder.string(), error.message());
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (name[0] == '.') continue;
    // Links are followed; what a broken one points to is no file and no folder.
    if (entry.is_directory(error)) {
      listing.folders.push_back(prefix + name);
      ListInto(entry.path(), prefix + name + "/", depth + 1, listing);
    } else if (entry.is_regular_file(error) || entry.is_symlink(error)) {
      listing.files.push_back({prefix + name, 0, 0, 0});
    }
  }
}

}  // namespace

Listing ListFolder(const std::string& path) {
  Listing listing;
  listing.root = path;
  ListInto(path, "", 0, listing);
  std::sort(listing.files.begin(), listing.files.end(),
            [](const FoundFile& a, const FoundFile& b) { return a.path < b.path; });
  return listing;
}

namespace {

Dataset OpenListing(Listing listing, const DatasetOptions& options, const char* format) {
  CleanListing(listing);
  if (auto idx = OpenIdx(listing, options)) return std::move(*idx);
  if (auto cifar = OpenCifar(listing, options)) return std::move(*cifar);
  Dataset dataset;
  dataset.format = format;
  const std::vector<Blob> sources = listing.sources;
  const std::string root = listing.root;
  ArrangeByFolders(std::move(listing), options, dataset);
  if (sources.empty()) {
    dataset.load = [root](const DataItem& item) { return ReadImage(root + "/" + item.name); };
  } else {
    dataset.load = [root, sources](const DataItem& item) {
      return DecodeImage(sources[item.source].bytes.subspan(item.offset, item.bytes),
                         root + ": " + item.name);
    };
  }
  return dataset;
}

// The archives that lie in the folder itself, if there are no pictures in folders beside them: else
// they are what the pictures were unpacked from, or something else.
std::vector<std::string> Shards(const Listing& listing) {
  const auto in_folder = [](const FoundFile& file) {
    return file.path.find('/') != std::string::npos && HasPictureEnding(file.path);
  };
  if (std::any_of(listing.files.begin(), listing.files.end(), in_folder)) return {};
  std::vector<std::string> paths;
  for (const FoundFile& file : listing.files) {
    const bool named = file.path.ends_with(".tar") || file.path.ends_with(".tar.gz") ||
                       file.path.ends_with(".tgz");
    if (named && file.path.find('/') == std::string::npos)
      paths.push_back(listing.root + "/" + file.path);
  }
  return paths;
}

Dataset OpenPath(const std::string& path, const DatasetOptions& options) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    Fail(ErrorKind::kFile, "{}: no such file or folder; expected a data set", path);
  }
  if (fs::is_directory(path, error)) {
    Listing listing = ListFolder(path);
    const std::vector<std::string> shards = Shards(listing);
    if (shards.empty()) return OpenListing(std::move(listing), options, "folder");
    return OpenListing(ReadArchives(path, shards, options), options, "tar");
  }
  if (!LooksLikeArchive(path)) {
    Fail(ErrorKind::kData, "{}: expected a data set: a folder, or a .tar or .tar.gz archive", path);
  }
  return OpenListing(ReadArchives(path, {path}, options), options, "tar");
}

}  // namespace
}  // namespace internal

Dataset OpenDataset(const std::string& path, const DatasetOptions& options) {
  constexpr std::string_view kShapes = "shapes";
  const bool builtin = path == kShapes || path.starts_with("shapes:");
  Dataset dataset =
      builtin ? ShapesDataset(ShapesFromText(
                    std::string_view(path).substr(std::min(path.size(), kShapes.size() + 1)), path))
              : internal::OpenPath(path, options);
  if (!builtin) dataset.path = path;  // that of the built-in set says all its options
  internal::FinishDataset(options, dataset);
  return dataset;
}

}  // namespace linnet
