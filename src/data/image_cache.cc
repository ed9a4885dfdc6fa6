#include "data/image_cache.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/error.h"

namespace linnet {

ImageCache::ImageCache(std::shared_ptr<const Dataset> dataset, int64_t max_bytes)
    : dataset_(std::move(dataset)), max_bytes_(max_bytes) {
  for (const Split split : kSplits) {
    slots_[static_cast<size_t>(split)] = std::vector<Slot>(dataset_->items(split).size());
  }
}

ImageCache::~ImageCache() {
  for (auto& slots : slots_) {
    for (Slot& slot : slots) delete slot.image.load(std::memory_order_relaxed);
  }
}

const Image* ImageCache::Get(Split split, int64_t index, Image& scratch) {
  Slot& slot = slots_[static_cast<size_t>(split)][static_cast<size_t>(index)];
  if (const Image* kept = slot.image.load(std::memory_order_acquire)) return kept;
  if (slot.broken.load(std::memory_order_acquire)) return nullptr;
  const DataItem& item = dataset_->items(split)[static_cast<size_t>(index)];
  try {
    scratch = dataset_->Load(item);
  } catch (const Error& error) {
    // A folder's full disk or lost network is told like damage: by name and reason.
    const std::lock_guard lock(mutex_);
    if (!slot.broken.exchange(true)) broken_.push_back({item.name, error.what()});
    return nullptr;
  }
  return Keep(slot, scratch);
}

const Image* ImageCache::Keep(Slot& slot, Image& scratch) {
  const int64_t size = static_cast<int64_t>(scratch.pixels.size());
  if (bytes_.fetch_add(size) + size > max_bytes_) {
    bytes_.fetch_sub(size);
    return &scratch;
  }
  auto image = std::make_unique<const Image>(std::move(scratch));
  const Image* other = nullptr;
  if (slot.image.compare_exchange_strong(other, image.get(), std::memory_order_acq_rel)) {
    return image.release();
  }
  bytes_.fetch_sub(size);  // another thread was first
  return other;
}

std::vector<BrokenImage> ImageCache::broken() const {
  std::vector<BrokenImage> list;
  {
    const std::lock_guard lock(mutex_);
    list = broken_;
  }
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return list;
}

}  // namespace linnet
