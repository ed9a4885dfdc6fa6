// Networks quantized on a few random pictures.
#ifndef LINNET_TESTS_COMPRESS_QUANTIZE_FOR_TEST_H_
#define LINNET_TESTS_COMPRESS_QUANTIZE_FOR_TEST_H_

#include <vector>

#include "base/rng.h"
#include "compress/quantize.h"

namespace linnet {

inline std::vector<Tensor> RandomPictures(const Shape& shape, int count, uint64_t seed) {
  std::vector<Tensor> pictures;
  Rng rng(seed);
  for (int i = 0; i < count; ++i) {
    pictures.emplace_back(shape);
    for (int64_t k = 0; k < shape.elements(); ++k) pictures[i].data()[k] = rng.Normal();
  }
  return pictures;
}

// A network quantized on a few random pictures.
struct Quantized {
  Network prepared, network;
  std::vector<Tensor> pictures;
};

inline Quantized QuantizeOn(const Network& original, const QuantizeOptions& options = {}) {
  Quantized result;
  result.prepared = PrepareForQuantization(original.graph, original.params);
  result.pictures = RandomPictures(InferShapes(original.graph)[0], 6, 3);
  const auto observed = Observe(result.prepared, result.pictures, nullptr, {});
  result.network = Quantize(result.prepared, observed, options);
  return result;
}

inline double AnswerError(const Quantized& q) {
  return RelativeError(Answers(q.prepared, q.pictures, nullptr),
                       Answers(q.network, q.pictures, nullptr));
}

}  // namespace linnet

#endif  // LINNET_TESTS_COMPRESS_QUANTIZE_FOR_TEST_H_
