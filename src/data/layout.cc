#include "data/layout.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/fields.h"

namespace linnet {
namespace internal {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// The part before the first '/', and what follows it; the second is empty if there is no '/'.
std::pair<std::string_view, std::string_view> CutFirst(std::string_view path) {
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {path, {}};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// In one form: no "./", no doubled or closing '/'; empty if it is hidden.
std::string CleanPath(std::string_view path) {
  std::string clean;
  for (const std::string_view part : SplitText(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part[0] == '.' || part == "__MACOSX") return "";
    clean += (clean.empty() ? "" : "/") + std::string(part);
  }
  return clean;
}

// The first folders of all paths, behind the first 'skip' characters, which the paths share.
std::set<std::string> TopFolders(const Listing& listing, size_t skip) {
  std::set<std::string> top;
  for (const FoundFile& file : listing.files) {
    const std::string_view path = std::string_view(file.path).substr(skip);
    if (const auto [first, rest] = CutFirst(path); !rest.empty()) top.emplace(first);
  }
  for (const std::string& folder : listing.folders) {
    top.emplace(CutFirst(std::string_view(folder).substr(skip)).first);
  }
  return top;
}

// Whether the first folders behind 'skip' are splits: all are named so, or one that is has folders,
// where a class of that name ("bus", "car", "train") has pictures.
bool HasSplits(const Listing& listing, size_t skip) {
  const auto top = TopFolders(listing, skip);
  const auto is_split = [](std::string_view name) { return SplitByName(name).has_value(); };
  if (std::all_of(top.begin(), top.end(), is_split)) return !top.empty();
  const auto has_folder = [&](std::string_view path, bool is_folder) {
    const auto [first, rest] = CutFirst(path.substr(skip));
    return is_split(first) && (is_folder ? !rest.empty() : rest.find('/') != rest.npos);
  };
  return std::any_of(listing.files.begin(), listing.files.end(),
                     [&](const FoundFile& file) { return has_folder(file.path, false); }) ||
         std::any_of(listing.folders.begin(), listing.folders.end(),
                     [&](const std::string& folder) { return has_folder(folder, true); });
}

// While everything stands in one outer folder ("flowers/train/..."), looks inside it. Returns the
// length of the prefix that all paths then share.
size_t EnterOuterFolder(Listing& listing) {
  size_t skip = 0;
  for (;;) {
    const auto top = TopFolders(listing, skip);
    if (top.size() != 1 || HasSplits(listing, skip)) return skip;
    const size_t inner = skip + top.begin()->size() + 1;
    const auto outside = [&](const std::string& path) {
      return path.size() <= inner || path[inner - 1] != '/' ||
             path.compare(skip, inner - 1 - skip, *top.begin()) != 0;
    };
    // A folder that holds pictures itself is a class.
    const auto nested_folder = [&](const std::string& folder) { return !outside(folder); };
    const auto nested_file = [&](const FoundFile& file) {
      return !outside(file.path) && file.path.find('/', inner) != std::string::npos;
    };
    if (std::none_of(listing.folders.begin(), listing.folders.end(), nested_folder) &&
        std::none_of(listing.files.begin(), listing.files.end(), nested_file)) {
      return skip;
    }
    std::erase_if(listing.files, [&](const FoundFile& file) { return outside(file.path); });
    std::erase_if(listing.folders, outside);
    skip = inner;
  }
}

std::string FirstNames(const std::set<std::string>& names) {
  std::string text;
  int count = 0;
  for (const std::string& name : names) {
    if (++count > 8) return text + ", ...";
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

[[noreturn]] void FailLayout(const Listing& listing) {
  const auto top = TopFolders(listing, 0);
  Fail(ErrorKind::kData,
       "{}: no data set found: {} files, folders at the top: {}. Expected train/CLASS/picture, "
       "val/CLASS/picture and test/CLASS/picture; or CLASS/picture; or the same inside .tar or "
       ".tar.gz; "
       "or MNIST's IDX files; or CIFAR's binary files",
       listing.root, listing.files.size(), top.empty() ? "none" : FirstNames(top));
}

// Where a picture belongs. Without splits everything is 'train' at first.
struct Place {
  std::optional<Split> split;
  std::string_view class_name;  // empty: not in a class folder
};

Place PlaceOf(std::string_view path, bool has_splits, bool is_folder) {
  Place place{Split::kTrain, {}};
  if (has_splits) {
    const auto [first, rest] = CutFirst(path);
    place.split = SplitByName(first);
    path = rest;
  }
  const auto [name, rest] = CutFirst(path);
  if (is_folder || !rest.empty()) place.class_name = name;
  return place;
}

void NoteOtherFolders(std::set<std::string> top, Dataset& dataset) {
  std::erase_if(top, [](const std::string& name) { return SplitByName(name).has_value(); });
  if (top.empty()) return;
  dataset.notes.push_back(
      fmt::format("folders beside the splits were passed over: {}", FirstNames(top)));
}

}  // namespace

std::optional<Split> SplitByName(std::string_view name) {
  const std::string lower = Lower(name);
  if (lower == "train" || lower == "training") return Split::kTrain;
  if (lower == "val" || lower == "valid" || lower == "validation") return Split::kVal;
  if (lower == "test" || lower == "testing") return Split::kTest;
  return std::nullopt;
}

bool MayBePicture(std::string_view path) {
  static constexpr const char* kOthers[] = {
      ".txt", ".csv", ".tsv",    ".json", ".jsonl", ".xml",        ".yaml", ".yml",
      ".md",  ".rst", ".html",   ".pdf",  ".db",    ".ini",        ".py",   ".sh",
      ".log", ".mat", ".npy",    ".npz",  ".pkl",   ".bin",        ".tar",  ".gz",
      ".tgz", ".zip", ".sqlite", ".lock", ".doc",   ".safetensors"};
  const std::string name = Lower(path.substr(path.rfind('/') + 1));
  if (name.empty() || name[0] == '.') return false;
  return std::none_of(std::begin(kOthers), std::end(kOthers),
                      [&](const char* ending) { return name.ends_with(ending); });
}

bool HasPictureEnding(std::string_view path) {
  static constexpr const char* kPictures[] = {".jpg", ".jpeg", ".png", ".webp", ".gif",
                                              ".bmp", ".ppm",  ".pgm", ".pbm",  ".pnm"};
  const std::string name = Lower(path);
  return std::any_of(std::begin(kPictures), std::end(kPictures),
                     [&](const char* ending) { return name.ends_with(ending); });
}

void CleanListing(Listing& listing) {
  for (FoundFile& file : listing.files) file.path = CleanPath(file.path);
  for (std::string& folder : listing.folders) folder = CleanPath(folder);
  std::erase_if(listing.files, [](const FoundFile& file) { return file.path.empty(); });
  std::erase_if(listing.folders, [](const std::string& folder) { return folder.empty(); });
}

void ArrangeByFolders(Listing listing, const DatasetOptions& options, Dataset& dataset) {
  const size_t skip = EnterOuterFolder(listing);
  const bool has_splits = HasSplits(listing, skip);
  std::map<std::string, int, std::less<>> labels;
  for (const std::string& folder : listing.folders) {
    const Place place = PlaceOf(std::string_view(folder).substr(skip), has_splits, true);
    if (place.split && !place.class_name.empty()) labels.emplace(place.class_name, 0);
  }
  size_t passed_over = 0;
  std::vector<std::pair<Place, FoundFile*>> pictures;
  for (FoundFile& file : listing.files) {
    const Place place = PlaceOf(std::string_view(file.path).substr(skip), has_splits, false);
    if (!place.split || place.class_name.empty() || !MayBePicture(file.path)) {
      ++passed_over;
      continue;
    }
    labels.emplace(place.class_name, 0);
    pictures.emplace_back(place, &file);
  }
  if (pictures.empty()) FailLayout(listing);
  for (auto& [name, label] : labels) {
    label = static_cast<int>(dataset.classes.size());
    dataset.classes.push_back(name);
  }
  for (const auto& [place, file] : pictures) {
    dataset.items(*place.split)
        .push_back({file->path, labels.find(place.class_name)->second, file->source, file->offset,
                    file->bytes});
  }
  for (auto& items : dataset.splits) {
    std::sort(items.begin(), items.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  if (has_splits) NoteOtherFolders(TopFolders(listing, skip), dataset);
  if (passed_over > 0) {
    dataset.notes.push_back(
        fmt::format("{} files are no pictures of a class and were passed over", passed_over));
  }
  if (!has_splits && options.val_fraction > 0) {
    HoldOut(dataset, Split::kTrain, Split::kVal, options.val_fraction);
    dataset.notes.push_back(fmt::format("no splits: {} of {} pictures were taken for val",
                                        dataset.items(Split::kVal).size(), pictures.size()));
  }
}

namespace {

// As a model file has it: bytes that are not UTF-8 replaced.
std::string LabelText(const std::string& name) {
  using nlohmann::json;
  return json::parse(json(name).dump(-1, ' ', false, json::error_handler_t::replace));
}

// A model's labels could not tell such classes apart.
void RequireDistinctLabels(const Dataset& dataset) {
  std::set<std::string> seen;
  for (const std::string& name : dataset.classes) {
    const auto [label, is_new] = seen.insert(LabelText(name));
    if (is_new) continue;
    Fail(ErrorKind::kData,
         "{}: two classes would both be labelled '{}' (what is not UTF-8 is replaced); give them "
         "other names",
         dataset.path, *label);
  }
}

void AdoptClasses(const std::vector<std::string>& classes, Dataset& dataset) {
  std::map<std::string, int> index;
  for (size_t i = 0; i < classes.size(); ++i) {
    index.emplace(LabelText(classes[i]), static_cast<int>(i));
  }
  std::vector<int> renumber;
  for (const std::string& name : dataset.classes) {
    const auto found = index.find(LabelText(name));
    if (found == index.end()) {
      Fail(ErrorKind::kData, "{}: class '{}' is not one of the model's {} classes ({}, ...)",
           dataset.path, name, classes.size(), classes.front());
    }
    renumber.push_back(found->second);
  }
  for (auto& items : dataset.splits) {
    for (DataItem& item : items) item.label = renumber[item.label];
  }
  dataset.classes = classes;
}

// Classes without pictures, per split that has any.
void FindMissingClasses(Dataset& dataset) {
  for (const Split split : kSplits) {
    if (dataset.items(split).empty()) continue;
    std::vector<bool> seen(dataset.classes.size());
    for (const DataItem& item : dataset.items(split)) seen[item.label] = true;
    for (size_t c = 0; c < seen.size(); ++c) {
      if (seen[c]) continue;
      dataset.problems.push_back(
          fmt::format("class '{}' has no pictures in {}", dataset.classes[c], FieldToText(split)));
    }
  }
}

}  // namespace

void FinishDataset(const DatasetOptions& options, Dataset& dataset) {
  RequireDistinctLabels(dataset);
  if (!options.classes.empty()) {
    AdoptClasses(options.classes, dataset);
    return;
  }
  if (dataset.classes.size() < 2) {
    const std::string problem = fmt::format(
        "all pictures are of one class, '{}'; expected a folder for each of two or more",
        dataset.classes[0]);
    if (options.strict) Fail(ErrorKind::kData, "{}: {}", dataset.path, problem);
    dataset.problems.push_back(problem);
  }
  FindMissingClasses(dataset);
  if (!options.strict || dataset.problems.empty()) return;
  const size_t more = dataset.problems.size() - 1;
  Fail(ErrorKind::kData, "{}: {}{}. Add pictures, or remove the class from every split",
       dataset.path, dataset.problems[0],
       more == 0 ? "" : fmt::format(" (and {} more such)", more));
}

}  // namespace internal

namespace {

// FNV-1a with a closing mix, of the file's own name, so that it does not matter where the set lies.
uint64_t HashName(std::string_view name) {
  name = name.substr(name.rfind('/') + 1);
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  hash ^= hash >> 32;
  hash *= 0xD6E8FEB86659FD93;
  return hash ^ hash >> 32;
}

}  // namespace

void HoldOut(Dataset& dataset, Split from, Split to, double fraction) {
  if (to == Split::kVal) dataset.held_out = fraction;
  std::vector<DataItem>& source = dataset.items(from);
  std::vector<std::vector<std::pair<uint64_t, size_t>>> by_class(dataset.classes.size());
  for (size_t i = 0; i < source.size(); ++i) {
    by_class[source[i].label].emplace_back(HashName(source[i].name), i);
  }
  std::vector<bool> moves(source.size());
  for (auto& hashes : by_class) {
    if (hashes.size() < 2) continue;
    std::sort(hashes.begin(), hashes.end());
    const auto wanted =
        static_cast<size_t>(std::lround(fraction * static_cast<double>(hashes.size())));
    const size_t count = std::clamp<size_t>(wanted, 1, hashes.size() - 1);
    for (size_t i = 0; i < count; ++i) moves[hashes[i].second] = true;
  }
  std::vector<DataItem> kept;
  for (size_t i = 0; i < source.size(); ++i) {
    (moves[i] ? dataset.items(to) : kept).push_back(std::move(source[i]));
  }
  source = std::move(kept);
}

void RequireSplit(const Dataset& dataset, Split split) {
  if (!dataset.items(split).empty()) return;
  std::string found;
  for (const Split other : kSplits) {
    if (dataset.items(other).empty()) continue;
    found += (found.empty() ? "" : ", ") + FieldToText(other);
  }
  Fail(ErrorKind::kData, "{}: no pictures for '{}'; there are some for: {}", dataset.path,
       FieldToText(split), found.empty() ? "none" : found);
}

}  // namespace linnet
