#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "archs/arch.h"
#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "io/model_file.h"
#include "io/params_file.h"
#include "random_graph.h"
#include "test_data.h"

namespace linnet {
namespace {

using ::testing::HasSubstr;

Model SmallModel() {
  Model model;
  model.graph = GraphFromText(
      "linnet-graph 1\nname small\nimage = input(height=12, width=12)\n"
      "c = conv2d(image, out_channels=8, kernel=3, stride=2, padding=1)\nb = batch_norm(c)\n"
      "r = activation(b)\nd = conv2d(r, out_channels=8, kernel=3, padding=1, groups=8)\n"
      "g = global_pool(d)\nf = flatten(g)\nfc = dense(f, out_features=3)\nreturn fc\n");
  model.params = testing::LivelyParams(model.graph, 3);
  model.pipeline.size = {12, 10};
  model.labels = {"cat", "d\xc3\xb6g \"2\"", "bird\n"};
  model.record = R"({"epochs":3})";
  return model;
}

// The message of the Error(kFile) that f must throw.
template <class F>
std::string FileError(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kFile) << error.what();
    return error.what();
  }
  return "no error";
}

// The model's file with its metadata changed and its checksum right again.
template <class F>
std::string Changed(F&& change) {
  TensorFile file = TensorsFromBytes(AsBytes(ModelToBytes(SmallModel())), "test");
  change(file);
  return TensorsToBytes(file.tensors, file.metadata);
}
template <class F>
std::string ChangedError(F&& change) {
  const std::string bytes = Changed(change);
  return FileError([&] { ModelFromBytes(AsBytes(bytes), "a.safetensors"); });
}

TEST(ModelFile, RoundTrip) {
  const Model model = SmallModel();
  const TemporaryFolder folder;
  const std::string path = folder / "a.safetensors";
  SaveModel(path, model);
  const Model read = LoadModel(path);
  EXPECT_EQ(read.graph, model.graph);
  EXPECT_EQ(read.pipeline, model.pipeline);
  EXPECT_EQ(read.labels, model.labels);
  EXPECT_EQ(read.record, model.record);
  ASSERT_EQ(read.params.size(), model.params.size());
  for (const auto& [name, tensor] : model.params) {
    EXPECT_EQ(std::memcmp(tensor.data(), read.params.at(name).data(), tensor.bytes()), 0) << name;
  }
  ASSERT_EQ(read.checks.size(), 2u);
  EXPECT_EQ(read.checks[0].output.size(), 3u);
  EXPECT_NE(read.checks[0].output, read.checks[1].output);
  EXPECT_EQ(VerifyModel(read, path), 0);
  ThreadPool pool(2);
  EXPECT_EQ(VerifyModel(read, path, &pool), 0);
  EXPECT_EQ(CompileModel(read, 2)->input_shape(), Shape({2, 12, 10, 3}));
  EXPECT_EQ(ModelToBytes(read), ReadFile(path));
}

// Of a later release, or of somebody else's.
TEST(ModelFile, MetadataThatItDoesNotKnowAreLeftAlone) {
  const std::string bytes = Changed([](TensorFile& file) {
    file.metadata["linnet.later"] = "{";
    file.metadata["of somebody else"] = "\xe2\x9c\x93";
  });
  const Model read = ModelFromBytes(AsBytes(bytes), "a.safetensors");
  EXPECT_EQ(ModelToBytes(read), ModelToBytes(SmallModel()));
}

TEST(ModelFile, VerifyNoticesAnotherAnswer) {
  Model model = ModelFromBytes(AsBytes(ModelToBytes(SmallModel())), "m");
  model.params.at("fc.bias").data()[1] += 0.1f;
  EXPECT_THAT(FileError([&] { VerifyModel(model, "m"); }), HasSubstr("differs by"));
  for (const int at : {0, 2}) {
    Model none = ModelFromBytes(AsBytes(ModelToBytes(SmallModel())), "m");
    none.params.at("fc.bias").data()[at] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(FileError([&] { VerifyModel(none, "m"); }), HasSubstr("differs by nan")) << at;
  }
  model.checks[0].output.pop_back();
  EXPECT_THAT(FileError([&] { VerifyModel(model, "m"); }), HasSubstr("2 numbers"));
}

