// What is in the file. That other tools compute the same from it is tested in
// tests/parity/onnxruntime_test.cc.
#include "io/onnx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx.pb.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "archs/arch.h"
#include "base/error.h"
#include "io/weight_layout.h"
#include "random_graph.h"

namespace linnet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A file, with its parts by name.
class Exported {
 public:
  explicit Exported(const std::string& bytes) {
    EXPECT_TRUE(model_.ParseFromString(bytes));
    for (const onnx::TensorProto& tensor : graph().initializer()) {
      EXPECT_TRUE(constants_.emplace(tensor.name(), &tensor).second) << tensor.name();
    }
  }
  Exported(const Graph& graph, const ParamMap& params) : Exported(ToOnnx(graph, params)) {}

  const onnx::ModelProto& model() const { return model_; }
  const onnx::GraphProto& graph() const { return model_.graph(); }
  bool Has(const std::string& constant) const { return constants_.count(constant) > 0; }
  std::vector<int64_t> Dims(const std::string& constant) const {
    const auto& dims = constants_.at(constant)->dims();
    return {dims.begin(), dims.end()};
  }
  template <class T>
  std::vector<T> Numbers(const std::string& constant) const {
    const std::string& bytes = constants_.at(constant)->raw_data();
    std::vector<T> numbers(bytes.size() / sizeof(T));
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return numbers;
  }
  // "Conv Relu": what was made of one node, in order.
  std::string Ops() const {
    std::string ops;
    for (const onnx::NodeProto& node : graph().node()) {
      ops += (ops.empty() ? "" : " ") + node.op_type();
    }
    return ops;
  }
  // The first node of this operation.
  const onnx::NodeProto& Node(const std::string& op) const {
    for (const onnx::NodeProto& node : graph().node()) {
      if (node.op_type() == op) return node;
    }
    ADD_FAILURE() << "there is no " << op << " in " << Ops();
    return graph().node(0);
  }

 private:
  onnx::ModelProto model_;
  std::map<std::string, const onnx::TensorProto*> constants_;
};

const onnx::AttributeProto& Attribute(const onnx::NodeProto& node, const std::string& name) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.name() == name) return attribute;
  }
  ADD_FAILURE() << node.name() << " has no " << name;
  return node.attribute(0);
}
std::vector<int64_t> IntsOf(const onnx::NodeProto& node, const std::string& name) {
  const auto& ints = Attribute(node, name).ints();
  return {ints.begin(), ints.end()};
}

std::vector<int64_t> DimsOf(const onnx::ValueInfoProto& value) {
  std::vector<int64_t> dims;
  for (const auto& dim : value.type().tensor_type().shape().dim()) dims.push_back(dim.dim_value());
  return dims;
}

std::vector<std::string> InputsOf(const onnx::NodeProto& node) {
  return {node.input().begin(), node.input().end()};
}

Graph FromNodes(const std::string& nodes) {
  return GraphFromText("linnet-graph 1\nname n\nimage = input(height=6, width=5, channels=8)\n" +
                       nodes);
}

Exported Export(const std::string& nodes) {
  const Graph graph = FromNodes(nodes);
  return {graph, testing::LivelyParams(graph, 3)};
}

