// Parameters: all numbers of a network in one block of memory, so that an update is one pass over
// it.
#ifndef LINNET_TRAIN_PARAMETERS_H_
#define LINNET_TRAIN_PARAMETERS_H_

#include <map>
#include <span>
#include <string>
#include <vector>

#include "ops/network.h"

namespace linnet {

class Parameters {
 public:
  // The graph's parameters, with fresh values by seed.
  Parameters(const Graph& graph, uint64_t seed);

  // A view into the block by the parameter's name, and one of its gradient, which has no data where
  // the parameter is not trained.
  Tensor value(const std::string& name) const { return values_.at(name); }
  Tensor gradient(const std::string& name) const { return gradients_.at(name); }

  // The block: first what weight decay applies to, then the other trained parameters, then the
  // running statistics.
  std::span<float> all() { return {block_.data(), static_cast<size_t>(block_.elements())}; }
  std::span<float> all_gradients() { return {gradient_block_.data(), trained_}; }
  size_t decayed() const { return decayed_; }
  size_t trained() const { return trained_; }

  // Copies of the values by name, taken from a block laid out like all().
  ParamMap ToMap(std::span<const float> block) const;
  // Sets the values by name. Error (kFile) naming a parameter that is missing or has another shape.
  void SetFrom(const ParamMap& params);

 private:
  using TensorsByName = std::map<std::string, Tensor>;
  struct Entry {
    std::string name;
    Shape shape;
    size_t offset;
  };

  std::vector<Entry> entries_;
  Tensor block_, gradient_block_;
  size_t decayed_ = 0, trained_ = 0;
  TensorsByName values_, gradients_;
};

}  // namespace linnet

#endif  // LINNET_TRAIN_PARAMETERS_H_
