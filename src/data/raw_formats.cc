// Containers of raw pixels: IDX (MNIST) and CIFAR's binary batches.
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/fields.h"
#include "base/file.h"
#include "data/layout.h"

namespace linnet::internal {
namespace {

std::string_view FileName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// zlib's inflate with a gzip header; its bytes are taken from those that are 'left'.
Blob Gunzip(const Blob& packed, const std::string& name, int64_t& left) {
  if (packed.bytes.size() < 2 || packed.bytes[0] != 0x1F || packed.bytes[1] != 0x8B) return packed;
  auto bytes = std::make_shared<std::string>();
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, inflateEnd);
  std::span<const uint8_t> rest = packed.bytes;
  int status = Z_OK;
  char block[1 << 16];
  while (status == Z_OK) {
    if (stream.avail_in == 0 && !rest.empty()) {
      const size_t piece = std::min<size_t>(rest.size(), 1 << 30);
      stream.next_in = const_cast<Bytef*>(rest.data());
      stream.avail_in = static_cast<uInt>(piece);
      rest = rest.subspan(piece);
    }
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof(block);
    status = inflate(&stream, Z_NO_FLUSH);
    bytes->append(block, sizeof(block) - stream.avail_out);
    if (static_cast<int64_t>(bytes->size()) > left) {
      Fail(ErrorKind::kData, "{}: unpacks to more than the {} MB that are left", name, left >> 20);
    }
  }
  left -= static_cast<int64_t>(bytes->size());
  if (status != Z_STREAM_END) Fail(ErrorKind::kData, "{}: damaged or cut gzip data", name);
  const std::span<const uint8_t> view = AsBytes(*bytes);
  return {std::move(bytes), view};
}

// Pictures and labels of IDX files: http://yann.lecun.com/exdb/mnist
struct IdxHeader {
  int64_t count = 0, height = 1, width = 1;
  size_t size = 0;  // of the header
};

IdxHeader ReadIdxHeader(std::span<const uint8_t> bytes, const std::string& name, int dimensions) {
  IdxHeader header;
  header.size = 4 + 4 * static_cast<size_t>(dimensions);
  const bool good = bytes.size() >= header.size && bytes[0] == 0 && bytes[1] == 0 &&
                    bytes[2] == 8 && bytes[3] == dimensions;
  if (!good) {
    Fail(ErrorKind::kData,
         "{}: expected an IDX file of bytes with {} dimensions, found other bytes", name,
         dimensions);
  }
  int64_t* sizes[] = {&header.count, &header.height, &header.width};
  for (int i = 0; i < dimensions; ++i) {
    const uint8_t* p = &bytes[4 + 4 * static_cast<size_t>(i)];
    *sizes[i] = int64_t{p[0]} << 24 | p[1] << 16 | p[2] << 8 | p[3];
  }
  constexpr int64_t kMostCount = 20'000'000, kLargestSide = 8192;
  if (header.count < 1 || header.count > kMostCount || header.height < 1 ||
      header.height > kLargestSide || header.width < 1 || header.width > kLargestSide) {
    Fail(ErrorKind::kData, "{}: the header says {} pictures of {} x {}", name, header.count,
         header.width, header.height);
  }
  const int64_t expected =
      static_cast<int64_t>(header.size) + header.count * header.height * header.width;
  if (expected != static_cast<int64_t>(bytes.size())) {
    Fail(ErrorKind::kData, "{}: the header says {} bytes, the file has {}", name, expected,
         bytes.size());
  }
  return header;
}

std::string_view WithoutGz(std::string_view path) {
  return path.ends_with(".gz") ? path.substr(0, path.size() - 3) : path;
}

// The file of that name, or packed.
const FoundFile* FindUnpackedOrGz(const Listing& listing, std::string_view path) {
  const FoundFile* packed = nullptr;
  for (const FoundFile& file : listing.files) {
    if (file.path == path) return &file;
    if (WithoutGz(file.path) == path) packed = &file;
  }
  return packed;
}

// Whether a file's name without ".gz" is that of the split's pictures or labels ('kind'), by its
// words: "train-images-idx3-ubyte", "train-images.idx3-ubyte", "latest-test-images-idx3-ubyte".
bool IsIdx(std::string_view name, Split split, std::string_view kind) {
  if (!name.ends_with("idx1-ubyte") && !name.ends_with("idx3-ubyte")) return false;
  bool in_split = false, of_kind = false;
  for (size_t begin = 0; begin < name.size();) {
    const size_t end = std::min(name.find_first_of("-._", begin), name.size());
    const std::string_view word = name.substr(begin, end - begin);
    in_split = in_split || SplitByName(word) == split || (word == "t10k" && split == Split::kTest);
    of_kind = of_kind || word == kind;
    begin = end + 1;
  }
  return in_split && of_kind;
}

// The one file of a kind ("images", "labels") in a split, without ".gz"; nothing if there is none.
std::string FindIdx(const Listing& listing, Split split, std::string_view kind) {
  std::string found;
  for (const FoundFile& file : listing.files) {
    const std::string_view path = WithoutGz(file.path);
    if (!IsIdx(FileName(path), split, kind) || path == found) continue;
    if (!found.empty()) {
      Fail(ErrorKind::kData, "{}: '{}' and '{}' are of two sets; give a folder with one of them",
           listing.root, found, path);
    }
    found = path;
  }
  return found;
}

// The labels of "a/train-images-idx3-ubyte" are in "a/train-labels-idx1-ubyte".
std::string LabelsPath(std::string images) {
  const size_t name = images.rfind('/') + 1;
  images.replace(images.find("images", name), 6, "labels");
  const size_t dimensions = images.find("idx3", name);
  if (dimensions != images.npos) images.replace(dimensions, 4, "idx1");
  return images;
}

struct IdxSplit {
  Blob images;
  IdxHeader header;
};

// The pictures of one split; nothing if it has no files.
std::optional<IdxSplit> ReadIdxSplit(const Listing& listing, Split split, int64_t& left,
                                     Dataset& dataset) {
  const std::string images_path = FindIdx(listing, split, "images");
  const std::string labels_path =
      images_path.empty() ? FindIdx(listing, split, "labels") : LabelsPath(images_path);
  if (images_path.empty() && labels_path.empty()) return std::nullopt;
  const FoundFile* images = FindUnpackedOrGz(listing, images_path);
  const FoundFile* labels = FindUnpackedOrGz(listing, labels_path);
  if (images == nullptr) {
    Fail(ErrorKind::kData, "{}: '{}' is there, its images file is not", listing.root, labels_path);
  }
  if (labels == nullptr) {
    Fail(ErrorKind::kData, "{}: '{}' is there, its labels file '{}' is not", listing.root,
         images_path, labels_path);
  }
  const std::string images_name = listing.root + "/" + images->path;
  const std::string labels_name = listing.root + "/" + labels->path;
  IdxSplit result{Gunzip(FileContents(listing, *images), images_name, left), {}};
  const Blob label_bytes = Gunzip(FileContents(listing, *labels), labels_name, left);
  result.header = ReadIdxHeader(result.images.bytes, images_name, 3);
  const IdxHeader label_header = ReadIdxHeader(label_bytes.bytes, labels_name, 1);
  if (result.header.count != label_header.count) {
    Fail(ErrorKind::kData, "{}: {} pictures, but {} has {} labels", images_name,
         result.header.count, labels_name, label_header.count);
  }
  const uint64_t pixels = static_cast<uint64_t>(result.header.height * result.header.width);
  auto& items = dataset.items(split);
  items.reserve(static_cast<size_t>(result.header.count));
  for (int64_t i = 0; i < result.header.count; ++i) {
    items.push_back({fmt::format("{}[{}]", FileName(images->path), i),
                     label_bytes.bytes[label_header.size + static_cast<size_t>(i)],
                     static_cast<uint32_t>(split),
                     result.header.size + static_cast<uint64_t>(i) * pixels, pixels});
  }
  return result;
}

// Classes are the labels that occur, named by their number (EMNIST's letters begin at 1).
void NumberClasses(Dataset& dataset) {
  std::array<int, 256> index;
  index.fill(-1);
  for (const auto& items : dataset.splits) {
    for (const DataItem& item : items) index[static_cast<size_t>(item.label)] = 0;
  }
  for (size_t label = 0; label < index.size(); ++label) {
    if (index[label] < 0) continue;
    index[label] = static_cast<int>(dataset.classes.size());
    dataset.classes.push_back(std::to_string(label));
  }
  for (auto& items : dataset.splits) {
    for (DataItem& item : items) item.label = index[static_cast<size_t>(item.label)];
  }
}

Image GreyImage(const uint8_t* src, int width, int height) {
  Image image(width, height);
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    image.pixels[i] = image.pixels[i + 1] = image.pixels[i + 2] = *src++;
  }
  return image;
}

}  // namespace

