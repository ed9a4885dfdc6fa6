// Little data sets, as folders and archives.
#ifndef LINNET_TESTS_DATA_SET_FOR_TEST_H_
#define LINNET_TESTS_DATA_SET_FOR_TEST_H_

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fields.h"
#include "data/dataset.h"

namespace linnet {

// A PPM of one pixel, told apart by its red.
inline std::string Picture(int red) {
  return std::string("P6 1 1 255\n") + static_cast<char>(red) + std::string("\x01\x02", 2);
}

using Files = std::vector<std::pair<std::string, std::string>>;  // path, contents

inline const Files& SplitFiles() {
  static const Files files = {
      {"train/cat/a.ppm", Picture(1)},  {"train/cat/b", Picture(2)},
      {"train/dog/c.jpg", Picture(3)},  {"val/cat/d.ppm", Picture(4)},
      {"val/dog/e.ppm", Picture(5)},    {"test/dog/f f\xC3\xBC.ppm", Picture(6)},
      {"test/cat/g.ppm", Picture(7)},   {"README.txt", "words"},
      {"train/cat/notes.txt", "words"}, {"train/cat/.hidden.ppm", "x"}};
  return files;
}

inline void WriteFolder(const std::string& root, const Files& files) {
  for (const auto& [path, contents] : files) {
    std::filesystem::create_directories(std::filesystem::path(root + "/" + path).parent_path());
    std::ofstream(root + "/" + path, std::ios::binary) << contents;
  }
}

inline void WriteTar(const std::string& path, const Files& files, bool gzip,
                     const std::string& prefix = "") {
  archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  if (gzip) archive_write_add_filter_gzip(writer);
  ASSERT_EQ(archive_write_open_filename(writer, path.c_str()), ARCHIVE_OK);
  for (const auto& [name, contents] : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, (prefix + name).c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(contents.size()));
    const bool is_folder = name.empty() || name.ends_with('/');
    archive_entry_set_filetype(entry, is_folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, is_folder ? 0755 : 0644);
    archive_write_header(writer, entry);
    archive_write_data(writer, contents.data(), contents.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
}

inline void WriteGzip(const std::string& path, const std::string& contents) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, contents.data(), static_cast<unsigned>(contents.size()));
  gzclose(file);
}

// "train: cat=1 cat=2 dog=3 | val: ...": the class and red of every picture.
inline std::string Describe(const Dataset& dataset) {
  std::string text;
  for (const Split split : kSplits) {
    text += FieldToText(split) + ":";
    for (const DataItem& item : dataset.items(split)) {
      text +=
          " " + dataset.classes[item.label] + "=" + std::to_string(dataset.Load(item).pixels[0]);
    }
    text += "\n";
  }
  return text;
}

inline constexpr const char* kExpected =
    "train: cat=1 cat=2 dog=3\nval: cat=4 dog=5\ntest: cat=7 dog=6\n";

inline std::string ErrorOf(const std::string& path, const DatasetOptions& options = {}) {
  try {
    OpenDataset(path, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace linnet

#endif  // LINNET_TESTS_DATA_SET_FOR_TEST_H_
