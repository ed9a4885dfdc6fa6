#include "data/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "test_data.h"

namespace linnet {
namespace {

// 'count' pictures of 4 x 4 whose bytes are their number; those with a number in 'broken' fail.
std::shared_ptr<Dataset> Numbers(int count, std::set<int> broken = {}) {
  auto dataset = std::make_shared<Dataset>();
  dataset->path = "numbers";
  for (int c = 0; c < 3; ++c) dataset->classes.push_back(std::to_string(c));
  for (int i = 0; i < count; ++i) {
    const DataItem item{"n" + std::to_string(i), i % 3, 0, static_cast<uint64_t>(i), 0};
    dataset->items(Split::kTrain).push_back(item);
    dataset->items(Split::kVal).push_back(item);
  }
  dataset->load = [broken](const DataItem& item) -> DecodeResult {
    if (broken.contains(static_cast<int>(item.offset))) {
      Fail(ErrorKind::kData, "{}: broken on purpose", item.name);
    }
    Image image(4, 4);
    std::fill(image.pixels.begin(), image.pixels.end(), static_cast<uint8_t>(item.offset));
    return {std::move(image), {}};
  };
  return dataset;
}

ImagePipeline Pipeline() {
  ImagePipeline p;
  p.size = {4, 4};
  p.crop_pct = 1;
  p.mean = {0, 0, 0};
  p.std = {1 / 255.0f, 1 / 255.0f, 1 / 255.0f};
  return p;
}

AugmentOptions Zeros() {
  AugmentOptions options;
  options.pad = 2;
  options.pad_mode = PadMode::kZero;
  return options;
}

struct Seen {
  std::vector<float> pixels;
  std::vector<int> labels;
  std::vector<int64_t> indices;
  int64_t epoch, index;
  bool operator==(const Seen&) const = default;
};

Seen See(const Batch& batch) {
  return {{batch.images.data(), batch.images.data() + batch.images.elements()},
          batch.labels,
          batch.indices,
          batch.epoch,
          batch.index};
}

std::vector<Seen> Batches(std::shared_ptr<ImageCache> images, LoaderOptions options, int batches,
                          int64_t epoch = 0, int64_t batch = 0) {
  auto loader = Loader::Train(std::move(images), Split::kTrain, Pipeline(), Zeros(), options);
  loader->Seek(epoch, batch);
  std::vector<Seen> seen;
  for (int i = 0; i < batches; ++i) seen.push_back(See(*loader->Next()));
  return seen;
}

TEST(Loader, SameBatchesForAnyThreadsCacheAndResume) {
  const auto dataset = Numbers(50, {3, 4, 17, 40});
  const LoaderOptions base{.batch = 8, .seed = 5, .threads = 0, .prefetch = 3};
  const auto whole = Batches(std::make_shared<ImageCache>(dataset), base, 20);
  EXPECT_EQ(whole[7].epoch, 1);
  EXPECT_EQ(whole[7].index, 1);
  for (const int threads : {1, 2, 4}) {
    for (const int64_t cache : {0, 500, 1 << 20}) {
      LoaderOptions options = base;
      options.threads = threads;
      EXPECT_EQ(Batches(std::make_shared<ImageCache>(dataset, cache), options, 20), whole);
      for (const int start : {1, 5, 6, 13}) {
        const auto rest = Batches(std::make_shared<ImageCache>(dataset, cache), options, 20 - start,
                                  start / 6, start % 6);
        EXPECT_EQ(rest, std::vector<Seen>(whole.begin() + start, whole.end()));
      }
    }
  }
  LoaderOptions other = base;
  other.seed = 6;
  EXPECT_NE(Batches(std::make_shared<ImageCache>(dataset), other, 20), whole);
}

TEST(Loader, AnEpochShowsEveryPictureOnce) {
  const auto dataset = Numbers(48);
  const auto seen = Batches(std::make_shared<ImageCache>(dataset),
                            {.batch = 8, .seed = 1, .threads = 2, .prefetch = 2}, 12);
  std::vector<int64_t> orders[2];
  int shown = 0;
  for (const Seen& batch : seen) {
    for (size_t i = 0; i < batch.indices.size(); ++i) {
      orders[batch.epoch].push_back(batch.indices[i]);
      EXPECT_EQ(batch.labels[i], batch.indices[i] % 3);
      // The centre pixel of a 4 x 4 picture moved by 2 at most is the picture's number or padding.
      const float pixel = batch.pixels[i * 48 + 3 * 5];
      EXPECT_THAT(
          pixel,
          testing::AnyOf(testing::FloatNear(static_cast<float>(batch.indices[i]), 1e-3f), 0.0f));
      shown += pixel != 0;
    }
  }
  EXPECT_GT(shown, 48);  // of 96; 16 of 25 moves show it
  EXPECT_NE(orders[0], orders[1]);
  for (auto& order : orders) {
    EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), 48u);
  }
}