TEST(ModelFile, RefusesAFileWithoutItsChecksum) {
  std::string bytes = ModelToBytes(SmallModel());
  const std::string key = kChecksumKey;
  bytes[bytes.find(key) + key.size() - 1] ^= 1;
  EXPECT_THAT(FileError([&] { ModelFromBytes(AsBytes(bytes), "m"); }),
              HasSubstr("linnet.checksum"));
}

TEST(ModelFile, LabelsThatAreNotUtf8AreKeptReadable) {
  Model model = SmallModel();
  model.labels[1] = "d\xf6g";
  EXPECT_EQ(ModelFromBytes(AsBytes(ModelToBytes(model)), "m").labels[1], "d\xef\xbf\xbdg");
}

// Labels are those of the answer, not of a head that helps training.
TEST(ModelFile, LabelsOfANetworkWithAnAuxiliaryHead) {
  Model model = SmallModel();
  model.graph = GraphFromText(
      "linnet-graph 1\nname small\nimage = input(height=12, width=12)\n"
      "c = conv2d(image, out_channels=8, kernel=3, stride=2, padding=1)\n"
      "g = global_pool(c)\nf = flatten(g)\naux = dense(f, out_features=7)\n"
      "fc = dense(f, out_features=3)\nreturn aux*0.3, fc\n");
  model.params = testing::LivelyParams(model.graph, 3);
  EXPECT_EQ(ModelFromBytes(AsBytes(ModelToBytes(model)), "m").labels.size(), 3u);
}

TEST(ModelFile, SavingRefusesWhatDoesNotFit) {
  Model model = SmallModel();
  model.labels.pop_back();
  EXPECT_THROW(ModelToBytes(model), Error);
  model = SmallModel();
  model.params.erase("c.weight");
  EXPECT_THROW(ModelToBytes(model), Error);
  model = SmallModel();
  model.params["fc.bias"] = model.params["fc.bias"].Clone();
  model.params["fc.bias"].data()[0] = NAN;
  try {
    ModelToBytes(model);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("diverged"));
  }
}

TEST(ModelFile, RefusesWhatDoesNotFit) {
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.metadata.erase("linnet.graph"); }),
              HasSubstr("a.safetensors: expected a model written by Linnet"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.metadata["linnet.format"] = "2"; }),
              HasSubstr("later release"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.metadata["linnet.graph"] = "graph"; }),
              HasSubstr("expected 'linnet-graph 1'"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.metadata["linnet.pipeline"] = "{\"size\":0}"; }),
              HasSubstr("pipeline"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.metadata["linnet.pipeline"] = "{"; }),
              HasSubstr("damaged metadata"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.metadata["linnet.labels"] = "[1]"; }),
              HasSubstr("damaged metadata"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.metadata["linnet.labels"] = "[\"a\"]"; }),
              HasSubstr("3 outputs, but there are 1 labels"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.metadata["linnet.record"] = "{"; }),
              HasSubstr("not JSON"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.tensors.erase("b.running_var"); }),
              HasSubstr("'b.running_var' [8] is missing"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.tensors["x"] = Tensor(Shape{1}); }),
              HasSubstr("expected 8 tensors"));
  EXPECT_THAT(ChangedError([](TensorFile& f) { f.tensors["fc.bias"] = Tensor(Shape{4}); }),
              HasSubstr("expected F32 [3], found F32 [4]"));
  EXPECT_THAT(
      ChangedError([](TensorFile& f) { f.tensors["fc.bias"] = Tensor(Shape{3}, DType::kI32); }),
      HasSubstr("found I32"));
}

