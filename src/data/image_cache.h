// Decoded pictures of a data set: decoded once, kept while they fit, and the list of those that
// cannot be decoded. What is kept changes the speed only, never the result.
#ifndef LINNET_DATA_IMAGE_CACHE_H_
#define LINNET_DATA_IMAGE_CACHE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace linnet {

struct BrokenImage {
  std::string name;
  std::string error;
  bool operator==(const BrokenImage&) const = default;
};

// Safe from any thread. One cache serves every Loader of a data set.
class ImageCache {
 public:
  static constexpr int64_t kDefaultBytes = int64_t{1} << 30;

  // max_bytes: the most memory for kept pixels; 0 keeps nothing.
  explicit ImageCache(std::shared_ptr<const Dataset> dataset, int64_t max_bytes = kDefaultBytes);
  ~ImageCache();
  ImageCache(const ImageCache&) = delete;
  ImageCache& operator=(const ImageCache&) = delete;

  const Dataset& dataset() const { return *dataset_; }
  const std::shared_ptr<const Dataset>& shared_dataset() const { return dataset_; }

  // The picture, kept or else in 'scratch'; null if it is broken. Error (kFile) for one that could
  // be read before and cannot be now, or whose set's folder is gone.
  const Image* Get(Split split, int64_t index, Image& scratch);

  // The broken pictures met so far, by name.
  std::vector<BrokenImage> broken() const;
  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Whether there is room for all pictures of 'split', if they are like those kept so far.
  bool KeepsAll(Split split) const;

 private:
  struct Slot {
    std::atomic<const Image*> image{nullptr};
    std::atomic<bool> broken{false}, decoded{false};
  };

  const Image* Keep(Slot& slot, Image& scratch);

  std::shared_ptr<const Dataset> dataset_;
  int64_t max_bytes_;
  std::array<std::vector<Slot>, 3> slots_;
  std::atomic<int64_t> bytes_{0}, kept_{0};
  mutable std::mutex mutex_;
  std::vector<BrokenImage> broken_;
};

}  // namespace linnet

#endif  // LINNET_DATA_IMAGE_CACHE_H_
