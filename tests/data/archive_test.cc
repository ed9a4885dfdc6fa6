// Tar files, packed and plain, as data sets.
#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/set_for_test.h"
#include "test_data.h"

namespace linnet {
namespace {

using testing::HasSubstr;

TEST(Archive, SplitsInsideAnArchiveCountMoreThanItsName) {
  TemporaryFolder folder;
  for (const char* prefix : {"", "./", "flowers/", "./outer/inner/"}) {
    WriteTar(folder / "train_val.tar", SplitFiles(), false, prefix);
    EXPECT_EQ(Describe(OpenDataset(folder / "train_val.tar")), kExpected) << prefix;
  }
}

TEST(Archive, ShardsNamedByTheirSplit) {
  TemporaryFolder folder;
  WriteTar(folder / "train-000.tar", {{"cat/1.ppm", Picture(1)}, {"dog/3.ppm", Picture(3)}}, false);
  WriteTar(folder / "train-001.tar", {{"cat/2.ppm", Picture(2)}}, false);
  WriteTar(folder / "val-000.tar", {{"cat/4.ppm", Picture(4)}, {"dog/5.ppm", Picture(5)}}, false);
  EXPECT_EQ(Describe(OpenDataset(folder.path())),
            "train: cat=1 cat=2 dog=3\nval: cat=4 dog=5\ntest:\n");
  // As `tar cf val-000.tar .` writes it.
  const Files in_folder = {
      {"", ""}, {"cat/", ""}, {"cat/4.ppm", Picture(4)}, {"dog/5.ppm", Picture(5)}};
  WriteTar(folder / "val-000.tar", in_folder, false, "./");
  EXPECT_EQ(Describe(OpenDataset(folder.path())),
            "train: cat=1 cat=2 dog=3\nval: cat=4 dog=5\ntest:\n");
}

TEST(Archive, AnArchiveBesideItsPicturesIsPassedOver) {
  TemporaryFolder folder;
  WriteFolder(folder.path(), SplitFiles());
  WriteTar(folder / "old.tar", {{"train/cow/a.ppm", Picture(9)}}, false);
  EXPECT_EQ(Describe(OpenDataset(folder.path())), kExpected);
}

TEST(Archive, LinksInArchivesAreFollowed) {
  TemporaryFolder folder;
  archive* writer = archive_write_new();
  archive_write_set_format_gnutar(writer);
  ASSERT_EQ(archive_write_open_filename(writer, (folder / "x.tar").c_str()), ARCHIVE_OK);
  const auto add = [&](const char* name, const std::string& contents, const char* hard,
                       const char* symbolic) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, static_cast<la_int64_t>(contents.size()));
    archive_entry_set_filetype(entry, symbolic != nullptr ? AE_IFLNK : AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    if (hard != nullptr) archive_entry_set_hardlink(entry, hard);
    if (symbolic != nullptr) archive_entry_set_symlink(entry, symbolic);
    archive_write_header(writer, entry);
    archive_write_data(writer, contents.data(), contents.size());
    archive_entry_free(entry);
  };
  add("all/1.ppm", Picture(1), nullptr, nullptr);
  add("all/2.ppm", Picture(2), nullptr, nullptr);
  add("train/cat/a.ppm", "", "all/1.ppm", nullptr);
  add("train/dog/b.ppm", "", nullptr, "../../all/2.ppm");
  add("train/dog/c.ppm", "", nullptr, "../nowhere.ppm");
  archive_write_close(writer);
  archive_write_free(writer);
  const Dataset dataset = OpenDataset(folder / "x.tar");
  const auto& items = dataset.items(Split::kTrain);
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(dataset.Load(items[0]).pixels[0], 1);
  EXPECT_EQ(dataset.Load(items[1]).pixels[0], 2);
  EXPECT_THROW(dataset.Load(items[2]), Error) << "a link to nowhere is a broken picture";
}

TEST(Archive, DamagedArchivesNeverCrash) {
  TemporaryFolder folder;
  WriteTar(folder / "a.tar", SplitFiles(), false);
  WriteTar(folder / "a.tar.gz", SplitFiles(), true);
  std::mt19937 random(2);
  DatasetOptions options;
  options.max_unpacked_bytes = 1 << 20;
  for (const char* name : {"a.tar", "a.tar.gz"}) {
    const std::string whole = ReadFile(folder / name);
    for (int i = 0; i < 200; ++i) {
      std::string bytes = whole;
      if (i % 4 == 0) bytes.resize(random() % bytes.size());
      for (int flips = 0; flips < 4 && !bytes.empty(); ++flips) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      std::ofstream(folder / "b.tar", std::ios::binary) << bytes;
      try {
        const Dataset dataset = OpenDataset(folder / "b.tar", options);
        for (const auto& items : dataset.splits) {
          for (const DataItem& item : items) {
            try {
              dataset.Load(item);
            } catch (const Error&) {
            }
          }
        }
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("b.tar"));
      }
    }
  }
}

TEST(Archive, OfAPathThatAnArchiveHasTwiceTheLastIsTheFile) {
  TemporaryFolder folder;
  Files files = SplitFiles();
  files.emplace_back(files[0].first, Picture(9));
  WriteTar(folder / "a.tar", files, false);
  files.erase(files.begin());
  WriteTar(folder / "b.tar", files, false);
  EXPECT_EQ(Describe(OpenDataset(folder / "a.tar")), Describe(OpenDataset(folder / "b.tar")));
}

TEST(Archive, ArchivesKeepToTheAnnouncedMemory) {
  TemporaryFolder folder;
  const Files files = {{"train/cat/a.ppm", std::string(3 << 20, 'x')},
                       {"train/dog/b.ppm", Picture(1)}};
  WriteTar(folder / "a.tar.gz", files, true);
  WriteTar(folder / "a.tar", files, false);
  DatasetOptions options;
  options.max_unpacked_bytes = 1 << 20;
  EXPECT_THAT(ErrorOf(folder / "a.tar.gz", options),
              HasSubstr("its files take more than 1 MB; use a plain .tar"));
  EXPECT_EQ(ErrorOf(folder / "a.tar", options), "no error");  // read in place
  // A header that promises 8 GB.
  std::string huge = ReadFile(folder / "a.tar");
  huge.replace(124, 12, std::string("77777777777\0", 12));
  std::ofstream(folder / "h.tar", std::ios::binary) << huge;
  EXPECT_THAT(ErrorOf(folder / "h.tar", options), HasSubstr("h.tar"));
}

}  // namespace
}  // namespace linnet
