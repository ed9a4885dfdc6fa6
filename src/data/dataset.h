// A labelled data set as plain data: classes, and for each split the list of pictures.
//
// OpenDataset takes
//   a folder           train/CLASS/picture, val|validation|valid/CLASS/picture, test/CLASS/picture;
//   or
//                      CLASS/picture without splits, of which a tenth becomes 'val' by the hash of
//                      its name
//   a tar or tar.gz    with the same layout inside, read without unpacking; or a folder of such
//   archives
//                      (shards), which are one data set
//   IDX                a folder with files named as MNIST's four, plain or .gz; val, too
//   CIFAR binary       a folder with data_batch_*.bin and test_batch.bin (CIFAR-10), or train.bin
//   and
//                      test.bin (CIFAR-100, fine labels); also inside a tar or tar.gz
//   "shapes"           the built-in synthetic set (data/shapes.h), options after a colon:
//                      "shapes:count=2000,size=48,seed=1"; a folder of this name is opened as
//                      "./shapes"
// Nothing is ever written to a data set. Pictures are told by content; files that cannot be
// pictures by their name (hidden files, .txt, .csv, .json ...) are passed over.
#ifndef LINNET_DATA_DATASET_H_
#define LINNET_DATA_DATASET_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/decode.h"

namespace linnet {

enum class Split { kTrain, kVal, kTest };
inline constexpr const char* kSplitNames[] = {"train", "val", "test"};
inline std::span<const char* const> EnumNames(Split) { return kSplitNames; }
inline constexpr std::array<Split, 3> kSplits = {Split::kTrain, Split::kVal, Split::kTest};

struct DataItem {
  std::string name;     // as messages name it, relative to the data set: "train/cat/1.jpg"
  int label = 0;        // index into Dataset::classes
  uint32_t source = 0;  // archive or file
  uint64_t offset = 0;  // in the source, or the picture's number
  uint64_t bytes = 0;
};

struct Dataset {
  std::string path;
  std::string format;  // "folder", "tar", "idx", "cifar", "shapes"
  std::vector<std::string> classes;
  std::array<std::vector<DataItem>, 3> splits;
  // The part of the training pictures that was taken for val; 0: val is its own.
  double held_out = 0;
  // What is wrong with it but does not keep it from being opened, as sentences ("class 'cat' has no
  // pictures in val"); only where DatasetOptions::strict is false.
  std::vector<std::string> problems;
  // What was noticed and is not wrong ("12 files passed over").
  std::vector<std::string> notes;
  // Decodes a picture of this set; see Load.
  std::function<DecodeResult(const DataItem&)> load;

  std::vector<DataItem>& items(Split split) { return splits[static_cast<size_t>(split)]; }
  const std::vector<DataItem>& items(Split split) const {
    return splits[static_cast<size_t>(split)];
  }
  // Error (kData, or kFile where a file is gone) naming the picture. Safe from any thread.
  Image Load(const DataItem& item) const { return load(item).image; }
};

inline constexpr double kDefaultValFraction = 0.1;

struct DatasetOptions {
  // The model's classes: labels are indices into this list, matched by name; a class that is not in
  // it is an error, a class without pictures is not. Empty: the set's own classes, sorted by name.
  std::vector<std::string> classes;
  // The part of a set without splits that becomes 'val'. A model that was trained on the set says
  // which (ValFractionOf).
  double val_fraction = kDefaultValFraction;
  // A class without pictures in a split that has others is an error; else one of Dataset::problems.
  bool strict = true;
  // The most memory for the unpacked files of compressed archives and IDX files.
  int64_t max_unpacked_bytes = int64_t{4} << 30;
};

// Error (kData) for an unknown layout (what was found, what is expected), no pictures, a missing or
// unknown class, a damaged container; Error (kFile) for what cannot be read.
Dataset OpenDataset(const std::string& path, const DatasetOptions& options = {});

// Moves round(fraction * n) pictures of each class (at least one of two or more) from 'from' to
// 'to', those with the smallest hash of their name: the same ones in every run, wherever the set
// lies.
void HoldOut(Dataset& dataset, Split from, Split to, double fraction);

// Error (kData) saying which splits there are, if 'split' has no pictures.
void RequireSplit(const Dataset& dataset, Split split);

}  // namespace linnet

#endif  // LINNET_DATA_DATASET_H_
