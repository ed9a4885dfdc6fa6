// Batches for training and evaluation, made ahead by threads of its own.
//
// Batch b of epoch e is a function of (data set, seed, e, b) and of nothing else: not of the number
// of threads, of timing, of what is cached, or of where the run was resumed. So a run that was
// killed and started again at (e, b) sees the same numbers.
//
//   auto images = std::make_shared<ImageCache>(dataset);
//   auto train = Loader::Train(images, Split::kTrain, pipeline, augment, options);
//   train->Seek(epoch, batch);
//   const Batch& batch = *train->Next();  // valid until the next call
//
// A broken picture in training is replaced by the next one in the epoch's order that is not; in
// evaluation its place keeps label -1 and zeros, as the places after the last picture do.
#ifndef LINNET_DATA_LOADER_H_
#define LINNET_DATA_LOADER_H_

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/tensor.h"
#include "data/augment.h"
#include "data/image_cache.h"
#include "data/pipeline.h"

namespace linnet {

struct Batch {
  Tensor images;                 // [batch, height, width, channels]
  std::vector<int> labels;       // -1: no picture here, not to be counted
  std::vector<int64_t> indices;  // into the split's items; -1 likewise
  int valid = 0;                 // places with a picture
  int64_t epoch = 0, index = 0;  // of the batch in its epoch
};

inline constexpr int kMostLoaderThreads = 256;

struct LoaderOptions {
  int batch = 128;
  uint64_t seed = 0;
  // Threads that make batches, at most kMostLoaderThreads; 0 makes them in the thread that calls
  // Next.
  int threads = 1;
  // Batches that are made ahead; at least one a thread.
  int prefetch = 4;
};

class Loader {
 public:
  // Batches of 'split', shuffled anew each epoch; pictures beyond the last whole batch are left out
  // (of another random part each epoch), unless there is no whole batch: then it is one batch of
  // them all. Error (kData) if the split is empty.
  static std::unique_ptr<Loader> Train(std::shared_ptr<ImageCache> images, Split split,
                                       const ImagePipeline& pipeline, const AugmentOptions& augment,
                                       const LoaderOptions& options);
  // Batches of 'split' in its order, all pictures, by the evaluation pipeline. One pass is an
  // epoch.
  static std::unique_ptr<Loader> Evaluation(std::shared_ptr<ImageCache> images, Split split,
                                            const ImagePipeline& pipeline,
                                            const LoaderOptions& options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Batches of an epoch, pictures of a batch, pictures of the split.
  int64_t batches() const { return batches_; }
  int batch() const { return batch_; }
  int64_t count() const { return count_; }

  // The next batch will be 'batch' of 'epoch'; the start is (0, 0).
  void Seek(int64_t epoch, int64_t batch);

  // The next batch, valid until the next call of Next or Seek. Training goes on from epoch to epoch
  // and never answers null; evaluation answers null once after each pass. Error (kData) if no
  // picture of the split can be decoded.
  const Batch* Next();

  // The broken pictures met so far, by name.
  std::vector<BrokenImage> broken() const { return images_->broken(); }

 private:
  using Order = std::shared_ptr<const std::vector<uint32_t>>;
  struct Slot {
    Batch batch;
    std::exception_ptr error;
    bool ready = false;
  };
  struct Worker {
    PipelineScratch pipeline;
    Image image;
  };

  Loader(std::shared_ptr<ImageCache> images, Split split, const ImagePipeline& pipeline,
         std::optional<AugmentOptions> augment, const LoaderOptions& options);
  bool training() const { return augment_.has_value(); }
  void Start();
  void Stop();
  void Work();
  Order OrderOf(int64_t epoch);
  void Make(int64_t ticket, const Order& order, Worker& worker, Batch& batch) const;
  void MakePlace(int place, int64_t position, int64_t epoch, const Order& order, Worker& worker,
                 Batch& batch) const;

  const std::shared_ptr<ImageCache> images_;
  const Split split_;
  const ImagePipeline pipeline_;
  const std::optional<AugmentOptions> augment_;
  const LoaderOptions options_;
  int64_t count_ = 0, batches_ = 0;
  int batch_ = 0;

  // Tickets number batches over all epochs: epoch * batches + batch.
  std::mutex mutex_;
  std::condition_variable work_, done_;
  std::vector<Slot> slots_;  // ticket t lives in slots_[t % size]
  std::vector<std::thread> threads_;
  int64_t next_made_ = 0, next_given_ = 0;  // tickets
  int64_t pass_end_ = 0;                    // the first ticket of the next pass; evaluation only
  bool told_end_ = false;                   // Next has answered null for this pass
  bool stop_ = false;
  int64_t order_epochs_[2] = {-1, -1};
  Order orders_[2];
  Worker own_worker_;
};

}  // namespace linnet

#endif  // LINNET_DATA_LOADER_H_
