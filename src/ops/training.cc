#include "ops/training.h"

#include "base/error.h"
#include "kernels/elementwise.h"
#include "kernels/optimizer.h"

namespace linnet {

double SoftmaxCrossEntropy(const Tensor& logits, std::span<const int> labels, float smoothing,
                           std::span<float> losses, Tensor dlogits, ThreadPool* pool) {
  const Shape& shape = logits.shape();
  if (shape.rank() != 2) {
    Fail(ErrorKind::kUsage, "the loss expects logits [batch, classes], got {}", shape.ToString());
  }
  Check(static_cast<int64_t>(labels.size()) == shape[0], "{} labels for logits {}", labels.size(),
        shape.ToString());
  return kernels::SoftmaxCrossEntropy(shape[0], shape[1], logits.data(), labels.data(), smoothing,
                                      losses.data(), dlogits.data(), pool);
}

void SgdStep(const SgdRule& rule, std::span<float> w, std::span<const float> g, std::span<float> v,
             ThreadPool* pool) {
  kernels::SgdStep(static_cast<int64_t>(w.size()),
                   {rule.rate, rule.momentum, rule.weight_decay, rule.nesterov}, g.data(), v.data(),
                   w.data(), pool);
}

void EmaUpdate(float decay, std::span<float> average, std::span<const float> w, ThreadPool* pool) {
  kernels::EmaStep(static_cast<int64_t>(w.size()), decay, w.data(), average.data(), pool);
}

}  // namespace linnet
