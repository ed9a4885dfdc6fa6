#include "train/parameters.h"

#include <algorithm>
#include <cstring>

namespace linnet {
namespace {

enum Segment { kDecayed, kTrained, kStatistics, kSegments };

Segment SegmentOf(const ParamSpec& spec) {
  if (!spec.trainable) return kStatistics;
  return spec.decay ? kDecayed : kTrained;
}

}  // namespace

Parameters::Parameters(const Graph& graph, uint64_t seed) {
  const auto specs = GraphParams(graph, InferShapes(graph));
  size_t sizes[kSegments] = {};
  for (const auto& node : specs) {
    for (const ParamSpec& spec : node) sizes[SegmentOf(spec)] += spec.shape.elements();
  }
  decayed_ = sizes[kDecayed];
  trained_ = sizes[kDecayed] + sizes[kTrained];
  block_ = Tensor(Shape{static_cast<int64_t>(trained_ + sizes[kStatistics])});
  gradient_block_ = Tensor(Shape{static_cast<int64_t>(trained_)});

  size_t next[kSegments] = {0, decayed_, trained_};
  for (size_t node = 0; node < specs.size(); ++node) {
    for (const ParamSpec& spec : specs[node]) {
      const std::string name = ParamName(graph.nodes[node], spec);
      size_t& offset = next[SegmentOf(spec)];
      entries_.push_back({name, spec.shape, offset});
      values_[name] = Tensor::View(block_.data() + offset, spec.shape);
      gradients_[name] =
          spec.trainable ? Tensor::View(gradient_block_.data() + offset, spec.shape) : Tensor();
      offset += spec.shape.elements();
    }
  }
  SetFrom(InitParams(graph, seed));
}

ParamMap Parameters::ToMap(std::span<const float> block) const {
  ParamMap params;
  for (const Entry& entry : entries_) {
    Tensor tensor(entry.shape);
    std::memcpy(tensor.data(), block.data() + entry.offset, tensor.bytes());
    params[entry.name] = std::move(tensor);
  }
  return params;
}

void Parameters::SetFrom(const ParamMap& params) {
  for (const Entry& entry : entries_) {
    const auto found = params.find(entry.name);
    if (found == params.end()) Fail(ErrorKind::kFile, "parameter '{}' is missing", entry.name);
    if (!(found->second.shape() == entry.shape) || found->second.dtype() != DType::kF32) {
      Fail(ErrorKind::kFile, "parameter '{}': expected F32 {}, found {} {}", entry.name,
           entry.shape.ToString(), DTypeName(found->second.dtype()),
           found->second.shape().ToString());
    }
    std::memcpy(block_.data() + entry.offset, found->second.data(), found->second.bytes());
  }
}

}  // namespace linnet
