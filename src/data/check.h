// Hygiene of a data set: what is broken, doubled, leaking, mislabelled by its folder, tiny,
// imbalanced. Reads only; nothing is written to the data.
#ifndef LINNET_DATA_CHECK_H_
#define LINNET_DATA_CHECK_H_

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "data/dataset.h"
#include "data/image_cache.h"

namespace linnet {

struct CheckOptions {
  // Pictures with a shorter side are listed as tiny.
  int tiny_side = 16;
  // Also look for pictures that are nearly the same (recompressed, resized, slightly changed).
  bool near_duplicates = true;
};

// Pictures that are the same: 'exact' pixel by pixel, else nearly.
struct DuplicateGroup {
  std::vector<std::string> files;   // two or more
  std::vector<std::string> splits;  // of the files, in their order
  std::vector<std::string> labels;  // likewise: the classes
  bool exact = true;
  bool leaks() const;        // in two splits
  bool mislabelled() const;  // in two classes
};

struct TinyImage {
  std::string name;
  int width, height;
};

struct ClassCount {
  std::string name;
  std::array<int64_t, 3> counts{};  // per Split; broken pictures count
};

struct DataReport {
  std::string path, format;
  int64_t images = 0;  // all splits, broken ones too
  std::vector<ClassCount> classes;
  std::vector<BrokenImage> broken;
  std::vector<BrokenImage> damaged;        // decoded, with warnings
  std::vector<DuplicateGroup> duplicates;  // of every kind, leaks and mislabelled ones too
  std::vector<TinyImage> tiny;
  std::vector<std::string> problems;  // of the layout: classes missing from a split
  std::vector<std::string> notes;
  int smallest[2] = {0, 0},
      largest[2] = {0, 0};  // width, height of the pictures with least, most pixels

  // Largest class of 'train' over its smallest (which counts as one at least); 1 where train is
  // empty.
  double imbalance() const;
  // Whether nothing is to be mended.
  bool clean() const;
};

// Looks at every picture. Open 'dataset' with DatasetOptions::strict false, so that missing classes
// are reported and not thrown. The report is the same for any number of threads.
DataReport CheckDataset(const Dataset& dataset, ThreadPool* pool, const ProgressSink& sink = {},
                        const CheckOptions& options = {});

// {images, classes (their number), broken: [{file, error}], duplicates: [{files, kind, splits,
// labels}], leaks: [likewise], mislabelled: [likewise], damaged, tiny, class_counts, imbalance,
// problems, notes, clean}
nlohmann::ordered_json ReportToJson(const DataReport& report);

// For people; at most 'most' files of a kind are listed.
std::string ReportToText(const DataReport& report, int most = 10);

}  // namespace linnet

#endif  // LINNET_DATA_CHECK_H_
