#include "io/params_file.h"

#include <algorithm>
#include <vector>

#include "base/bfloat16.h"
#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "io/half.h"
#include "io/weight_layout.h"

namespace linnet {
namespace {

// Float32 numbers, or no tensor if they are of another kind.
Tensor Widened(const Tensor& tensor) {
  if (tensor.dtype() == DType::kF32) return tensor;
  if (tensor.dtype() != DType::kF16 && tensor.dtype() != DType::kBF16) return {};
  Tensor wide(tensor.shape());
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const uint16_t bits = tensor.data<uint16_t>()[i];
    wide.data()[i] = tensor.dtype() == DType::kF16 ? FromFloat16(bits) : FromBfloat16(bits);
  }
  return wide;
}

Shape WithoutOnes(const Shape& shape) {
  Shape kept;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] != 1) kept.Append(shape[i]);
  }
  return kept;
}

// Up to ten names, for a message.
std::string ListOf(const std::vector<std::string>& names) {
  constexpr size_t kMost = 10;
  std::string text;
  for (size_t i = 0; i < std::min(kMost, names.size()); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kMost) text += fmt::format(" and {} more", names.size() - kMost);
  return text;
}

struct Problems {
  std::vector<std::string> missing, unexpected, wrong;
  std::string ToString() const {
    std::string text;
    if (!missing.empty()) text += "; missing: " + ListOf(missing);
    if (!unexpected.empty()) text += "; unexpected: " + ListOf(unexpected);
    if (!wrong.empty()) text += "; not as expected: " + ListOf(wrong);
    return text;
  }
};

// The parameter as the graph wants it, or none if it has another shape or type.
Tensor Adapted(const Tensor& tensor, const ParamSpec& spec, bool foreign) {
  Tensor param = spec.dtype == DType::kF32 ? Widened(tensor) : tensor;
  if (!param || param.dtype() != spec.dtype) return {};
  if (foreign && param.shape().rank() == 4 && spec.dtype == DType::kF32) param = ToOhwi(param);
  if (param.shape() == spec.shape) return param;
  // A 1x1 convolution is a fully connected layer; but of two windows, 1x3 is not 3x1.
  const bool windows = param.shape().rank() == 4 && spec.shape.rank() == 4;
  const bool same = foreign && !windows && WithoutOnes(param.shape()) == WithoutOnes(spec.shape);
  return same ? param.Reshaped(spec.shape) : Tensor();
}

// Moves the parameters of one node from 'tensors' to 'params'.
void TakeNode(const Node& node, const std::vector<ParamSpec>& specs, bool foreign,
              TensorMap& tensors, ParamMap& params, Problems& problems) {
  for (const ParamSpec& spec : specs) {
    const std::string name = ParamName(node, spec);
    const auto found = tensors.extract(name);
    if (!found) {
      problems.missing.push_back(name);
      continue;
    }
    const Tensor& tensor = found.mapped();
    const Tensor param = Adapted(tensor, spec, foreign);
    if (param) {
      params[name] = param;
    } else {
      problems.wrong.push_back(fmt::format("{} {} {} (expected {} {})", name,
                                           DTypeName(tensor.dtype()), tensor.shape().ToString(),
                                           DTypeName(spec.dtype), spec.shape.ToString()));
    }
  }
}

}  // namespace

ParamMap ParamsFromBytes(std::span<const uint8_t> bytes, const std::string& where,
                         const Graph& graph) {
  TensorFile file = TensorsFromBytes(bytes, where);
  const auto specs = GraphParams(graph, InferShapes(graph));
  ParamMap params;
  Problems problems;
  for (size_t i = 0; i < specs.size(); ++i) {
    TakeNode(graph.nodes[i], specs[i], !file.verified, file.tensors, params, problems);
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (!name.ends_with("num_batches_tracked")) problems.unexpected.push_back(name);
  }
  const std::string text = problems.ToString();
  if (!text.empty()) {
    Fail(ErrorKind::kFile, "{}: its tensors are not the parameters of '{}'{}", where, graph.name,
         text);
  }
  return params;
}

ParamMap LoadParams(const std::string& path, const Graph& graph) {
  const auto mapped = MappedFile::Open(path);
  return ParamsFromBytes(mapped->bytes(), path, graph);
}

}  // namespace linnet
