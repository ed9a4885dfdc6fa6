#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "data/set_for_test.h"
#include "test_data.h"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(Dataset, FolderTarAndShardsAreTheSameSet) {
  TemporaryFolder folder;
  WriteFolder(folder / "plain", SplitFiles());
  EXPECT_EQ(Describe(OpenDataset(folder / "plain")), kExpected);
  WriteFolder(folder / "outer/inner", SplitFiles());
  EXPECT_EQ(Describe(OpenDataset(folder / "outer")), kExpected);

  WriteTar(folder / "x.tar", SplitFiles(), false);
  EXPECT_EQ(Describe(OpenDataset(folder / "x.tar")), kExpected);
  WriteTar(folder / "x.bin", SplitFiles(), true, "./outer/inner/");  // by content
  EXPECT_EQ(Describe(OpenDataset(folder / "x.bin")), kExpected);

  fs::create_directory(folder / "shards");
  const Files& files = SplitFiles();
  WriteTar(folder / "shards/1.tar", Files(files.begin(), files.begin() + 4), false);
  WriteTar(folder / "shards/2.tar.gz", Files(files.begin() + 4, files.end()), true);
  EXPECT_EQ(Describe(OpenDataset(folder / "shards")), kExpected);
}

TEST(Dataset, ClassFoldersWithoutSplitsAreDividedByName) {
  TemporaryFolder folder;
  Files files;
  for (int i = 0; i < 60; ++i) {
    files.push_back({(i % 2 ? "cat/" : "dog/") + std::to_string(i) + ".ppm", Picture(i)});
  }
  WriteFolder(folder / "a", files);
  const Dataset a = OpenDataset(folder / "a");
  EXPECT_EQ(a.items(Split::kVal).size(), 6u);
  EXPECT_EQ(a.items(Split::kTrain).size(), 54u);
  WriteTar(folder / "a.tar", files, false, "somewhere/");
  EXPECT_EQ(Describe(OpenDataset(folder / "a.tar")), Describe(a));
  DatasetOptions none;
  none.val_fraction = 0;
  EXPECT_EQ(OpenDataset(folder / "a", none).items(Split::kTrain).size(), 60u);
}

TEST(Dataset, TheModelsClassOrderIsAdopted) {
  TemporaryFolder folder;
  WriteFolder(folder.path(), SplitFiles());
  DatasetOptions options;
  options.classes = {"dog", "bird", "cat"};
  const Dataset dataset = OpenDataset(folder.path(), options);
  EXPECT_EQ(dataset.classes, options.classes);
  EXPECT_EQ(Describe(dataset), kExpected);
  options.classes = {"dog", "bird"};
  EXPECT_THAT(ErrorOf(folder.path(), options),
              HasSubstr("class 'cat' is not one of the model's 2"));
}

TEST(Dataset, MissingAndEmptyClassesAreNamed) {
  TemporaryFolder folder;
  WriteFolder(folder.path(), SplitFiles());
  fs::create_directories(folder / "train/bird");
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("class 'bird' has no pictures in train"));
  DatasetOptions lenient;
  lenient.strict = false;
  EXPECT_EQ(OpenDataset(folder.path(), lenient).problems.size(), 3u);
  fs::remove_all(folder / "train/bird");
  fs::remove_all(folder / "val/cat");
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("class 'cat' has no pictures in val"));
}

TEST(Dataset, AClassMayBeNamedAsASplit) {
  TemporaryFolder folder;
  const Files files = {
      {"bus/1.ppm", Picture(1)}, {"car/2.ppm", Picture(2)}, {"train/3.ppm", Picture(3)}};
  WriteFolder(folder.path(), files);
  EXPECT_EQ(Describe(OpenDataset(folder.path(), {.val_fraction = 0})),
            "train: bus=1 car=2 train=3\nval:\ntest:\n");
}