// Graphs that would take absurd memory or overflow are refused before anything is allocated.
TEST(ModelFile, RefusesHostileGraphs) {
  const char* const graphs[] = {
      "image = input(height=100000, width=100000)\nreturn image\n",
      "image = input(channels=-3)\nreturn image\n",
      "image = input()\ng = pool(image, padding=1000000, kernel=1, stride=1)\nreturn g\n",
      "image = input()\ng = pool(image, padding=2147483647, kernel=1, stride=1)\nreturn g\n",
      "image = input()\ng = pool(image, kernel=2147483647)\nreturn g\n",
      "image = input()\ng = pool(image, kernel=2147483647, padding=same, stride=1)\nreturn g\n",
      "image = input()\ng = pool(image, stride=0)\nreturn g\n",
      "image = input()\ng = pool(image, stride=-1)\nreturn g\n",
      "image = input()\nc = conv2d(image, out_channels=3, kernel=2147483647, "
      "dilation=2147483647, padding=same)\nreturn c\n",
      "image = input()\nc = conv2d(image, out_channels=2147483647, groups=3)\nreturn c\n",
      "image = input()\nc = conv2d(image, out_channels=3, groups=0)\nreturn c\n",
      "image = input()\nc = conv2d(image, out_channels=-3, groups=-3)\nreturn c\n",
      "image = input()\nf = flatten(image)\nd = dense(f, out_features=2147483647)\nreturn d\n",
      "image = input()\nb = batch_norm(image, eps=nan)\nreturn b\n",
      "image = input()\nb = add(image)\nreturn b\n",
      "image = input()\nb = concat()\nreturn b\n",
      "image = input()\nb = input()\nreturn b\n",
      "image = input()\nf = flatten(image)\ng = global_pool(f)\nreturn g\n",
      "image = input()\nf = flatten(image)\nm = mul(f, image)\nreturn m\n",
  };
  for (const char* graph : graphs) {
    const std::string message = ChangedError([&](TensorFile& file) {
      file.metadata["linnet.graph"] = std::string("linnet-graph 1\n") + graph;
      file.metadata["linnet.labels"] = "[]";
      file.tensors.clear();
    });
    EXPECT_THAT(message, ::testing::StartsWith("a.safetensors: ")) << graph;
    // For what the graph says, not for the weights that it would want.
    EXPECT_THAT(message, ::testing::Not(HasSubstr("is missing"))) << graph;
  }
  // Forty doublings of channels; a graph too long to be read.
  std::string doubling = "linnet-graph 1\nimage = input()\nn0 = concat(image, image)\n";
  for (int i = 0; i < 60; ++i) {
    doubling += fmt::format("n{} = concat(n{}, n{})\n", i + 1, i, i);
  }
  const std::string message = ChangedError([&](TensorFile& file) {
    file.metadata["linnet.graph"] = doubling + "return n60\n";
    file.tensors.clear();
  });
  EXPECT_THAT(message, HasSubstr("too large"));
  EXPECT_THAT(ChangedError([&](TensorFile& file) {
                file.metadata["linnet.graph"] = std::string(2 << 20, '#');
              }),
              HasSubstr("at most"));
}

// ---- weights of other frameworks ----

Tensor Oihw(const Tensor& ohwi) {
  const Shape& s = ohwi.shape();
  Tensor result(Shape{s[0], s[3], s[1], s[2]});
  for (int64_t o = 0; o < s[0]; ++o) {
    for (int64_t h = 0; h < s[1]; ++h) {
      for (int64_t w = 0; w < s[2]; ++w) {
        for (int64_t i = 0; i < s[3]; ++i) {
          result.data()[((o * s[3] + i) * s[1] + h) * s[2] + w] =
              ohwi.data()[((o * s[1] + h) * s[2] + w) * s[3] + i];
        }
      }
    }
  }
  return result;
}

// What another tool would write: no metadata at all.
std::string ForeignFile(const TensorMap& tensors) {
  std::string json, data;
  for (const auto& [name, tensor] : tensors) {
    json += fmt::format("{}\"{}\":{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}}",
                        json.empty() ? "" : ",", name, DTypeName(tensor.dtype()),
                        tensor.shape().ToString(), data.size(), data.size() + tensor.bytes());
    data.append(tensor.data<char>(), tensor.bytes());
  }
  json = "{" + json + "}";
  const uint64_t length = json.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + json + data;
}

