#include "data/check.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/fields.h"
#include "data/duplicates.h"

namespace linnet {
namespace {

using internal::Fingerprint;

// All splits in one list.
struct Picture {
  Split split;
  const DataItem* item;
};

struct Looked {
  Fingerprint print;
  std::string error;
  std::vector<std::string> warnings;
  int width = 0, height = 0;
};

void Look(const Dataset& dataset, const DataItem& item, kernels::ResizeScratch& scratch,
          Looked& looked) {
  try {
    const DecodeResult result = dataset.load(item);
    looked.warnings = result.warnings;
    looked.width = result.image.width;
    looked.height = result.image.height;
    looked.print = internal::FingerprintOf(result.image, scratch);
  } catch (const std::exception& error) {
    looked.error = error.what();
  }
}

std::vector<Looked> LookAtAll(const Dataset& dataset, const std::vector<Picture>& pictures,
                              ThreadPool* pool, const ProgressSink& sink) {
  constexpr size_t kAtOnce = 512;  // between two drawings of the progress
  std::vector<Looked> looked(pictures.size());
  std::vector<kernels::ResizeScratch> scratch(static_cast<size_t>(Threads(pool)));
  Progress progress(sink, "check", static_cast<int64_t>(pictures.size()), "images");
  for (size_t begin = 0; begin < pictures.size(); begin += kAtOnce) {
    const size_t count = std::min(kAtOnce, pictures.size() - begin);
    ParallelForWorker(pool, count, [&](size_t worker, size_t i) {
      Look(dataset, *pictures[begin + i].item, scratch[worker], looked[begin + i]);
    });
    progress.Update(static_cast<int64_t>(begin + count));
  }
  progress.Finish();
  return looked;
}

void FillSizes(const std::vector<Picture>& pictures, const std::vector<Looked>& looked,
               const CheckOptions& options, DataReport& report) {
  int64_t least = INT64_MAX, most = 0;
  for (size_t i = 0; i < looked.size(); ++i) {
    const Looked& l = looked[i];
    const std::string& name = pictures[i].item->name;
    if (!l.error.empty()) {
      report.broken.push_back({name, l.error});
      continue;
    }
    for (const std::string& warning : l.warnings) report.damaged.push_back({name, warning});
    if (std::min(l.width, l.height) < options.tiny_side)
      report.tiny.push_back({name, l.width, l.height});
    const int64_t pixels = int64_t{l.width} * l.height;
    if (pixels < least) least = pixels, report.smallest[0] = l.width, report.smallest[1] = l.height;
    if (pixels > most) most = pixels, report.largest[0] = l.width, report.largest[1] = l.height;
  }
}

void AddGroups(const Dataset& dataset, const std::vector<Picture>& pictures,
               const std::vector<std::vector<int64_t>>& groups, bool exact, DataReport& report) {
  for (const auto& group : groups) {
    DuplicateGroup duplicate;
    duplicate.exact = exact;
    for (const int64_t i : group) {
      const Picture& picture = pictures[static_cast<size_t>(i)];
      duplicate.files.push_back(picture.item->name);
      duplicate.splits.push_back(FieldToText(picture.split));
      duplicate.labels.push_back(dataset.classes[static_cast<size_t>(picture.item->label)]);
    }
    report.duplicates.push_back(std::move(duplicate));
  }
}

void FindDuplicates(const Dataset& dataset, const std::vector<Picture>& pictures,
                    const std::vector<Looked>& looked, const CheckOptions& options,
                    DataReport& report) {
  std::vector<Fingerprint> prints;
  std::vector<int64_t> whole;
  for (size_t i = 0; i < looked.size(); ++i) {
    prints.push_back(looked[i].print);
    if (looked[i].error.empty()) whole.push_back(static_cast<int64_t>(i));
  }
  const auto exact = internal::ExactGroups(prints, whole);
  AddGroups(dataset, pictures, exact, true, report);
  if (!options.near_duplicates) return;
  std::vector<bool> follows(looked.size());
  for (const auto& group : exact) {
    for (size_t k = 1; k < group.size(); ++k) follows[static_cast<size_t>(group[k])] = true;
  }
  std::erase_if(whole, [&](int64_t i) { return follows[static_cast<size_t>(i)]; });
  AddGroups(dataset, pictures, internal::NearGroups(prints, whole), false, report);
}

// Copies in train do no harm, unless val is made of a part of it: they may then lie on both sides.
void NoteCopiesInTrain(const Dataset& dataset, DataReport& report) {
  if (!dataset.items(Split::kVal).empty()) return;
  const auto copies = std::count_if(
      report.duplicates.begin(), report.duplicates.end(), [](const DuplicateGroup& group) {
        return std::count(group.splits.begin(), group.splits.end(), "train") > 1;
      });
  if (copies == 0) return;
  report.notes.push_back(
      fmt::format("there is no val, and so a part of train will be: {} groups of copies in train "
                  "may lie on both sides; remove them, or make a val of your own",
                  copies));
}

bool Differ(const std::vector<std::string>& values) {
  return std::any_of(values.begin(), values.end(),
                     [&](const auto& value) { return value != values[0]; });
}

}  // namespace

bool DuplicateGroup::leaks() const { return Differ(splits); }
bool DuplicateGroup::mislabelled() const { return Differ(labels); }

double DataReport::imbalance() const {
  int64_t least = INT64_MAX, most = 0;
  for (const ClassCount& c : classes) {
    least = std::min(least, c.counts[0]);
    most = std::max(most, c.counts[0]);
  }
  return most == 0 ? 1
                   : static_cast<double>(most) / static_cast<double>(std::max<int64_t>(1, least));
}

bool DataReport::clean() const {
  return broken.empty() && damaged.empty() && duplicates.empty() && tiny.empty() &&
         problems.empty();
}

DataReport CheckDataset(const Dataset& dataset, ThreadPool* pool, const ProgressSink& sink,
                        const CheckOptions& options) {
  DataReport report;
  report.path = dataset.path;
  report.format = dataset.format;
  report.problems = dataset.problems;
  report.notes = dataset.notes;
  for (const std::string& name : dataset.classes) report.classes.push_back({name, {}});
  std::vector<Picture> pictures;
  for (const Split split : kSplits) {
    for (const DataItem& item : dataset.items(split)) {
      pictures.push_back({split, &item});
      ++report.classes[static_cast<size_t>(item.label)].counts[static_cast<size_t>(split)];
    }
  }
  report.images = static_cast<int64_t>(pictures.size());
  const std::vector<Looked> looked = LookAtAll(dataset, pictures, pool, sink);
  FillSizes(pictures, looked, options, report);
  FindDuplicates(dataset, pictures, looked, options, report);
  NoteCopiesInTrain(dataset, report);
  return report;
}

}  // namespace linnet
