// OnnxBuilder: an ONNX graph, made node by node. The only file that knows the protobuf classes;
// what Linnet's operations become is said in io/onnx_ops.cc.
#ifndef LINNET_IO_ONNX_BUILDER_H_
#define LINNET_IO_ONNX_BUILDER_H_

#include <onnx.pb.h>

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/quantization.h"
#include "base/tensor.h"
#include "graph/graph.h"

namespace linnet {

using Ints = std::vector<int64_t>;

struct OnnxAttribute {
  const char* name;
  std::variant<int64_t, float, std::string, Ints> value;
};

// Values are known by their names: results of nodes by those of 'graph', which must outlive this;
// all others give way to them.
class OnnxBuilder {
 public:
  explicit OnnxBuilder(const Graph& graph) : graph_(graph) {}

  // What is added from here on is named after this node of Linnet's graph.
  void Begin(const std::string& node) { node_ = node; }

  // A node of one result, whose name is returned.
  std::string Add(const char* op, std::vector<std::string> inputs,
                  const std::vector<OnnxAttribute>& attributes = {});
  // Names the result of the last node, which nothing has read yet.
  void NameLast(const std::string& name);
  int nodes() const { return model_.graph().node_size(); }

  // Constants, called <node>.<name>, or alike where that is a node: the name is returned.
  std::string Floats(const std::string& name, const Ints& dims, std::span<const float> values);
  std::string Floats(const std::string& name, const Tensor& tensor);
  std::string Float(const std::string& name, float value);  // a scalar
  std::string Integers(const std::string& name, const Ints& values);

  // The value 'name' rounded to bytes and made real again (QuantizeLinear, DequantizeLinear), by
  // which tools know that it may be computed on bytes. 'constants' begins the names of scale and
  // zero point. Returns the name of the result.
  std::string Rounded(const std::string& name, const Quantization& bytes,
                      const std::string& constants = "");
  // Constants of integers that stand for real numbers: integer times the scale of its first
  // dimension. Called <node>.<name>; returns the name of the real numbers.
  std::string Scaled(const std::string& name, const Ints& dims, std::span<const int8_t> values,
                     std::span<const float> scales);
  std::string Scaled(const std::string& name, std::span<const int32_t> values,
                     std::span<const float> scales);

  // 'shape' is Linnet's: a map [N,H,W,C] is declared as [N,C,H,W].
  void AddInput(const std::string& name, const Shape& shape);
  void AddOutput(const std::string& name, const Shape& shape);
  void AddMetadata(const std::string& key, const std::string& value);

  // The file. Error (kUsage) if it would have more than the 2 GB that protobuf can write.
  std::string Finish(const std::string& graph_name);

 private:
  template <class T>
  std::string Constant(const std::string& name, const Ints& dims, onnx::TensorProto::DataType type,
                       std::span<const T> values);

  const Graph& graph_;
  onnx::ModelProto model_;
  std::string node_;
  int unnamed_ = 0;
};

}  // namespace linnet

#endif  // LINNET_IO_ONNX_BUILDER_H_
