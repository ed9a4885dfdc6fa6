// Executor: forward and backward through a graph for one batch size, in one block of memory.
//
// The same prepared ops as in a Plan, prepared for training. Nothing is allocated after
// construction.
#ifndef LINNET_TRAIN_EXECUTOR_H_
#define LINNET_TRAIN_EXECUTOR_H_

#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "ops/network.h"
#include "train/parameters.h"

namespace linnet {

class Executor {
 public:
  // 'params' must outlive the executor and have every parameter of 'graph'. Error (kUsage) if the
  // shapes do not fit or an op cannot be trained.
  Executor(const Graph& graph, const InputSize& size, const Parameters& params, ThreadPool* pool);

  const Graph& graph() const { return graph_; }
  const Shape& input_shape() const { return values_[0].shape(); }
  // Results of the forward pass, and where their gradients go before Backward.
  Tensor output(size_t i) { return values_[graph_.outputs[i]]; }
  Tensor output_gradient(size_t i) { return gradients_[graph_.outputs[i]]; }
  size_t outputs() const { return graph_.outputs.size(); }

  // 'images' has input_shape() and must stay until Backward is done. 'seed' (of the step) decides
  // what dropout drops.
  void Forward(const Tensor& images, uint64_t seed);
  // Adds the gradients to the Parameters' gradients.
  void Backward(uint64_t seed);

  size_t arena_bytes() const { return arena_bytes_; }
  const std::vector<Prepared>& steps() const { return prepared_; }

 private:
  void PlanMemory(const std::vector<Shape>& shapes);
  std::vector<int> GradientHomes(const std::vector<std::vector<int>>& users) const;
  void PrepareNodes(const std::vector<Shape>& shapes);
  void BindParameters(const std::vector<Shape>& shapes, const Parameters& params);
  void MarkTrained();
  void BindInput(const Tensor& images);

  Graph graph_;
  ThreadPool* pool_;
  std::vector<Prepared> prepared_;                             // by node
  std::vector<int> input_users_;                               // nodes that read the input
  std::vector<bool> trained_;                                  // by node: its gradient is wanted
  std::vector<Tensor> values_, gradients_;                     // by node, in the arena
  std::vector<std::vector<Tensor>> inputs_;                    // by node: the values it reads
  std::vector<std::vector<Tensor>> input_gradients_;           // no data where none is wanted
  std::vector<std::unique_ptr<bool[]>> accumulate_;            // by node and input
  std::vector<std::vector<Tensor>> params_, param_gradients_;  // by node: views
  std::vector<std::vector<Tensor>> saved_;
  std::shared_ptr<void> arena_, scratch_;
  size_t arena_bytes_ = 0;
};

}  // namespace linnet

#endif  // LINNET_TRAIN_EXECUTOR_H_