TEST(Onnx, ASmallNetwork) {
  const Graph graph = FromNodes(
      "conv = conv2d(image, out_channels=12, kernel=3,2, stride=2,1, padding=1,0,2,1, groups=4)\n"
      "bn = batch_norm(conv)\n"
      "relu = activation(bn, kind=relu6)\n"
      "pool = global_pool(relu)\n"
      "flat = flatten(pool)\n"
      "drop = dropout(flat)\n"
      "fc = dense(drop, out_features=3)\n"
      "return fc\n");
  const ParamMap params = testing::LivelyParams(graph, 3);
  const Exported file(graph, params);
  EXPECT_EQ(file.Ops(), "Conv Clip GlobalAveragePool Flatten Gemm");
  EXPECT_EQ(file.model().producer_name(), "linnet");
  ASSERT_EQ(file.model().opset_import_size(), 1);
  EXPECT_EQ(file.model().opset_import(0).version(), 17);
  ASSERT_EQ(file.graph().input_size(), 1);
  EXPECT_EQ(file.graph().input(0).name(), "image");
  EXPECT_THAT(DimsOf(file.graph().input(0)), ElementsAre(1, 8, 6, 5));
  ASSERT_EQ(file.graph().output_size(), 1);
  EXPECT_EQ(file.graph().output(0).name(), "fc");
  EXPECT_THAT(DimsOf(file.graph().output(0)), ElementsAre(1, 3));

  const onnx::NodeProto& conv = file.Node("Conv");
  EXPECT_THAT(InputsOf(conv), ElementsAre("image", "conv.weight", "conv.bias"));
  EXPECT_EQ(conv.output(0), "conv");
  EXPECT_THAT(IntsOf(conv, "kernel_shape"), ElementsAre(3, 2));
  EXPECT_THAT(IntsOf(conv, "strides"), ElementsAre(2, 1));
  EXPECT_THAT(IntsOf(conv, "pads"), ElementsAre(1, 0, 2, 1));  // top, left, bottom, right
  EXPECT_EQ(Attribute(conv, "group").i(), 4);
  EXPECT_THAT(file.Dims("conv.weight"), ElementsAre(12, 2, 3, 2));  // OIHW
  // Batch norm is in the weights: [o][i][y][x] is ours at [o][y][x][i], times its scale.
  const double scale =
      params.at("bn.weight").data()[1] / std::sqrt(params.at("bn.running_var").data()[1] + 1e-5);
  EXPECT_NEAR(file.Numbers<float>("conv.weight")[((1 * 2 + 1) * 3 + 2) * 2 + 1],
              scale * params.at("conv.weight").data()[((1 * 3 + 2) * 2 + 1) * 2 + 1], 1e-6);

  EXPECT_THAT(InputsOf(file.Node("Clip")), ElementsAre("conv", "relu.least", "relu.most"));
  EXPECT_THAT(file.Numbers<float>("relu.most"), ElementsAre(6));
  const onnx::NodeProto& fc = file.Node("Gemm");
  EXPECT_THAT(InputsOf(fc), ElementsAre("flat", "fc.weight", "fc.bias"));
  EXPECT_EQ(Attribute(fc, "transB").i(), 1);
  EXPECT_THAT(file.Dims("fc.weight"), ElementsAre(3, 12));
}

TEST(Onnx, PaddingSameIsSpeltOut) {
  const Exported file =
      Export("c = conv2d(image, out_channels=4, kernel=3, stride=2, padding=same)\nreturn c\n");
  EXPECT_THAT(IntsOf(file.Node("Conv"), "pads"), ElementsAre(0, 1, 1, 1));
}