TEST(Dataset, FoldersBesideTheSplitsAreNoted) {
  TemporaryFolder folder;
  WriteFolder(folder.path(), SplitFiles());
  WriteFolder(folder.path(), {{"dev/cat/1.ppm", Picture(1)}});
  const Dataset dataset = OpenDataset(folder.path());
  EXPECT_EQ(Describe(dataset), kExpected);
  EXPECT_THAT(dataset.notes, testing::Contains(HasSubstr("passed over: dev")));
}

TEST(Dataset, OneClassIsNoDataSet) {
  TemporaryFolder folder;
  WriteFolder(folder.path(), {{"photos/1.ppm", Picture(1)}, {"photos/2.ppm", Picture(2)}});
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("all pictures are of one class, 'photos'"));
  EXPECT_EQ(OpenDataset(folder.path(), {.strict = false}).problems.size(), 1u);
}

TEST(Dataset, ClassesThatCouldNotBeToldApartAreRefused) {
  TemporaryFolder folder;
  WriteFolder(folder.path(), {{"\xB9\xB7/1.ppm", Picture(1)}, {"\xC4\xF1/2.ppm", Picture(2)}});
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("would both be labelled"));
}

// Opening it for reading would wait for a writer for ever.
TEST(Dataset, APipeIsABrokenPicture) {
  TemporaryFolder folder;
  WriteFolder(folder.path(), SplitFiles());
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink(folder / "pipe", folder / "train/cat/z.ppm");
  const Dataset dataset = OpenDataset(folder.path());
  const auto& items = dataset.items(Split::kTrain);
  ASSERT_EQ(items[2].name, "train/cat/z.ppm");
  EXPECT_THROW(dataset.Load(items[2]), Error);
}

TEST(Dataset, UnknownLayoutsSayWhatWasFoundAndExpected) {
  TemporaryFolder folder;
  EXPECT_THAT(ErrorOf(folder / "nothing"), HasSubstr("no such file or folder"));
  EXPECT_THAT(ErrorOf(folder.path()),
              HasSubstr("0 files, folders at the top: none. Expected train/CLASS"));
  WriteFolder(folder.path(), {{"a.ppm", Picture(1)}, {"docs/a.txt", "x"}});
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("2 files, folders at the top: docs."));
  EXPECT_THAT(ErrorOf(folder / "a.ppm"), HasSubstr("expected a data set"));
}

TEST(Dataset, BrokenPicturesAreNamedWhenLoaded) {
  TemporaryFolder folder;
  WriteFolder(folder / "set", {{"cat/a.ppm", "P6 1 1 255\n"}, {"dog/b.ppm", Picture(1)}});
  DatasetOptions options;
  options.val_fraction = 0;
  for (const char* path : {"set", "set.tar"}) {
    if (std::string(path) == "set.tar") {
      WriteTar(folder / path, {{"cat/a.ppm", "P6 1 1 255\n"}, {"dog/b.ppm", Picture(1)}}, false);
    }
    const Dataset dataset = OpenDataset(folder / path, options);
    try {
      dataset.Load(dataset.items(Split::kTrain)[0]);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(path));
      EXPECT_THAT(error.what(), HasSubstr("cat/a.ppm: PPM: premature end"));
    }
  }
}

// ---- IDX ----

std::string Idx(int dimensions, std::vector<uint32_t> sizes, const std::string& data) {
  std::string bytes = {0, 0, 8, static_cast<char>(dimensions)};
  for (const uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
  }
  return bytes + data;
}

TEST(Dataset, IdxPlainAndPacked) {
  TemporaryFolder folder;
  WriteFolder(folder.path(), {{"train-images-idx3-ubyte", Idx(3, {2, 1, 2}, {10, 11, 20, 21})},
                              {"train-labels-idx1-ubyte", Idx(1, {2}, {1, 0})},
                              {"t10k-labels-idx1-ubyte", Idx(1, {2}, {0, 1})}});
  WriteGzip(folder / "t10k-images-idx3-ubyte.gz", Idx(3, {2, 1, 2}, {30, 31, 40, 41}));
  const Dataset dataset = OpenDataset(folder.path());
  EXPECT_EQ(dataset.format, "idx");
  EXPECT_EQ(Describe(dataset), "train: 1=10 0=20\nval:\ntest: 0=30 1=40\n");
  const Image image = dataset.Load(dataset.items(Split::kTest)[1]);
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{40, 40, 40, 41, 41, 41}));
}

