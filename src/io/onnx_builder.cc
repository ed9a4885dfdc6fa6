#include "io/onnx_builder.h"

#include <utility>

#include "base/error.h"

namespace linnet {
namespace {

// Of June 2022. Reductions still have their axes as attributes, and HardSwish is an operation.
constexpr int64_t kOpset = 17;
constexpr int64_t kIrVersion = 8;

void SetValue(onnx::AttributeProto& attribute, int64_t value) {
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}
void SetValue(onnx::AttributeProto& attribute, float value) {
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}
void SetValue(onnx::AttributeProto& attribute, const std::string& value) {
  attribute.set_type(onnx::AttributeProto::STRING);
  attribute.set_s(value);
}
void SetValue(onnx::AttributeProto& attribute, const Ints& values) {
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute.add_ints(value);
}

Ints OnnxDims(const Shape& shape) {
  if (shape.rank() == 4) return {shape.n(), shape.c(), shape.h(), shape.w()};
  Ints dims;
  for (int i = 0; i < shape.rank(); ++i) dims.push_back(shape[i]);
  return dims;
}

void Declare(onnx::ValueInfoProto& info, const std::string& name, const Shape& shape) {
  info.set_name(name);
  onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : OnnxDims(shape)) {
    type.mutable_shape()->add_dim()->set_dim_value(dim);
  }
}

}  // namespace

std::string OnnxBuilder::Add(const char* op, std::vector<std::string> inputs,
                             const std::vector<OnnxAttribute>& attributes) {
  onnx::NodeProto& node = *model_.mutable_graph()->add_node();
  const std::string name = FreeName(graph_, fmt::format("{}/{}{}", node_, op, unnamed_++));
  node.set_name(name);
  node.set_op_type(op);
  for (std::string& input : inputs) node.add_input(std::move(input));
  node.add_output(name);
  for (const OnnxAttribute& attribute : attributes) {
    onnx::AttributeProto& proto = *node.add_attribute();
    proto.set_name(attribute.name);
    std::visit([&](const auto& value) { SetValue(proto, value); }, attribute.value);
  }
  return name;
}

void OnnxBuilder::NameLast(const std::string& name) {
  onnx::GraphProto& graph = *model_.mutable_graph();
  onnx::NodeProto& node = *graph.mutable_node(graph.node_size() - 1);
  node.set_name(name);
  node.set_output(0, name);
}

template <class T>
std::string OnnxBuilder::Constant(const std::string& name, const Ints& dims,
                                  onnx::TensorProto::DataType type, std::span<const T> values) {
  onnx::TensorProto& tensor = *model_.mutable_graph()->add_initializer();
  tensor.set_name(FreeName(graph_, node_ + "." + name));
  tensor.set_data_type(type);
  for (const int64_t dim : dims) tensor.add_dims(dim);
  tensor.set_raw_data(values.data(), values.size_bytes());
  return tensor.name();
}

std::string OnnxBuilder::Floats(const std::string& name, const Ints& dims,
                                std::span<const float> values) {
  return Constant(name, dims, onnx::TensorProto::FLOAT, values);
}

std::string OnnxBuilder::Floats(const std::string& name, const Tensor& tensor) {
  Ints dims;
  for (int i = 0; i < tensor.shape().rank(); ++i) dims.push_back(tensor.shape()[i]);
  return Floats(name, dims, {tensor.data(), static_cast<size_t>(tensor.elements())});
}

std::string OnnxBuilder::Float(const std::string& name, float value) {
  return Floats(name, {}, {&value, 1});
}

std::string OnnxBuilder::Integers(const std::string& name, const Ints& values) {
  return Constant<int64_t>(name, {static_cast<int64_t>(values.size())}, onnx::TensorProto::INT64,
                           values);
}

std::string OnnxBuilder::Rounded(const std::string& name, const Quantization& bytes,
                                 const std::string& constants) {
  const auto zero_point = static_cast<uint8_t>(bytes.zero_point);
  const std::string scale = Float(constants + "scale", bytes.scale);
  const std::string zero =
      Constant<uint8_t>(constants + "zero_point", {}, onnx::TensorProto::UINT8, {&zero_point, 1});
  return Add("DequantizeLinear", {Add("QuantizeLinear", {name, scale, zero}), scale, zero});
}

std::string OnnxBuilder::Scaled(const std::string& name, const Ints& dims,
                                std::span<const int8_t> values, std::span<const float> scales) {
  const std::string integers = Constant(name, dims, onnx::TensorProto::INT8, values);
  const std::string scale = Floats(name + "_scale", {dims[0]}, scales);
  return Add("DequantizeLinear", {integers, scale}, {{"axis", 0}});
}

std::string OnnxBuilder::Scaled(const std::string& name, std::span<const int32_t> values,
                                std::span<const float> scales) {
  const Ints dims = {static_cast<int64_t>(values.size())};
  const std::string integers = Constant(name, dims, onnx::TensorProto::INT32, values);
  const std::string scale = Floats(name + "_scale", dims, scales);
  return Add("DequantizeLinear", {integers, scale}, {{"axis", 0}});
}

void OnnxBuilder::AddInput(const std::string& name, const Shape& shape) {
  Declare(*model_.mutable_graph()->add_input(), name, shape);
}

void OnnxBuilder::AddOutput(const std::string& name, const Shape& shape) {
  Declare(*model_.mutable_graph()->add_output(), name, shape);
}

void OnnxBuilder::AddMetadata(const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto& entry = *model_.add_metadata_props();
  entry.set_key(key);
  entry.set_value(value);
}

std::string OnnxBuilder::Finish(const std::string& graph_name) {
  model_.set_ir_version(kIrVersion);
  model_.set_producer_name("linnet");
  model_.add_opset_import()->set_version(kOpset);
  model_.mutable_graph()->set_name(graph_name);
  std::string bytes;
  if (!model_.SerializeToString(&bytes)) {
    Fail(ErrorKind::kUsage, "'{}' is too large for an ONNX file of less than 2 GB", graph_name);
  }
  return bytes;
}

}  // namespace linnet