Blob FileContents(const Listing& listing, const FoundFile& file) {
  if (!listing.sources.empty()) {
    const Blob& source = listing.sources[file.source];
    return {source.owner, source.bytes.subspan(file.offset, file.bytes)};
  }
  const auto mapped = MappedFile::Open(listing.root + "/" + file.path);
  return {mapped, mapped->bytes()};
}

std::optional<Dataset> OpenIdx(const Listing& listing, const DatasetOptions& options) {
  Dataset dataset;
  dataset.format = "idx";
  std::array<IdxSplit, 3> splits;
  int64_t left = options.max_unpacked_bytes;
  bool any = false;
  for (const Split split : kSplits) {
    if (auto found = ReadIdxSplit(listing, split, left, dataset)) {
      splits[static_cast<size_t>(split)] = std::move(*found);
      any = true;
    }
  }
  if (!any) return std::nullopt;
  NumberClasses(dataset);
  dataset.load = [splits](const DataItem& item) -> DecodeResult {
    const IdxSplit& split = splits[item.source];
    return {GreyImage(&split.images.bytes[item.offset], static_cast<int>(split.header.width),
                      static_cast<int>(split.header.height)),
            {}};
  };
  return dataset;
}

namespace {

// https://www.cs.toronto.edu/~kriz/cifar.html, "binary version": a record is the label bytes and
// then 1024 red, 1024 green, 1024 blue.
constexpr size_t kCifarSide = 32, kCifarPlane = kCifarSide * kCifarSide;

Image CifarImage(const uint8_t* planes) {
  Image image(kCifarSide, kCifarSide);
  for (size_t i = 0; i < kCifarPlane; ++i) {
    for (size_t c = 0; c < 3; ++c) image.pixels[3 * i + c] = planes[c * kCifarPlane + i];
  }
  return image;
}

struct CifarKind {
  const char* names;   // the file with the classes' names
  size_t label_bytes;  // the last of which is the label
  int classes;
};
constexpr CifarKind kCifar10 = {"batches.meta.txt", 1, 10};
constexpr CifarKind kCifar100 = {"fine_label_names.txt", 2, 100};

// The kind and split of a batch file, by its name.
const CifarKind* CifarBatch(std::string_view path, Split& split) {
  const std::string_view name = FileName(path);
  split = name == "test_batch.bin" || name == "test.bin" ? Split::kTest : Split::kTrain;
  if (name == "train.bin" || name == "test.bin") return &kCifar100;
  const bool train10 = name.starts_with("data_batch_") && name.ends_with(".bin");
  return train10 || name == "test_batch.bin" ? &kCifar10 : nullptr;
}

void AddCifarBatch(const Blob& blob, const std::string& name, const CifarKind& kind,
                   uint32_t source, std::vector<DataItem>& items) {
  const size_t record = kind.label_bytes + 3 * kCifarPlane;
  if (blob.bytes.empty() || blob.bytes.size() % record != 0) {
    Fail(ErrorKind::kData, "{}: expected whole records of {} bytes, the file has {} bytes", name,
         record, blob.bytes.size());
  }
  for (size_t i = 0; i < blob.bytes.size() / record; ++i) {
    const size_t offset = i * record + kind.label_bytes;
    const int label = blob.bytes[offset - 1];
    if (label >= kind.classes) {
      Fail(ErrorKind::kData, "{}: record {} has label {}, expected 0 to {}", name, i, label,
           kind.classes - 1);
    }
    items.push_back(
        {fmt::format("{}[{}]", FileName(name), i), label, source, offset, 3 * kCifarPlane});
  }
}

std::vector<std::string> CifarClasses(const Listing& listing, const CifarKind& kind) {
  std::vector<std::string> names;
  for (const FoundFile& file : listing.files) {
    if (FileName(file.path) != kind.names) continue;
    const Blob blob = FileContents(listing, file);
    const std::string_view text(reinterpret_cast<const char*>(blob.bytes.data()),
                                blob.bytes.size());
    for (std::string_view line : SplitText(text, '\n')) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty()) names.emplace_back(line);
    }
    if (static_cast<int>(names.size()) == kind.classes) return names;
    Fail(ErrorKind::kData, "{}/{}: expected {} names, one a line, found {}", listing.root,
         file.path, kind.classes, names.size());
  }
  for (int c = 0; c < kind.classes; ++c) names.push_back(std::to_string(c));
  return names;
}

}  // namespace