// Where the size is rounded up, the padding makes the windows, and ceil_mode is not needed.
TEST(Onnx, PoolingThatRoundsUp) {
  const auto pads = [](const char* fields) {
    return IntsOf(
        Export("p = pool(image, " + std::string(fields) + ")\nreturn p\n").Node("MaxPool"), "pads");
  };
  EXPECT_THAT(pads("kernel=3, ceil=true"), ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(pads("kernel=2, padding=1, ceil=true"), ElementsAre(1, 1, 1, 0));
  EXPECT_THAT(pads("kernel=1, stride=3, ceil=true"), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(pads("kernel=3, padding=1"), ElementsAre(1, 1, 1, 1));
  const Exported average = Export(
      "p = pool(image, kind=average, kernel=3, padding=1, count_include_pad=true)\n"
      "return p\n");
  EXPECT_EQ(Attribute(average.Node("AveragePool"), "count_include_pad").i(), 1);
}

TEST(Onnx, AChannelIsAxisOne) {
  const Exported file = Export(
      "s = slice(image, axis=channel, begin=2, end=-1)\n"
      "h = slice(image, axis=height, begin=-2)\n"
      "c = concat(s, image)\n"
      "p = softmax(c)\n"
      "return p, h\n");
  EXPECT_EQ(file.Ops(), "Slice Slice Concat Softmax");
  EXPECT_THAT(file.Numbers<int64_t>("s.begin"), ElementsAre(2));
  EXPECT_THAT(file.Numbers<int64_t>("s.end"), ElementsAre(-1));
  EXPECT_THAT(file.Numbers<int64_t>("s.axis"), ElementsAre(1));
  EXPECT_THAT(file.Numbers<int64_t>("h.axis"), ElementsAre(2));
  EXPECT_THAT(file.Numbers<int64_t>("h.end"), ElementsAre(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(Attribute(file.Node("Concat"), "axis").i(), 1);
  EXPECT_EQ(Attribute(file.Node("Softmax"), "axis").i(), 1);
  ASSERT_EQ(file.graph().output_size(), 2);
  EXPECT_THAT(DimsOf(file.graph().output(0)), ElementsAre(1, 13, 6, 5));
}

TEST(Onnx, WhatOneNodeBecomes) {
  const auto ops = [](const char* node) { return Export(node + std::string("return x\n")).Ops(); };
  EXPECT_EQ(ops("x = activation(image, kind=swish)\n"), "Sigmoid Mul");
  EXPECT_EQ(ops("x = activation(image, kind=hard_swish)\n"), "HardSwish");
  EXPECT_EQ(ops("x = activation(image, kind=scaled_tanh)\n"), "Mul Tanh Mul");
  EXPECT_EQ(ops("x = channel_shuffle(image, groups=4)\n"), "Reshape Transpose Reshape");
  EXPECT_EQ(ops("x = add(image, image, scale=0.3, act=relu)\n"), "Mul Add Relu");
  EXPECT_EQ(ops("x = conv2d(image, image, out_channels=8, residual=true, act=elu)\n"),
            "Conv Add Elu");
  EXPECT_EQ(ops("x = flatten(image, order=hwc)\n"), "Transpose Flatten");
  EXPECT_EQ(ops("x = flatten(image)\n"), "Flatten");
  EXPECT_EQ(ops("x = l2_norm(image)\n"), "ReduceL2 Add Div Mul");
  EXPECT_EQ(ops("x = channel_pool(image, kind=max)\n"), "ReduceMax");
  EXPECT_EQ(ops("x = subsampling(image)\n"), "Conv");
}

TEST(Onnx, ALinkThatIsNotThereIsZero) {
  const Graph graph = FromNodes("c = partial_conv2d(image, links=1+2+2;0, kernel=2)\nreturn c\n");
  const ParamMap params = testing::LivelyParams(graph, 3);
  const Exported file(graph, params);
  EXPECT_THAT(file.Dims("c.weight"), ElementsAre(2, 8, 2, 2));
  const std::vector<float> weight = file.Numbers<float>("c.weight");
  const float* links = params.at("c.weight").data();
  EXPECT_EQ(weight[0], 0);                        // output 0 does not see map 0
  EXPECT_EQ(weight[1 * 4 + 3], links[3]);         // its first link is map 1
  EXPECT_EQ(weight[2 * 4], links[4] + links[8]);  // map 2 is there twice
  EXPECT_EQ(weight[8 * 4], links[12]);            // output 1 sees map 0, the fourth link
  EXPECT_EQ(weight[8 * 4 + 4], 0);
}

// A layer that reads bytes has weights of bytes, by channel; its sums are in steps of both scales.
TEST(Onnx, ValuesOfBytes) {
  const Graph graph = FromNodes(
      "c = conv2d(image, out_channels=4, kernel=3, bias=true)\nr = activation(c)\n"
      "d = conv2d(r, out_channels=2)\nreturn d\n");
  const ParamMap params = testing::LivelyParams(graph, 3);
  const Exported file(ToOnnx(graph, params, {}, {{"image", {0.5f, 3}}, {"r", {0.25f, 0}}}));
  EXPECT_EQ(file.Ops(),
            "QuantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear Conv Relu "
            "QuantizeLinear DequantizeLinear DequantizeLinear Conv");
  EXPECT_THAT(InputsOf(file.Node("QuantizeLinear")),
              ElementsAre("image", "image.scale", "image.zero_point"));
  EXPECT_THAT(file.Numbers<float>("image.scale"), ElementsAre(0.5f));
  EXPECT_THAT(file.Numbers<uint8_t>("image.zero_point"), ElementsAre(3));
  EXPECT_THAT(file.Dims("c.weight"), ElementsAre(4, 8, 3, 3));
  const std::vector<int8_t> bytes = file.Numbers<int8_t>("c.weight");
  const std::vector<float> scales = file.Numbers<float>("c.weight_scale");
  const Tensor real = ToOihw(params.at("c.weight"));
  int largest[4] = {};
  for (int64_t i = 0; i < real.elements(); ++i) {
    const int64_t channel = i / (8 * 3 * 3);
    EXPECT_NEAR(bytes[i] * scales[channel], real.data()[i], 0.51f * scales[channel]);
    largest[channel] = std::max(largest[channel], std::abs(int{bytes[i]}));
  }
  EXPECT_THAT(largest, ElementsAre(127, 127, 127, 127));
  EXPECT_FLOAT_EQ(file.Numbers<float>("c.bias_scale")[2], 0.5f * scales[2]);
  EXPECT_NEAR(file.Numbers<int32_t>("c.bias")[2] * 0.5f * scales[2], params.at("c.bias").data()[2],
              0.26f * scales[2]);
  EXPECT_EQ(file.graph().output(0).name(), "d");
}

// A filter of nothing, or of nearly nothing, has a bias that would take more than 32 bits in steps
// of its weights.
TEST(Onnx, TheBiasOfAFilterThatIsHardlyThere) {
  const Graph graph = FromNodes(
      "q = activation(image, kind=identity) : u8(scale=0.02, zero_point=3)\n"
      "c = conv2d(q, out_channels=3, bias=true) : u8(scale=0.25, zero_point=9)\n"
      "g = global_pool(c) : u8(scale=0.25, zero_point=9)\n"
      "f = flatten(g) : u8(scale=0.25, zero_point=9)\n"
      "d = dense(f, out_features=2)\nreturn d\n");
  ParamMap params = InitParams(graph, 3);
  std::fill_n(Tensor(params.at("c.weight")).data<int8_t>(), 3 * 8, int8_t{100});
  std::fill_n(Tensor(params.at("c.weight")).data<int8_t>(), 8, int8_t{0});
  const float scales[] = {0x1p-40f, 0x1p-40f, 0.01f}, biases[] = {0.3f, -0.2f, 0.1f};
  std::copy_n(scales, 3, params.at("c.weight_scale").data());
  std::copy_n(biases, 3, params.at("c.bias").data());
  const Exported file(graph, params);
  const auto steps = file.Numbers<int32_t>("c.bias");
  const auto units = file.Numbers<float>("c.bias_scale");
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(static_cast<double>(steps[i]) * units[i], biases[i], 1e-4) << i;
    EXPECT_LE(std::abs(int64_t{steps[i]}), 1 << 29) << i;
  }
  EXPECT_EQ(file.Numbers<int8_t>("c.weight")[8], 0);  // too small beside its bias
  EXPECT_EQ(file.Numbers<int8_t>("c.weight")[16], 100);
}

// A network that ends in bytes has a result of the name that its conversion has.
TEST(Onnx, AnOutputHasTheNameOfItsNode) {
  const Graph graph = FromNodes(
      "q = activation(image, kind=identity) : u8(scale=0.5, zero_point=3)\n"
      "g = global_pool(q) : u8(scale=0.5, zero_point=3)\n"
      "out = activation(g, kind=identity)\nreturn out\n");
  const Exported file(graph, InitParams(graph, 3));
  EXPECT_EQ(file.graph().output(0).name(), "out");
  EXPECT_EQ(file.Node("Identity").output(0), "out");
}

// Both numbers of a scaled sum of bytes: its factor, and the scale of its bytes.
TEST(Onnx, AScaledSumOfBytes) {
  const Graph graph = FromNodes(
      "a = conv2d(image, out_channels=4)\nb = conv2d(image, out_channels=4)\n"
      "s = add(a, b, scale=0.5)\nreturn s\n");
  const ParamMap params = testing::LivelyParams(graph, 3);
  const Exported file(ToOnnx(graph, params, {}, {{"s", {0.25f, 3}}}));
  EXPECT_THAT(file.Numbers<float>("s.factor"), ElementsAre(0.5f));
  EXPECT_THAT(file.Numbers<float>("s.scale"), ElementsAre(0.25f));
}

// A quantized network keeps its own bytes; a table's activation is applied to bytes, too.
TEST(Onnx, AQuantizedNetwork) {
  const Graph graph = FromNodes(
      "q = activation(image, kind=identity) : u8(scale=0.5, zero_point=3)\n"
      "c = conv2d(q, out_channels=4, kernel=3, padding=1, act=hard_swish, act_scale=0.125, "
      "act_zero_point=128) : u8(scale=0.25, zero_point=9)\n"
      "g = global_pool(c) : u8(scale=0.25, zero_point=9)\n"
      "f = flatten(g) : u8(scale=0.25, zero_point=9)\n"
      "d = dense(f, out_features=2)\nreturn d\n");
  ParamMap params = InitParams(graph, 3);
  const Tensor& weight = params.at("c.weight");
  ASSERT_EQ(weight.dtype(), DType::kI8);
  for (int64_t i = 0; i < weight.elements(); ++i) {
    Tensor(weight).data<int8_t>()[i] = static_cast<int8_t>(i % 255 - 127);
  }
  const Exported file(graph, params);
  EXPECT_EQ(file.Ops(),
            "QuantizeLinear DequantizeLinear DequantizeLinear Conv QuantizeLinear "
            "DequantizeLinear HardSwish QuantizeLinear DequantizeLinear GlobalAveragePool "
            "QuantizeLinear DequantizeLinear Flatten QuantizeLinear DequantizeLinear "
            "DequantizeLinear DequantizeLinear Gemm");
  EXPECT_THAT(file.Numbers<float>("c.act_scale"), ElementsAre(0.125f));
  EXPECT_THAT(file.Numbers<uint8_t>("c.act_zero_point"), ElementsAre(128));
  EXPECT_THAT(file.Numbers<float>("c.scale"), ElementsAre(0.25f));
  EXPECT_THAT(file.Dims("c.weight"), ElementsAre(4, 8, 3, 3));
  // [o=1][i=2][y=1][x=0] is ours at [1][1][0][2].
  EXPECT_EQ(file.Numbers<int8_t>("c.weight")[((1 * 8 + 2) * 3 + 1) * 3],
            weight.data<int8_t>()[((1 * 3 + 1) * 3 + 0) * 8 + 2]);
  EXPECT_EQ(file.Numbers<float>("c.weight_scale")[3], params.at("c.weight_scale").data()[3]);
}

// A network whose result is an operation without effect ends in what feeds it.
TEST(Onnx, WhatHasNoEffectIsGone) {
  const Exported file = Export(
      "c = conv2d(image, out_channels=4)\na = activation(c, kind=identity)\nd = drop_path(a)\n"
      "aux = conv2d(a, out_channels=2)\nreturn d, aux*0.3\n");
  EXPECT_EQ(file.Ops(), "Conv");
  ASSERT_EQ(file.graph().output_size(), 1);
  EXPECT_EQ(file.graph().output(0).name(), "c");
  EXPECT_FALSE(file.Has("aux.weight"));
}

TEST(Onnx, SaysWhatItCannotWrite) {
  const auto error = [](const char* nodes) {
    try {
      Export(nodes);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(error("p = pool(image)\nu = max_unpool(p, image)\nreturn u\n"),
              StartsWith("'u' (max_unpool) cannot be written as ONNX: "));
  EXPECT_THAT(error("o = conv2d(image, out_channels=18)\n"
                    "d = deform_conv2d(image, o, out_channels=3, padding=1)\nreturn d\n"),
              HasSubstr("'d' (deform_conv2d)"));
  EXPECT_THAT(error("p = pool(image, kind=average, kernel=4, stride=3, padding=1, ceil=true, "
                    "count_include_pad=true)\nreturn p\n"),
              HasSubstr("'p' (pool)"));
}

// In order, each value made once and before it is read.
void ExpectWellFormed(const Exported& file) {
  std::set<std::string> known = {""};  // an input that is left out
  for (const auto& input : file.graph().input()) known.insert(input.name());
  for (const auto& tensor : file.graph().initializer()) known.insert(tensor.name());
  for (const onnx::NodeProto& node : file.graph().node()) {
    for (const std::string& input : node.input()) EXPECT_TRUE(known.count(input)) << input;
    EXPECT_TRUE(known.insert(node.output(0)).second) << node.output(0);
  }
  for (const auto& output : file.graph().output()) {
    EXPECT_TRUE(known.count(output.name())) << output.name();
  }
}

// 14 rows to 16: by a factor in float32, row 8 would come from row 6.
TEST(Onnx, NearestPixelsOfAFactorThatIsNotWhole) {
  const auto resized = [](const std::string& nodes) {
    const Graph graph =
        GraphFromText("linnet-graph 1\nimage = input(height=14, width=7)\n" + nodes);
    return Exported(graph, testing::LivelyParams(graph, 1));
  };
  const Exported whole = resized("up = resize(image, scale=2)\nreturn up\n");
  EXPECT_EQ(whole.Ops(), "Resize");
  const Exported broken = resized("up = resize(image, height=16, width=14)\nreturn up\n");
  EXPECT_EQ(broken.Ops(), "Gather Gather");
  EXPECT_THAT(broken.Numbers<int64_t>("up.rows"),
              ElementsAre(0, 0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 12, 13));
}

TEST(Onnx, NamesThatNodesHaveAlready) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=4, width=4)\n"
      "c = conv2d(image, out_channels=3, bias=true)\nc.bias = activation(c, kind=swish)\n"
      "c.bias/Sigmoid0 = conv2d(c.bias, out_channels=3)\nc.weight = add(c.bias/Sigmoid0, c)\n"
      "return c.weight\n");
  const Exported file(graph, testing::LivelyParams(graph, 1));
  std::set<std::string> names;
  for (const auto& tensor : file.graph().initializer()) names.insert(tensor.name());
  for (const auto& node : file.graph().node()) {
    EXPECT_TRUE(names.insert(node.output(0)).second) << node.output(0);
  }
  for (const char* name : {"c", "c.bias", "c.bias/Sigmoid0", "c.weight"}) {
    EXPECT_EQ(names.count(name), 1u) << name;
  }
}

TEST(Onnx, RandomNetworksAreWellFormed) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const Graph graph = testing::RandomGraph(seed);
    ExpectWellFormed({graph, testing::LivelyParams(graph, seed)});
  }
}