TEST(Loader, BrokenPicturesAreReportedOnceAndReplaced) {
  const auto images = std::make_shared<ImageCache>(Numbers(20, {7, 11}));
  const auto seen = Batches(images, {.batch = 5, .seed = 1, .threads = 3, .prefetch = 4}, 12);
  for (const Seen& batch : seen) {
    for (const int64_t index : batch.indices) EXPECT_TRUE(index >= 0 && index != 7 && index != 11);
  }
  EXPECT_EQ(images->broken(), (std::vector<BrokenImage>{{"n11", "n11: broken on purpose"},
                                                        {"n7", "n7: broken on purpose"}}));
}

TEST(Loader, AllThreadsMakeBatches) {
  auto dataset = std::make_shared<Dataset>(*Numbers(12));
  std::atomic<int> inside{0};
  dataset->load = [&, load = dataset->load](const DataItem& item) {
    ++inside;
    for (int i = 0; i < 2000 && inside < 6; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return load(item);
  };
  auto loader = Loader::Train(std::make_shared<ImageCache>(dataset), Split::kTrain, Pipeline(),
                              Zeros(), {.batch = 1, .threads = 6});
  loader->Next();
  EXPECT_GE(inside, 6);  // each waited for five others, two seconds at most
}

TEST(Loader, NoWholePictureIsAnError) {
  const auto images = std::make_shared<ImageCache>(Numbers(3, {0, 1, 2}));
  for (const int threads : {0, 2}) {
    LoaderOptions options;
    options.threads = threads;
    auto loader = Loader::Train(images, Split::kTrain, Pipeline(), Zeros(), options);
    EXPECT_THROW(loader->Next(), Error);
  }
  EXPECT_THROW(Loader::Train(images, Split::kTest, Pipeline(), Zeros(), {}), Error);
}

TEST(Loader, FewerPicturesThanABatchAreOneBatch) {
  auto loader = Loader::Train(std::make_shared<ImageCache>(Numbers(3)), Split::kTrain, Pipeline(),
                              Zeros(), {});
  EXPECT_EQ(loader->batches(), 1);
  EXPECT_EQ(loader->Next()->images.shape(), Shape({3, 4, 4, 3}));
  EXPECT_EQ(loader->Next()->epoch, 1);
}

TEST(Loader, EvaluationGoesThroughAllInOrder) {
  for (const int threads : {0, 1, 3}) {
    const auto images = std::make_shared<ImageCache>(Numbers(10, {6}));
    auto loader =
        Loader::Evaluation(images, Split::kVal, Pipeline(), {.batch = 4, .threads = threads});
    EXPECT_EQ(loader->batches(), 3);
    for (int pass = 0; pass < 3; ++pass) {
      std::vector<int64_t> indices;
      std::vector<int> valid;
      while (const Batch* batch = loader->Next()) {
        valid.push_back(batch->valid);
        EXPECT_EQ(batch->epoch, pass);
        for (size_t i = 0; i < 4; ++i) {
          indices.push_back(batch->indices[i]);
          const float* pixels = batch->images.data() + i * 48;
          const float expected = batch->indices[i] < 0 ? 0 : static_cast<float>(batch->indices[i]);
          for (int k = 0; k < 48; ++k) ASSERT_NEAR(pixels[k], expected, 1e-3);
          EXPECT_EQ(batch->labels[i], batch->indices[i] < 0 ? -1 : batch->indices[i] % 3);
        }
      }
      EXPECT_EQ(indices, (std::vector<int64_t>{0, 1, 2, 3, 4, 5, -1, 7, 8, 9, -1, -1}));
      EXPECT_EQ(valid, (std::vector<int>{4, 3, 2}));
    }
  }
}

TEST(Loader, SeekInTheMiddleOfWork) {
  const auto images = std::make_shared<ImageCache>(Numbers(40));
  const LoaderOptions options{.batch = 4, .seed = 2, .threads = 3, .prefetch = 2};
  const auto whole = Batches(images, options, 30);
  auto loader = Loader::Train(images, Split::kTrain, Pipeline(), Zeros(), options);
  for (const int at : {7, 10, 0, 25, 3, 3, 19}) {  // 10: where it is already
    loader->Seek(at / 10, at % 10);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(See(*loader->Next()), whole[static_cast<size_t>(at + i)]);
  }
}

TEST(ImageCache, KeepsToItsMemory) {
  const auto dataset = Numbers(10);
  ImageCache cache(dataset, 48 * 4);
  Image scratch;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(cache.Get(Split::kTrain, i, scratch)->pixels[0], i);
  }
  EXPECT_EQ(cache.bytes(), 48 * 4);
  EXPECT_FALSE(cache.KeepsAll(Split::kTrain));
  ImageCache large(dataset, 48 * 10);
  EXPECT_FALSE(large.KeepsAll(Split::kTrain)) << "nothing is known yet";
  large.Get(Split::kTrain, 0, scratch);
  EXPECT_TRUE(large.KeepsAll(Split::kTrain));
}

