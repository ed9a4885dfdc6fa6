#include "data/image_cache.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <utility>

#include "base/error.h"

namespace linnet {
namespace {

bool IsGone(const Dataset& dataset) {
  std::error_code ignored;
  return dataset.format == "folder" && !std::filesystem::exists(dataset.path, ignored);
}

}  // namespace

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
    // A disk or network that was lost is no damage of the pictures: training must not go on with
    // the few that are kept.
    if (slot.decoded.load(std::memory_order_acquire) ||
        (error.kind() == ErrorKind::kFile && IsGone(*dataset_))) {
      Fail(ErrorKind::kFile, "{} (it was there before: is the disk still there?)", error.what());
    }
    const std::lock_guard lock(mutex_);
    if (!slot.broken.exchange(true)) broken_.push_back({item.name, error.what()});
    return nullptr;
  }
  slot.decoded.store(true, std::memory_order_release);
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
    kept_.fetch_add(1, std::memory_order_relaxed);
    return image.release();
  }
  bytes_.fetch_sub(size);  // another thread was first
  return other;
}

bool ImageCache::KeepsAll(Split split) const {
  const double kept = static_cast<double>(kept_.load(std::memory_order_relaxed));
  if (kept == 0) return false;
  const double pictures = static_cast<double>(slots_[static_cast<size_t>(split)].size());
  return static_cast<double>(bytes()) / kept * pictures <= static_cast<double>(max_bytes_);
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
