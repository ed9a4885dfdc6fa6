#include "data/loader.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/rng.h"

namespace linnet {
namespace {

// What a random stream is for.
constexpr uint64_t kShuffle = 0x73687566, kAugment = 0x6175676D;

}  // namespace

std::unique_ptr<Loader> Loader::Train(std::shared_ptr<ImageCache> images, Split split,
                                      const ImagePipeline& pipeline, const AugmentOptions& augment,
                                      const LoaderOptions& options) {
  ValidateAugment(augment, "augmentation");
  return std::unique_ptr<Loader>(new Loader(std::move(images), split, pipeline, augment, options));
}

std::unique_ptr<Loader> Loader::Evaluation(std::shared_ptr<ImageCache> images, Split split,
                                           const ImagePipeline& pipeline,
                                           const LoaderOptions& options) {
  return std::unique_ptr<Loader>(
      new Loader(std::move(images), split, pipeline, std::nullopt, options));
}

Loader::Loader(std::shared_ptr<ImageCache> images, Split split, const ImagePipeline& pipeline,
               std::optional<AugmentOptions> augment, const LoaderOptions& options)
    : images_(std::move(images)),
      split_(split),
      pipeline_(pipeline),
      augment_(augment),
      options_(options) {
  ValidatePipeline(pipeline_, "image pipeline");
  RequireSplit(images_->dataset(), split_);
  count_ = static_cast<int64_t>(images_->dataset().items(split_).size());
  if (options_.threads > kMostLoaderThreads) {
    Fail(ErrorKind::kUsage, "loader_threads={}: expected at most {}", options_.threads,
         kMostLoaderThreads);
  }
  Check(options_.batch > 0 && count_ <= UINT32_MAX, "batch {} of {}", options_.batch, count_);
  batch_ = static_cast<int>(std::min<int64_t>(options_.batch, count_));
  batches_ = training() ? count_ / batch_ : (count_ + batch_ - 1) / batch_;
  pass_end_ = training() ? INT64_MAX : batches_;
  const int ahead = std::max({1, options_.prefetch, options_.threads});
  slots_.resize(options_.threads <= 0 ? 1 : static_cast<size_t>(ahead) + 1);
  for (Slot& slot : slots_) {
    slot.batch.images = Tensor({batch_, pipeline_.height(), pipeline_.width(), pipeline_.channels});
    slot.batch.labels.resize(static_cast<size_t>(batch_));
    slot.batch.indices.resize(static_cast<size_t>(batch_));
  }
}

Loader::~Loader() { Stop(); }

void Loader::Start() {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Work(); });
}

void Loader::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  stop_ = false;
}

void Loader::Seek(int64_t epoch, int64_t batch) {
  Check(epoch >= 0 && batch >= 0 && batch <= batches_, "seek ({}, {}) of {} batches", epoch, batch,
        batches_);
  const int64_t ticket = epoch * batches_ + batch;
  // What is made ahead is the next epoch's beginning already.
  if (training() && ticket == next_given_) return;
  Stop();
  for (Slot& slot : slots_) slot.ready = false;
  next_made_ = next_given_ = ticket;
  pass_end_ = training() ? INT64_MAX : (epoch + 1) * batches_;
  told_end_ = false;
}

// Called with mutex_ held. The orders of two epochs are alive where they meet.
Loader::Order Loader::OrderOf(int64_t epoch) {
  if (!training()) return nullptr;
  const size_t slot = static_cast<size_t>(epoch % 2);
  if (order_epochs_[slot] != epoch) {
    auto order = std::make_shared<std::vector<uint32_t>>(static_cast<size_t>(count_));
    std::iota(order->begin(), order->end(), 0);
    Rng rng(options_.seed, MixStream(static_cast<uint64_t>(epoch), 0, kShuffle));
    for (uint32_t i = static_cast<uint32_t>(count_) - 1; i > 0; --i) {
      std::swap((*order)[i], (*order)[rng.Below(i + 1)]);
    }
    orders_[slot] = std::move(order);
    order_epochs_[slot] = epoch;
  }
  return orders_[slot];
}