TEST(ImageCache, AFolderThatIsGoneIsAnErrorForWhatWasNotYetRead) {
  const TemporaryFolder folder;
  const std::string set = folder / "set";
  for (const char* label : {"/cat", "/dog"}) {
    std::filesystem::create_directories(set + label);
    for (const char* name : {"/0.ppm", "/1.ppm"}) {
      WriteFileAtomic(set + label + name, "P6 1 1 255\n" + std::string(3, 'x'));
    }
  }
  ImageCache cache(std::make_shared<Dataset>(OpenDataset(set, {.val_fraction = 0})));
  Image scratch;
  EXPECT_NE(cache.Get(Split::kTrain, 0, scratch), nullptr);
  std::filesystem::remove(set + "/cat/1.ppm");
  EXPECT_EQ(cache.Get(Split::kTrain, 1, scratch), nullptr) << "one file: broken";
  std::filesystem::remove_all(set);
  EXPECT_THROW(cache.Get(Split::kTrain, 2, scratch), Error);
}

// A network drive that goes away is no damage of the pictures.
TEST(ImageCache, APictureThatCannotBeReadAnyMoreIsAnError) {
  auto dataset = std::make_shared<Dataset>(*Numbers(2));
  const auto gone = std::make_shared<bool>(false);
  dataset->load = [gone](const DataItem& item) -> DecodeResult {
    if (*gone) Fail(ErrorKind::kFile, "{}: cannot open", item.name);
    return {Image(4, 4), {}};
  };
  ImageCache cache(dataset, 0);
  Image scratch;
  EXPECT_NE(cache.Get(Split::kTrain, 0, scratch), nullptr);
  *gone = true;
  EXPECT_THROW(cache.Get(Split::kTrain, 0, scratch), Error);
  EXPECT_EQ(cache.Get(Split::kTrain, 1, scratch), nullptr) << "never read: broken";
  EXPECT_EQ(cache.broken().size(), 1u);
}

}  // namespace
}  // namespace linnet
