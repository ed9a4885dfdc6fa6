// What a training step needs besides the ops: the loss, and the update of the parameters.
//
// These stand here because ops is the only folder that sees both networks and kernels.
#ifndef LINNET_OPS_TRAINING_H_
#define LINNET_OPS_TRAINING_H_

#include <cstdint>
#include <span>

#include "base/tensor.h"
#include "base/thread_pool.h"

namespace linnet {

// Mean over the batch of the cross-entropy between softmax(logits) and
// (1 - smoothing) * onehot(label) + smoothing / classes (label smoothing, 1512.00567 sec. 7).
// logits, dlogits: [n, classes]; losses: [n], receives each sample's loss; dlogits receives
// d(mean loss)/d(logits). Returns the mean, summed in double in the order of the samples. Error
// (kUsage) if the network's output is not [n, classes].
double SoftmaxCrossEntropy(const Tensor& logits, std::span<const int> labels, float smoothing,
                           std::span<float> losses, Tensor dlogits, ThreadPool* pool);

// One step of stochastic gradient descent, as PyTorch defines it:
//   g += weight_decay * w;  v = momentum * v + g;  w -= rate * (nesterov ? g + momentum * v : v)
struct SgdRule {
  float rate = 0.1f;
  float momentum = 0.9f;
  float weight_decay = 0;
  bool nesterov = true;
};
void SgdStep(const SgdRule& rule, std::span<float> w, std::span<const float> g, std::span<float> v,
             ThreadPool* pool);

// average = decay * average + (1 - decay) * w
void EmaUpdate(float decay, std::span<float> average, std::span<const float> w, ThreadPool* pool);

}  // namespace linnet

#endif  // LINNET_OPS_TRAINING_H_
