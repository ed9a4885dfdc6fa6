// Trainer: the network, its optimizer and their state; one step at a time.
#ifndef LINNET_TRAIN_TRAINER_H_
#define LINNET_TRAIN_TRAINER_H_

#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "train/executor.h"
#include "train/options.h"
#include "train/parameters.h"

namespace linnet {

// A tensor of these numbers.
Tensor CopyOf(std::span<const float> numbers);

class Trainer {
 public:
  // 'graph' as the architecture describes it; its outputs are logits [batch, classes]: the first is
  // the network's answer, others are auxiliary heads. Error (kUsage) if it cannot be trained.
  Trainer(const Graph& graph, const InputSize& size, const TrainOptions& options, ThreadPool* pool);

  const Shape& input_shape() const { return executor_->input_shape(); }
  // Inputs are of this size from now on, with the batch as before; everything learned is kept.
  // Error (kUsage) if a parameter depends on it; the trainer is of no use then.
  void SetInputSize(const InputSize& size);

  // Forward, backward, update with 'images', [batch, h, w, channels]. 'step' counts from 0 over the
  // whole run and decides rate and random numbers. Returns the loss of the batch.
  double Step(const Tensor& images, std::span<const int> labels, const Schedule& schedule,
              int64_t step);

  Parameters& parameters() { return parameters_; }
  std::span<float> momentum() { return {momentum_.data(), parameters_.trained()}; }
  std::span<float> average() { return {average_.data(), parameters_.all().size()}; }
  // What is delivered: the average of the weights, or the weights where there is none.
  ParamMap Delivered();

 private:
  double Loss(std::span<const int> labels);
  void Update(float rate, float ema_decay);

  TrainOptions options_;
  ThreadPool* pool_;
  Parameters parameters_;
  Graph graph_;  // rewritten for training
  std::unique_ptr<Executor> executor_;
  Tensor momentum_, average_;
  std::vector<float> losses_;  // of the samples of a batch
};

}  // namespace linnet

#endif  // LINNET_TRAIN_TRAINER_H_