TEST(Params, ForeignWeightsAreTransposed) {
  const Graph graph = BuildArch("mobilenet_v1:width=0.25,size=64,classes=13");
  const ParamMap params = testing::LivelyParams(graph, 3);
  TensorMap foreign;
  for (const auto& [name, tensor] : params) {
    foreign[name] = tensor.shape().rank() == 4 ? Oihw(tensor) : tensor;
    if (name.ends_with("running_var")) {
      foreign[name.substr(0, name.size() - 11) + "num_batches_tracked"] =
          Tensor(Shape{}, DType::kI64);
    }
  }
  const ParamMap read = ParamsFromBytes(AsBytes(ForeignFile(foreign)), "f", graph);
  ASSERT_EQ(read.size(), params.size());
  for (const auto& [name, tensor] : params) {
    EXPECT_EQ(std::memcmp(tensor.data(), read.at(name).data(), tensor.bytes()), 0) << name;
  }
  // Our own file is taken as it is.
  const ParamMap own = ParamsFromBytes(AsBytes(TensorsToBytes(params)), "f", graph);
  for (const auto& [name, tensor] : params) {
    EXPECT_EQ(std::memcmp(tensor.data(), own.at(name).data(), tensor.bytes()), 0) << name;
  }
}

TEST(Params, HalfPrecisionAndPointwiseDense) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(channels=2)\ng = global_pool(image)\nf = flatten(g)\n"
      "fc = dense(f, out_features=2)\nreturn fc\n");
  Tensor weight(Shape{2, 2, 1, 1}, DType::kF16), bias(Shape{2}, DType::kBF16);
  const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7bff};  // 1, -2, 2^-24, 65504
  const uint16_t wide[] = {0x3f80, 0xc040};                    // 1, -3
  std::memcpy(weight.data<char>(), halves, 8);
  std::memcpy(bias.data<char>(), wide, 4);
  const ParamMap read =
      ParamsFromBytes(AsBytes(ForeignFile({{"fc.weight", weight}, {"fc.bias", bias}})), "f", graph);
  const float* w = read.at("fc.weight").data();
  EXPECT_EQ(std::vector<float>(w, w + 4), (std::vector<float>{1, -2, 0x1p-24f, 65504}));
  EXPECT_EQ(read.at("fc.weight").shape(), Shape({2, 2}));
  EXPECT_EQ(read.at("fc.bias").data()[1], -3);
}

// Of two windows, a row is no column.
TEST(Params, AWindowIsNotTurned) {
  const Graph graph = GraphFromText(
      "linnet-graph 1\nimage = input(channels=8)\n"
      "c = conv2d(image, out_channels=16, kernel=3,1)\nreturn c\n");
  const TensorMap tensors = {{"c.weight", Tensor(Shape{16, 8, 1, 3})}};
  EXPECT_THAT(FileError([&] { ParamsFromBytes(AsBytes(ForeignFile(tensors)), "f", graph); }),
              HasSubstr("not as expected: c.weight"));
}

TEST(Params, SaysWhatIsMissingAndUnexpected) {
  const Graph graph = SmallModel().graph;
  TensorMap tensors = InitParams(graph, 1);
  tensors["classifier.weight"] = tensors.extract("fc.weight").mapped();
  tensors["c.weight"] = Tensor(Shape{8, 3, 5, 5});
  const std::string message =
      FileError([&] { ParamsFromBytes(AsBytes(ForeignFile(tensors)), "f.safetensors", graph); });
  EXPECT_THAT(message, HasSubstr("f.safetensors: "));
  EXPECT_THAT(message, HasSubstr("missing: fc.weight"));
  EXPECT_THAT(message, HasSubstr("unexpected: classifier.weight"));
  EXPECT_THAT(message,
              HasSubstr("not as expected: c.weight F32 [8,3,5,5] (expected F32 [8,3,3,3])"));
}

}  // namespace
}  // namespace linnet
