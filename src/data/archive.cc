// Tar archives through libarchive, whole or compressed, without unpacking to disk.
//
// libarchive reads the mapped file. Of a plain tar it hands out pointers into the mapping, of which
// the offsets are kept; what it had to unpack is copied to one block of memory, up to the announced
// limit.
#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/fields.h"
#include "base/file.h"
#include "data/layout.h"

namespace linnet::internal {
namespace {

using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;

// Names of hostile archives must not fill the memory either.
constexpr size_t kMostEntries = 20'000'000;
constexpr size_t kLongestPath = 4096;

struct Unpacked {
  std::string bytes;
  int64_t limit;
};

std::string Reason(archive* reader) {
  const char* text = archive_error_string(reader);
  return text == nullptr ? "damaged" : text;
}

std::string EntryPath(archive_entry* entry) {
  const char* path = archive_entry_pathname_utf8(entry);
  if (path == nullptr) path = archive_entry_pathname(entry);
  return path == nullptr ? std::string() : std::string(path).substr(0, kLongestPath);
}

// The entry's data: in the mapping if it comes as one block from there, else appended to
// 'unpacked'. Returns whether it lies in the mapping.
bool ReadEntry(archive* reader, const std::string& name, Blob mapping, Unpacked& unpacked,
               FoundFile& file) {
  const uint64_t begin = unpacked.bytes.size();
  for (;;) {
    const void* data = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(reader, &data, &size, &offset);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN)
      Fail(ErrorKind::kData, "{}: {}: {}", name, file.path, Reason(reader));
    const auto* bytes = static_cast<const uint8_t*>(data);
    const std::less_equal<const uint8_t*> before;
    const bool mapped = before(mapping.bytes.data(), bytes) &&
                        before(bytes + size, mapping.bytes.data() + mapping.bytes.size());
    if (mapped && offset == 0 && size == file.bytes) {
      file.offset = static_cast<uint64_t>(bytes - mapping.bytes.data());
      return true;
    }
    const uint64_t end = begin + static_cast<uint64_t>(offset) + size;
    if (offset < 0 || end > static_cast<uint64_t>(unpacked.limit)) {
      Fail(ErrorKind::kData,
           "{}: unpacked, its files take more than {} MB; use a plain .tar, which is "
           "read in place, or smaller shards",
           name, unpacked.limit >> 20);
    }
    if (end > unpacked.bytes.size()) unpacked.bytes.resize(end);
    std::copy_n(bytes, size, unpacked.bytes.begin() + static_cast<int64_t>(end - size));
  }
  file.offset = begin;
  file.bytes = unpacked.bytes.size() - begin;
  return false;
}

Reader OpenReader(const std::string& path, const Blob& mapping) {
  Reader reader(archive_read_new(), archive_read_free);
  if (reader == nullptr) throw std::bad_alloc();
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_gnutar(reader.get());
  archive_read_support_filter_gzip(reader.get());
  const int status =
      archive_read_open_memory(reader.get(), mapping.bytes.data(), mapping.bytes.size());
  if (status != ARCHIVE_OK) Fail(ErrorKind::kData, "{}: {}", path, Reason(reader.get()));
  return reader;
}

// Shards often are named by their split ("train-0003.tar") and hold CLASS/picture.
std::string ShardPrefix(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  name = name.substr(0, name.find_first_of("-_.0123456789"));
  return SplitByName(name) ? name + "/" : "";
}

// Whether one of the folders on the way to an entry is named as a split.
bool LiesInSplit(const std::string& entry) {
  const auto parts = SplitText(entry, '/');
  if (parts.empty()) return false;
  return std::any_of(parts.begin(), parts.end() - 1,
                     [](std::string_view part) { return SplitByName(part).has_value(); });
}

struct Link {
  std::string name, target;  // both as paths of the archive
};

// What the entry links to; empty if it is no link. A symbolic link names its target from where it
// lies itself.
std::string LinkTarget(archive_entry* entry, const std::string& name) {
  const char* hard = archive_entry_hardlink_utf8(entry);
  if (hard == nullptr) hard = archive_entry_hardlink(entry);
  if (hard != nullptr) return hard;
  if (archive_entry_filetype(entry) != AE_IFLNK) return "";
  const char* target = archive_entry_symlink_utf8(entry);
  if (target == nullptr) target = archive_entry_symlink(entry);
  if (target == nullptr) return "";
  return (std::filesystem::path(name).parent_path() / target).string();
}

std::string Normal(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

// Links become the files they point to; one that points to no file of the archive has no bytes, and
// is a broken picture.
void FollowLinks(const std::vector<Link>& links, size_t first, Listing& listing) {
  if (links.empty()) return;
  std::unordered_map<std::string, size_t> place;
  for (size_t i = first; i < listing.files.size(); ++i) place[Normal(listing.files[i].path)] = i;
  for (const Link& link : links) {
    FoundFile file{link.name, 0, 0, 0};
    if (const auto found = place.find(Normal(link.target)); found != place.end()) {
      file = listing.files[found->second];
      file.path = link.name;
    }
    place[Normal(link.name)] = listing.files.size();
    listing.files.push_back(std::move(file));
  }
}

// Of one path the last entry is the file, as in unpacking: what `tar -r` appends replaces.
void KeepLast(size_t first, std::vector<FoundFile>& files) {
  std::unordered_set<std::string> seen;
  std::vector<FoundFile> kept;
  for (size_t i = files.size(); i-- > first;) {
    if (seen.insert(Normal(files[i].path)).second) kept.push_back(std::move(files[i]));
  }
  files.resize(first);
  files.insert(files.end(), std::move_iterator(kept.rbegin()), std::move_iterator(kept.rend()));
}

void ReadArchive(const std::string& path, Listing& listing, Unpacked& unpacked) {
  const auto mapped = MappedFile::Open(path);
  const Blob mapping{mapped, mapped->bytes()};
  const uint32_t mapping_source = static_cast<uint32_t>(listing.sources.size());
  listing.sources.push_back(mapping);
  const Reader reader = OpenReader(path, mapping);
  const size_t first = listing.files.size(), first_folder = listing.folders.size();
  bool has_splits = false;
  std::vector<Link> links;
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status < ARCHIVE_WARN) Fail(ErrorKind::kData, "{}: {}", path, Reason(reader.get()));
    const std::string name = EntryPath(entry);
    has_splits = has_splits || LiesInSplit(name);
    if (archive_entry_filetype(entry) == AE_IFDIR) {
      listing.folders.push_back(name);
    } else if (std::string target = LinkTarget(entry, name); !target.empty()) {
      links.push_back({name, target.substr(0, kLongestPath)});
    } else if (archive_entry_filetype(entry) == AE_IFREG && !name.empty()) {
      FoundFile file{name, 0, 0,
                     static_cast<uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)))};
      // Source 0 is the unpacked memory.
      if (ReadEntry(reader.get(), path, mapping, unpacked, file)) file.source = mapping_source;
      listing.files.push_back(std::move(file));
    }
    if (listing.files.size() + listing.folders.size() + links.size() > kMostEntries) {
      Fail(ErrorKind::kData, "{}: more than {} entries", path, kMostEntries);
    }
  }
  FollowLinks(links, first, listing);
  KeepLast(first, listing.files);
  const std::string prefix = has_splits ? "" : ShardPrefix(path);
  for (size_t i = first; i < listing.files.size(); ++i) listing.files[i].path.insert(0, prefix);
  for (size_t i = first_folder; i < listing.folders.size(); ++i) {
    listing.folders[i].insert(0, prefix);
  }
}

}  // namespace

Listing ReadArchives(const std::string& root, const std::vector<std::string>& paths,
                     const DatasetOptions& options) {
  Listing listing;
  listing.root = root;
  listing.sources.resize(1);
  Unpacked unpacked{{}, options.max_unpacked_bytes};
  for (const std::string& path : paths) ReadArchive(path, listing, unpacked);
  const auto owner = std::make_shared<const std::string>(std::move(unpacked.bytes));
  listing.sources[0] = {owner, AsBytes(*owner)};
  return listing;
}

bool LooksLikeArchive(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  const auto file = MappedFile::Open(path);
  const auto bytes = file->bytes();
  if (bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) return true;
  constexpr std::string_view kMagic = "ustar";
  return bytes.size() >= 512 && std::equal(kMagic.begin(), kMagic.end(), bytes.begin() + 257);
}

}  // namespace linnet::internal
