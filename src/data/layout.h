// Internal to the openers: from a list of file names to classes and splits.
#ifndef LINNET_DATA_LAYOUT_H_
#define LINNET_DATA_LAYOUT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace linnet::internal {

// Bytes that some owner (a mapping, a string) keeps alive.
struct Blob {
  std::shared_ptr<const void> owner;
  std::span<const uint8_t> bytes;
};

struct FoundFile {
  std::string path;  // relative, '/' between folders
  uint32_t source = 0;
  uint64_t offset = 0, bytes = 0;
};

// What a folder or archives hold.
struct Listing {
  std::string root;  // named in messages
  std::vector<FoundFile> files;
  std::vector<std::string> folders;  // relative; needed to see empty classes
  std::vector<Blob> sources;         // what FoundFile::source counts; none for a folder
};

// "train", "Training", "val" ... -> the split.
std::optional<Split> SplitByName(std::string_view name);

// False for hidden files and names that no picture has.
bool MayBePicture(std::string_view path);

// True for names that say that they are pictures: ".jpg", ".png" ...
bool HasPictureEnding(std::string_view path);

// Removes what is hidden and brings paths to one form. The first step of every opener.
void CleanListing(Listing& listing);

// Fills classes, splits, problems and notes. Error (kData) if the layout is unknown.
void ArrangeByFolders(Listing listing, const DatasetOptions& options, Dataset& dataset);

// Puts the set's labels into the order of options.classes, reports missing classes, and throws if
// options.strict says so. The last step of every opener.
void FinishDataset(const DatasetOptions& options, Dataset& dataset);

Listing ListFolder(const std::string& path);
// All files of the tar archives 'paths', which are one set.
Listing ReadArchives(const std::string& root, const std::vector<std::string>& paths,
                     const DatasetOptions& options);
// By content: a tar, or gzip.
bool LooksLikeArchive(const std::string& path);

// Each answers std::nullopt if the listing is not of its kind.
std::optional<Dataset> OpenIdx(const Listing& listing, const DatasetOptions& options);
std::optional<Dataset> OpenCifar(const Listing& listing, const DatasetOptions& options);

// The contents of a listed file: of an archive, or of a folder (mapped).
Blob FileContents(const Listing& listing, const FoundFile& file);

}  // namespace linnet::internal

#endif  // LINNET_DATA_LAYOUT_H_