std::optional<Dataset> OpenCifar(const Listing& listing, const DatasetOptions&) {
  Dataset dataset;
  dataset.format = "cifar";
  std::vector<const FoundFile*> files;
  for (const FoundFile& file : listing.files) files.push_back(&file);
  std::sort(files.begin(), files.end(), [](auto* a, auto* b) { return a->path < b->path; });
  std::vector<Blob> blobs;
  const CifarKind* kind = nullptr;
  for (const FoundFile* file : files) {
    Split split;
    const CifarKind* found = CifarBatch(file->path, split);
    if (found == nullptr) continue;
    if (kind != nullptr && kind != found) {
      Fail(ErrorKind::kData, "{}: has files of CIFAR-10 and of CIFAR-100; give a folder with one",
           listing.root);
    }
    kind = found;
    blobs.push_back(FileContents(listing, *file));
    AddCifarBatch(blobs.back(), listing.root + "/" + file->path, *kind,
                  static_cast<uint32_t>(blobs.size() - 1), dataset.items(split));
  }
  if (kind == nullptr) return std::nullopt;
  dataset.classes = CifarClasses(listing, *kind);
  dataset.load = [blobs](const DataItem& item) -> DecodeResult {
    return {CifarImage(&blobs[item.source].bytes[item.offset]), {}};
  };
  return dataset;
}

}  // namespace linnet::internal