TEST(Dataset, DamagedIdxIsRefused) {
  const std::string images = Idx(3, {2, 1, 2}, {10, 11, 20, 21}), labels = Idx(1, {2}, {1, 0});
  const auto open = [](const std::string& image_bytes, const std::string& label_bytes) {
    TemporaryFolder folder;
    WriteFolder(folder.path(), {{"train-images-idx3-ubyte", image_bytes}});
    if (!label_bytes.empty())
      WriteFolder(folder.path(), {{"train-labels-idx1-ubyte", label_bytes}});
    return ErrorOf(folder.path());
  };
  EXPECT_EQ(open(images, labels), "no error");
  EXPECT_THAT(open(images, ""), HasSubstr("its labels file 'train-labels-idx1-ubyte' is not"));
  EXPECT_THAT(open(images.substr(0, 19), labels),
              HasSubstr("the header says 20 bytes, the file has 19"));
  EXPECT_THAT(open(images.substr(0, 7), labels), HasSubstr("expected an IDX file"));
  EXPECT_THAT(open(Idx(3, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "x"), labels),
              HasSubstr("the header says"));
  EXPECT_THAT(open(Idx(3, {1, 8192, 8192}, "x"), labels), HasSubstr("the header says"));
  EXPECT_THAT(open(images, Idx(1, {3}, {1, 0, 1})), HasSubstr("3 labels"));
  EXPECT_THAT(open("\x1F\x8B garbage", labels), HasSubstr("damaged or cut gzip"));
}

TEST(Dataset, IdxLabelsAreThoseOfTheirPictures) {
  const std::string images = Idx(3, {2, 1, 2}, {10, 11, 20, 21});
  TemporaryFolder folder;
  WriteFolder(folder.path(), {{"letters-train-images-idx3-ubyte", images},
                              {"digits-train-labels-idx1-ubyte", Idx(1, {2}, {1, 0})}});
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("'letters-train-labels-idx1-ubyte' is not"));
  WriteFolder(folder.path(), {{"letters-train-labels-idx1-ubyte", Idx(1, {2}, {7, 8})}});
  EXPECT_EQ(Describe(OpenDataset(folder.path())), "train: 7=10 8=20\nval:\ntest:\n");
  WriteGzip(folder / "letters-train-images-idx3-ubyte.gz", images);  // the same, packed
  EXPECT_EQ(ErrorOf(folder.path()), "no error");
  WriteFolder(folder.path(), {{"digits-train-images-idx3-ubyte", images}});
  EXPECT_THAT(ErrorOf(folder.path()), HasSubstr("are of two sets"));
}

// Names are read word by word: "latest" is no test, "images_idx12.png" no IDX file.
TEST(Dataset, IdxSplitsAreWords) {
  const std::string images = Idx(3, {2, 1, 2}, {10, 11, 20, 21});
  TemporaryFolder folder;
  WriteFolder(folder.path(), {{"latest-train-images-idx3-ubyte", images},
                              {"latest-train-labels-idx1-ubyte", Idx(1, {2}, {1, 0})},
                              {"latest-val-images.idx3-ubyte", images},
                              {"latest-val-labels.idx1-ubyte", Idx(1, {2}, {0, 1})},
                              {"._train-images-idx3-ubyte", "of a Mac"},
                              {"train_images_idx12.png", "x"}});
  EXPECT_EQ(Describe(OpenDataset(folder.path())), "train: 1=10 0=20\nval: 0=10 1=20\ntest:\n");
  TemporaryFolder empty;
  WriteFolder(empty.path(), {{"train-images-idx3-ubyte", Idx(3, {0, 1, 2}, "")},
                             {"train-labels-idx1-ubyte", Idx(1, {0}, "")}});
  EXPECT_THAT(ErrorOf(empty.path()), HasSubstr("the header says 0 pictures"));
}