// Fills one place of the batch with the picture at 'position' of the epoch's order.
void Loader::MakePlace(int place, int64_t position, int64_t epoch, const Order& order,
                       Worker& worker, Batch& batch) const {
  const std::vector<DataItem>& items = images_->dataset().items(split_);
  const int64_t size = pipeline_.elements();
  float* dst = batch.images.data() + place * size;
  const size_t p = static_cast<size_t>(place);
  // Training goes on to the next picture that is whole; evaluation has one try.
  const int64_t tries = training() ? count_ : position < count_ ? 1 : 0;
  for (int64_t i = 0; i < tries; ++i) {
    const int64_t rank = (position + i) % count_;
    const int64_t index = order == nullptr ? rank : (*order)[static_cast<size_t>(rank)];
    const Image* image = images_->Get(split_, index, worker.image);
    if (image == nullptr) continue;
    if (training()) {
      const uint64_t stream =
          MixStream(static_cast<uint64_t>(epoch), static_cast<uint64_t>(position), kAugment);
      Augment(*image, pipeline_, *augment_, Rng(options_.seed, stream), dst, worker.pipeline);
    } else {
      Preprocess(*image, pipeline_, dst, worker.pipeline);
    }
    batch.labels[p] = items[static_cast<size_t>(index)].label;
    batch.indices[p] = index;
    ++batch.valid;
    return;
  }
  if (training()) {
    const std::vector<BrokenImage> all = images_->broken();
    Fail(ErrorKind::kData, "{}: none of the {} pictures can be decoded; the first: {}",
         images_->dataset().path, count_, all.empty() ? "" : all[0].error);
  }
  std::memset(dst, 0, static_cast<size_t>(size) * sizeof(float));
  batch.labels[p] = -1;
  batch.indices[p] = -1;
}

void Loader::Make(int64_t ticket, const Order& order, Worker& worker, Batch& batch) const {
  batch.epoch = ticket / batches_;
  batch.index = ticket % batches_;
  batch.valid = 0;
  for (int place = 0; place < batch_; ++place) {
    MakePlace(place, batch.index * batch_ + place, batch.epoch, order, worker, batch);
  }
}

void Loader::Work() {
  Worker worker;
  for (;;) {
    int64_t ticket;
    {
      std::unique_lock lock(mutex_);
      // The slot of the batch that was given out last is not free until the next call of Next.
      work_.wait(lock, [this] {
        const int64_t room = next_given_ + static_cast<int64_t>(slots_.size()) - 1;
        return stop_ || next_made_ < std::min(room, pass_end_);
      });
      if (stop_) return;
      ticket = next_made_++;
    }
    Slot& slot = slots_[static_cast<size_t>(ticket) % slots_.size()];
    std::exception_ptr error;
    try {
      Order order;
      {
        const std::lock_guard lock(mutex_);
        order = OrderOf(ticket / batches_);
      }
      Make(ticket, order, worker, slot.batch);
    } catch (...) {
      error = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      slot.error = error;
      slot.ready = true;
    }
    done_.notify_one();
  }
}

const Batch* Loader::Next() {
  if (next_given_ == pass_end_) {
    told_end_ = !told_end_;
    if (told_end_) return nullptr;
    {
      const std::lock_guard lock(mutex_);
      pass_end_ += batches_;
    }
    work_.notify_all();
  }
  Slot& slot = slots_[static_cast<size_t>(next_given_) % slots_.size()];
  if (options_.threads <= 0) {
    Make(next_given_, OrderOf(next_given_ / batches_), own_worker_, slot.batch);
    ++next_given_;
    return &slot.batch;
  }
  if (threads_.empty()) Start();
  std::unique_lock lock(mutex_);
  // Only now is the batch given out before free to be overwritten: next_given_ counts it as done.
  done_.wait(lock, [&] { return slot.ready; });
  slot.ready = false;
  ++next_given_;
  lock.unlock();
  work_.notify_one();
  if (slot.error) std::rethrow_exception(slot.error);
  return &slot.batch;
}

}  // namespace linnet
