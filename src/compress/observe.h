// Observing a network on pictures: the distribution of every value.
#ifndef LINNET_COMPRESS_OBSERVE_H_
#define LINNET_COMPRESS_OBSERVE_H_

#include <memory>
#include <span>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "compress/histogram.h"
#include "data/image_cache.h"
#include "data/pipeline.h"
#include "rewrite/rewrite.h"

namespace linnet {

// Up to 'count' pictures of the split, spread evenly over it, each as the network takes it,
// [1, height, width, channels]; broken ones are passed over. Error (kData) if none can be decoded.
std::vector<Tensor> CalibrationPictures(ImageCache& images, Split split,
                                        const ImagePipeline& pipeline, int count);

// What a value was.
struct Observation {
  Histogram histogram;
  std::vector<double> channel_mean;  // by the last dimension
};

// By value. 'network' is as it will be quantized, without batch norms that could be folded. Error
// (kUsage) naming the value if one is not finite.
std::vector<Observation> Observe(const Network& network, std::span<const Tensor> pictures,
                                 ThreadPool* pool, const ProgressSink& sink);

// The network's first output on each picture, one after the other.
std::vector<float> Answers(const Network& network, std::span<const Tensor> pictures,
                           ThreadPool* pool);

// The mean squared difference of the answers, as a part of the variance of the expected ones.
double RelativeError(std::span<const float> expected, std::span<const float> actual);

}  // namespace linnet

#endif  // LINNET_COMPRESS_OBSERVE_H_