TEST(Onnx, OfAModelItIsThePipelinesSizeWithItsLabels) {
  Model model;
  model.graph = GraphFromText(
      "linnet-graph 1\nname m\nimage = input(height=32, width=32)\n"
      "g = global_pool(image)\nf = flatten(g)\nfc = dense(f, out_features=2)\nreturn fc\n");
  model.params = testing::LivelyParams(model.graph, 3);
  model.pipeline.size = {12, 10};
  model.labels = {"cat", "dog"};
  const Exported file(ToOnnx(model, 4));
  EXPECT_THAT(DimsOf(file.graph().input(0)), ElementsAre(4, 3, 12, 10));
  ASSERT_EQ(file.model().metadata_props_size(), 2);
  EXPECT_EQ(file.model().metadata_props(1).key(), "linnet.labels");
  EXPECT_EQ(file.model().metadata_props(1).value(), R"(["cat","dog"])");
}

// A model's weights are those of its pipeline's size, which need not be the graph's own.
TEST(Onnx, WeightsOfAnotherSizeThanTheGraphs) {
  Model model;
  model.graph = GraphFromText(
      "linnet-graph 1\nname m\nimage = input(height=32, width=32)\n"
      "f = flatten(image)\nfc = dense(f, out_features=2)\nreturn fc\n");
  model.params = {{"fc.weight", Tensor(Shape{2, 12 * 10 * 3})}, {"fc.bias", Tensor(Shape{2})}};
  model.pipeline.size = {12, 10};
  const Exported file(ToOnnx(model));
  EXPECT_THAT(file.Dims("fc.weight"), ElementsAre(2, 360));
}

TEST(WeightLayout, ThereAndBack) {
  Tensor oihw(Shape{2, 3, 4, 5});
  for (int64_t i = 0; i < oihw.elements(); ++i) oihw.data()[i] = static_cast<float>(i);
  const Tensor ohwi = ToOhwi(oihw);
  EXPECT_EQ(ohwi.shape(), Shape({2, 4, 5, 3}));
  EXPECT_EQ(ohwi.data()[((1 * 4 + 2) * 5 + 3) * 3 + 1], oihw.data()[((1 * 3 + 1) * 4 + 2) * 5 + 3]);
  const Tensor back = ToOihw(ohwi);
  EXPECT_EQ(back.shape(), oihw.shape());
  EXPECT_EQ(std::memcmp(back.data(), oihw.data(), oihw.bytes()), 0);
}

}  // namespace
}  // namespace linnet
