#include "train/trainer.h"

#include <algorithm>

#include "base/rng.h"
#include "ops/training.h"
#include "rewrite/rewrite.h"

namespace linnet {

Tensor CopyOf(std::span<const float> numbers) {
  Tensor tensor(Shape{static_cast<int64_t>(numbers.size())});
  std::copy(numbers.begin(), numbers.end(), tensor.data());
  return tensor;
}

Trainer::Trainer(const Graph& graph, const InputSize& size, const TrainOptions& options,
                 ThreadPool* pool)
    : options_(options),
      pool_(pool),
      parameters_(graph, options.seed),
      graph_(RewriteForTraining(graph)),
      executor_(std::make_unique<Executor>(graph_, size, parameters_, pool)),
      momentum_(Shape{static_cast<int64_t>(parameters_.trained())}),
      average_(CopyOf(parameters_.all())),
      losses_(static_cast<size_t>(executor_->input_shape().n())) {}

void Trainer::SetInputSize(const InputSize& size) {
  Check(size.batch == input_shape().n(), "a batch of {}, was {}", size.batch, input_shape().n());
  executor_.reset();  // its memory first
  executor_ = std::make_unique<Executor>(graph_, size, parameters_, pool_);
}

double Trainer::Loss(std::span<const int> labels) {
  double loss = 0;
  for (size_t i = 0; i < executor_->outputs(); ++i) {
    const float auxiliary = executor_->graph().outputs[i].auxiliary;
    const float weight = auxiliary > 0 ? auxiliary : 1;
    Tensor gradient = executor_->output_gradient(i);
    loss += weight * SoftmaxCrossEntropy(executor_->output(i), labels, options_.label_smoothing,
                                         losses_, gradient, pool_);
    if (weight == 1) continue;
    std::for_each_n(gradient.data(), gradient.elements(), [=](float& g) { g *= weight; });
  }
  return loss;
}

void Trainer::Update(float rate, float ema_decay) {
  SgdRule rule{rate, options_.momentum, options_.weight_decay, options_.nesterov};
  const std::span<float> w = parameters_.all(), g = parameters_.all_gradients(), v = momentum();
  const size_t decayed = parameters_.decayed(), trained = parameters_.trained();
  SgdStep(rule, w.first(decayed), g.first(decayed), v.first(decayed), pool_);
  rule.weight_decay = 0;
  const size_t rest = trained - decayed;
  SgdStep(rule, w.subspan(decayed, rest), g.subspan(decayed, rest), v.subspan(decayed, rest),
          pool_);
  if (options_.ema > 0) EmaUpdate(ema_decay, average(), w, pool_);
}

double Trainer::Step(const Tensor& images, std::span<const int> labels, const Schedule& schedule,
                     int64_t step) {
  const uint64_t seed = MixStream(options_.seed, static_cast<uint64_t>(step), /*dropout*/ 1);
  const std::span<float> gradients = parameters_.all_gradients();
  std::fill(gradients.begin(), gradients.end(), 0.0f);
  executor_->Forward(images, seed);
  const double loss = Loss(labels);
  executor_->Backward(seed);
  Update(LearningRate(options_, schedule, step), EmaDecay(options_, step));
  return loss;
}

ParamMap Trainer::Delivered() {
  return parameters_.ToMap(options_.ema > 0 ? average() : parameters_.all());
}

}  // namespace linnet
