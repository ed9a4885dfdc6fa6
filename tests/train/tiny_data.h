// A data set in memory that a tiny network learns in seconds: the class is the place of a bright
// square.
#ifndef LINNET_TESTS_TRAIN_TINY_DATA_H_
#define LINNET_TESTS_TRAIN_TINY_DATA_H_

#include <memory>

#include "base/error.h"
#include "base/rng.h"
#include "data/image_cache.h"
#include "train/train.h"

namespace linnet {

constexpr int kTinySide = 12;

inline Image TinyImage(int label, uint64_t number) {
  Rng rng(7, number);
  Image image(kTinySide, kTinySide);
  for (uint8_t& pixel : image.pixels) pixel = static_cast<uint8_t>(rng.Below(120));
  const int left = label % 2 * 6, top = label / 2 * 6;
  for (int y = top; y < top + 5; ++y) {
    for (int x = left; x < left + 5; ++x) image.row(y)[x * 3 + static_cast<int>(number % 3)] = 255;
  }
  return image;
}

// Four classes; picture 'broken' of the training split cannot be decoded.
inline std::shared_ptr<ImageCache> TinyData(int train, int val, int broken = -1) {
  auto data = std::make_shared<Dataset>();
  data->path = "tiny";
  data->format = "memory";
  data->classes = {"a", "b", "c", "d"};
  const auto add = [&](Split split, int count, uint64_t first) {
    for (int i = 0; i < count; ++i) {
      const uint64_t number = first + static_cast<uint64_t>(i);
      data->items(split).push_back(
          {.name = "picture" + std::to_string(number), .label = i % 4, .offset = number});
    }
  };
  add(Split::kTrain, train, 0);
  add(Split::kVal, val, 1'000'000);
  data->load = [broken](const DataItem& item) {
    if (static_cast<int>(item.offset) == broken) Fail(ErrorKind::kData, "{}: broken", item.name);
    return DecodeResult{TinyImage(item.label, item.offset), {}};
  };
  return std::make_shared<ImageCache>(data);
}

inline TrainJob TinyJob(std::shared_ptr<ImageCache> images) {
  TrainJob job;
  job.graph = GraphFromText(R"(linnet-graph 1
image = input(height=12, width=12)
stem = conv2d(image, out_channels=8, kernel=3, padding=1)
bn1 = batch_norm(stem)
act1 = activation(bn1, kind=relu6)
dw = conv2d(act1, out_channels=8, kernel=3, stride=2, padding=1, groups=8)
bn2 = batch_norm(dw)
act2 = activation(bn2)
pw = conv2d(act2, out_channels=16)
bn3 = batch_norm(pw)
act3 = activation(bn3)
flat = flatten(act3)
drop = dropout(flat, rate=0.1)
fc = dense(drop, out_features=4)
return fc
)");
  job.pipeline.size = {kTinySide, kTinySide};
  job.pipeline.crop_pct = 1;
  job.augment.pad = 1;
  job.augment.flip = 0;
  job.options.epochs = 3;
  job.options.batch = 16;
  job.options.lr = 0.05f;
  job.options.threads = 1;
  job.images = std::move(images);
  return job;
}

}  // namespace linnet

#endif  // LINNET_TESTS_TRAIN_TINY_DATA_H_