// ---- CIFAR ----

std::string CifarRecord(int label, int red) {
  return static_cast<char>(label) + std::string(1024, static_cast<char>(red)) +
         std::string(1024, '\2') + std::string(1024, '\3');
}

TEST(Dataset, CifarBinaryInFolderAndArchive) {
  Files files = {
      {"cifar-10-batches-bin/batches.meta.txt", "c0\nc1\nc2\nc3\nc4\nc5\nc6\nc7\nc8\nc9\n\n"}};
  std::string batches[2], expected[2];
  for (int i = 0; i < 20; ++i) {
    batches[i / 10] += CifarRecord(i % 10, i);
    expected[i / 10] += " c" + std::to_string(i % 10) + "=" + std::to_string(i);
  }
  files.push_back({"cifar-10-batches-bin/data_batch_1.bin", batches[0]});
  files.push_back({"cifar-10-batches-bin/test_batch.bin", batches[1]});
  TemporaryFolder folder;
  WriteFolder(folder / "a", files);
  WriteTar(folder / "a.tar.gz", files, true);
  for (const char* path : {"a", "a/cifar-10-batches-bin", "a.tar.gz"}) {
    const Dataset dataset = OpenDataset(folder / path);
    EXPECT_EQ(Describe(dataset), "train:" + expected[0] + "\nval:\ntest:" + expected[1] + "\n")
        << path;
    const Image image = dataset.Load(dataset.items(Split::kTest)[0]);
    EXPECT_EQ(image.width, 32);
    EXPECT_EQ(image.pixels[3 * 1023 + 2], 3);
  }
}

TEST(Dataset, DamagedCifarIsRefused) {
  const auto open = [](const std::string& batch, const std::string& names) {
    TemporaryFolder folder;
    WriteFolder(folder.path(), {{"data_batch_1.bin", batch}, {"batches.meta.txt", names}});
    return ErrorOf(folder.path());
  };
  const std::string names = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj";
  EXPECT_THAT(open(CifarRecord(0, 1).substr(1), names), HasSubstr("whole records of 3073 bytes"));
  EXPECT_THAT(open("", names), HasSubstr("whole records"));
  EXPECT_THAT(open(CifarRecord(10, 1), names), HasSubstr("record 0 has label 10"));
  EXPECT_THAT(open(CifarRecord(0, 1), "a\nb"), HasSubstr("expected 10 names"));
}

// ---- hostile archives ----

// ---- the real sets ----

TEST(Dataset, RealSetsOpenWithTheirCounts) {
  struct Expected {
    const char* path;
    size_t train, val, test, classes;
  };
  std::string missing;
  for (const Expected& e :
       {Expected{"cifar10", 50000, 0, 10000, 10}, Expected{"mnist", 60000, 0, 10000, 10},
        Expected{"flowers5", 1500, 367, 0, 5}}) {
    const auto path = TestData(e.path);
    if (!path) {
      missing += std::string(" ") + e.path;
      continue;
    }
    const Dataset dataset = OpenDataset(*path);
    EXPECT_EQ(dataset.items(Split::kTrain).size(), e.train) << e.path;
    EXPECT_EQ(dataset.items(Split::kVal).size(), e.val) << e.path;
    EXPECT_EQ(dataset.items(Split::kTest).size(), e.test) << e.path;
    EXPECT_EQ(dataset.classes.size(), e.classes) << e.path;
    for (const auto& items : dataset.splits) {
      if (items.empty()) continue;
      EXPECT_GT(dataset.Load(items[items.size() / 2]).width, 20) << e.path;
    }
  }
  if (!missing.empty()) GTEST_SKIP() << "not on this machine:" << missing;
}

}  // namespace
}  // namespace linnet
