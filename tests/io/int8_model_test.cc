// Model files of networks that compute on bytes: written, read back, refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "io/model_file.h"
#include "ops/network.h"

namespace linnet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kGraph[] =
    "linnet-graph 1\nimage = input(height=12, width=12)\n"
    "q = activation(image, kind=identity) : u8(scale=0.02, zero_point=120)\n"
    "c = conv2d(q, out_channels=8, kernel=3, stride=2, padding=1, bias=true, act=relu6)"
    " : u8(scale=0.0235, zero_point=0)\n"
    "g = global_pool(c) : u8(scale=0.01, zero_point=0)\n"
    "f = flatten(g) : u8(scale=0.01, zero_point=0)\n"
    "fc = dense(f, out_features=3)\nreturn fc\n";

Model Int8Model() {
  Model model;
  model.graph = GraphFromText(kGraph);
  model.params = InitParams(model.graph, 3);
  for (const char* name : {"c.weight_scale", "fc.weight_scale"}) {
    Tensor& scale = model.params.at(name);
    for (int64_t i = 0; i < scale.elements(); ++i) scale.data()[i] = 0.003f;
  }
  model.pipeline.size = {12, 10};
  model.labels = {"cat", "dog", "owl"};
  return model;
}

TEST(Int8Model, RoundTripsAndAnswersTheSame) {
  const Model model = Int8Model();
  const std::string bytes = ModelToBytes(model);
  const Model read = ModelFromBytes(AsBytes(bytes), "test");
  EXPECT_EQ(read.graph, model.graph);
  EXPECT_EQ(read.graph.nodes[2].type, ValueType::U8({0.0235f, 0}));
  ASSERT_EQ(read.params.size(), model.params.size());
  for (const auto& [name, tensor] : model.params) {
    const Tensor& other = read.params.at(name);
    EXPECT_EQ(other.dtype(), name.ends_with(".weight") ? DType::kI8 : DType::kF32) << name;
    EXPECT_EQ(std::memcmp(other.data(), tensor.data(), tensor.bytes()), 0) << name;
  }
  EXPECT_EQ(VerifyModel(read, "test"), 0);
  EXPECT_EQ(ModelToBytes(read), bytes);
}

// The message of the Error(kFile) that a changed file gives.
template <class F>
std::string ErrorAfter(F&& change) {
  TensorFile file = TensorsFromBytes(AsBytes(ModelToBytes(Int8Model())), "test");
  for (auto& [name, tensor] : file.tensors) tensor = tensor.Clone();
  change(file);
  try {
    ModelFromBytes(AsBytes(TensorsToBytes(file.tensors, file.metadata)), "a.safetensors");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kFile) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("a.safetensors"));
    return error.what();
  }
  return "no error";
}

std::string ErrorOfGraph(std::string_view from, const std::string& to) {
  return ErrorAfter([&](TensorFile& file) {
    std::string& text = file.metadata["linnet.graph"];
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  });
}

TEST(Int8Model, HostileTensorsAreRefused) {
  EXPECT_EQ(ErrorAfter([](TensorFile&) {}), "no error");
  EXPECT_THAT(ErrorAfter([](TensorFile& file) { file.tensors.erase("c.weight_scale"); }),
              HasSubstr("'c.weight_scale' [8] is missing"));
  EXPECT_THAT(ErrorAfter([](TensorFile& file) {
                file.tensors["c.weight"] = Tensor(file.tensors["c.weight"].shape());
              }),
              HasSubstr("'c.weight': expected I8 [8,3,3,3], found F32 [8,3,3,3]"));
  EXPECT_THAT(
      ErrorAfter([](TensorFile& file) { file.tensors["c.bias"] = Tensor(Shape{8}, DType::kI8); }),
      HasSubstr("'c.bias': expected F32 [8], found I8 [8]"));
  EXPECT_THAT(
      ErrorAfter([](TensorFile& file) { file.tensors["c.weight_scale"] = Tensor(Shape{7}); }),
      HasSubstr("expected F32 [8], found F32 [7]"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float scale : {nan, infinity, 0.0f, -1.0f, 1e-30f, 1e30f}) {
    EXPECT_THAT(
        ErrorAfter([&](TensorFile& file) { file.tensors["fc.weight_scale"].data()[2] = scale; }),
        AllOf(HasSubstr("'fc.weight_scale'"), HasSubstr("expected a number from")))
        << scale;
  }
  for (const float bias : {nan, infinity}) {
    EXPECT_THAT(ErrorAfter([&](TensorFile& file) { file.tensors["c.bias"].data()[0] = bias; }),
                HasSubstr("'c.bias'"));
  }
  EXPECT_THAT(
      ErrorAfter([](TensorFile& file) { file.tensors["c.weight"].data<int8_t>()[5] = -128; }),
      HasSubstr("found -128"));
}

TEST(Int8Model, HostileTypesAreRefused) {
  EXPECT_THAT(ErrorOfGraph("scale=0.0235", "scale=nan"), HasSubstr("scale="));
  EXPECT_THAT(ErrorOfGraph("scale=0.0235", "scale=1e20"), HasSubstr("scale="));
  EXPECT_THAT(ErrorOfGraph("zero_point=120", "zero_point=256"), HasSubstr("zero_point=256"));
  EXPECT_THAT(ErrorOfGraph("zero_point=120", "zero_point=-1"), HasSubstr("zero_point=-1"));
  // The graph says float32, the tensors are bytes; and the other way round.
  EXPECT_THAT(ErrorOfGraph(" : u8(scale=0.0235, zero_point=0)", ""), HasSubstr("node 'c'"));
  EXPECT_THAT(ErrorOfGraph("dense(f, out_features=3)",
                           "dense(f, out_features=3) : u8(scale=1, zero_point=0)"),
              HasSubstr("output 'fc' is u8(scale=1, zero_point=0); expected f32"));
  EXPECT_THAT(ErrorOfGraph("act=relu6", "act=swish"), HasSubstr("act_scale"));
  EXPECT_THAT(ErrorOfGraph("act=relu6", "act=swish, act_scale=nan"), HasSubstr("scale="));
  EXPECT_THAT(ErrorOfGraph("act=relu6", "act=swish, act_scale=1, act_zero_point=999"),
              HasSubstr("zero_point=999"));
}

}  // namespace
}  // namespace linnet
