// A valid model file, mutated: only Error may come out, whatever the bytes say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/safetensors.h"
#include "io/model_file.h"
#include "random_graph.h"

namespace linnet {
namespace {

using ::testing::HasSubstr;

Model TinyModel() {
  Model model;
  model.graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=6, width=6, channels=1)\n"
      "c = conv2d(image, out_channels=4, kernel=3, stride=2, padding=1)\nb = batch_norm(c)\n"
      "r = activation(b, kind=relu6)\np = pool(r, kernel=2, stride=1)\nm = concat(p, p)\n"
      "g = global_pool(m)\nf = flatten(g)\nfc = dense(f, out_features=2)\nreturn fc\n");
  model.params = testing::LivelyParams(model.graph, 3);
  model.pipeline.size = {6, 6};
  model.pipeline.channels = 1;
  model.labels = {"yes", "no"};
  return model;
}

const char* const kNumbers[] = {"0",          "-1",         "1e9",
                                "4294967295", "2147483647", "18446744073709551615",
                                "nan",        "1e400",      "99999999999999999999999"};

// Truncates, flips, overwrites, moves or repeats a piece, or puts a huge number in a number's
// place.
std::string Mutated(std::string bytes, Rng& rng) {
  const uint32_t kinds = 1 + rng.Below(3);
  for (uint32_t k = 0; k < kinds && !bytes.empty(); ++k) {
    const uint32_t size = static_cast<uint32_t>(bytes.size());
    const size_t at = rng.Below(size), length = 1 + rng.Below(40);
    switch (rng.Below(6)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.Below(8)));
        break;
      case 2:
        bytes[at] = static_cast<char>(rng.Next());
        break;
      case 3:
        bytes.insert(rng.Below(size), bytes.substr(at, length));
        break;
      case 4:
        bytes.erase(at, length);
        break;
      default: {
        const size_t digit = bytes.find_first_of("0123456789", at);
        if (digit == std::string::npos) break;
        const size_t end = bytes.find_first_not_of("0123456789", digit);
        bytes.replace(digit, end - digit, kNumbers[rng.Below(std::size(kNumbers))]);
      }
    }
  }
  return bytes;
}

// Returns whether the model was accepted; then it must also run.
bool TryModel(const std::string& bytes) {
  try {
    const Model model = ModelFromBytes(AsBytes(bytes), "mutated");
    const int64_t elements = model.pipeline.elements();
    if (elements < 1 << 16) VerifyModel(model, "mutated");
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(Hostile, MutatedFiles) {
  const std::string good = ModelToBytes(TinyModel());
  ASSERT_TRUE(TryModel(good));
  Rng rng(11);
  for (int i = 0; i < 4000; ++i) TryModel(Mutated(good, rng));
}

// The container is right and its checksum too; what it says is not.
TEST(Hostile, MutatedMetadata) {
  const std::string good = ModelToBytes(TinyModel());
  const TensorFile file = TensorsFromBytes(AsBytes(good), "good");
  Rng rng(12);
  int accepted = 0;
  const char* const keys[] = {"linnet.graph", "linnet.graph", "linnet.pipeline", "linnet.checks",
                              "linnet.labels"};
  for (int i = 0; i < 4000; ++i) {
    Metadata metadata = file.metadata;
    std::string& text = metadata[keys[rng.Below(std::size(keys))]];
    text = Mutated(text, rng);
    try {
      accepted += TryModel(TensorsToBytes(file.tensors, metadata));
    } catch (const Error&) {  // no longer UTF-8
    }
  }
  EXPECT_GT(accepted, 50);  // mutations that leave a valid model: the others had a chance too
}

std::string ErrorOf(const Metadata& metadata, const TensorMap& tensors) {
  try {
    const std::string bytes = TensorsToBytes(tensors, metadata);
    const Model model = ModelFromBytes(AsBytes(bytes), "hostile");
    CompileModel(model, 1, 1);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Hostile, WhatTakesTooMuch) {
  const std::string good = ModelToBytes(TinyModel());
  const TensorFile file = TensorsFromBytes(AsBytes(good), "good");
  EXPECT_EQ(ErrorOf(file.metadata, file.tensors), "no error");

  Metadata deep = file.metadata;  // the stack ends before the brackets do
  deep["linnet.pipeline"] =
      "{\"size\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  EXPECT_THAT(ErrorOf(deep, file.tensors), HasSubstr("found a nested one"));

  Metadata wide = file.metadata;  // dense weights of another size than that of the pictures
  std::string& graph = wide["linnet.graph"];
  graph.replace(graph.find("g = global_pool(m)"), 18, "g = activation(m, kind=relu)");
  TensorMap tensors = file.tensors;
  tensors["fc.weight"] = Tensor(Shape{2, 8 * 2 * 2});
  EXPECT_EQ(ErrorOf(wide, tensors), "no error");
  wide["linnet.pipeline"].replace(wide["linnet.pipeline"].find("[6,6]"), 5, "[96,96]");
  EXPECT_THAT(ErrorOf(wide, tensors), HasSubstr("'fc.weight': expected"));

  // 2^58 taps of a window, whose bytes are none in 64 bits.
  EXPECT_THAT(
      ErrorOf(
          {{"linnet.format", "1"},
           {"linnet.graph",
            "linnet-graph 1\nimage = input(height=1, width=1, channels=3)\n"
            "q = activation(image, kind=identity) : u8(scale=0.02, zero_point=128)\n"
            "dw = conv2d(q, out_channels=3, kernel=2, padding=536870912, dilation=1073741823, "
            "groups=3) : u8(scale=0.02, zero_point=128)\n"
            "a = activation(dw, kind=identity)\ng = global_pool(a)\nf = flatten(g)\nreturn f\n"},
           {"linnet.pipeline", "{\"size\":[1,1]}"},
           {"linnet.labels", "[]"},
           {"linnet.record", "{}"},
           {"linnet.checks", "[]"}},
          {}),
      HasSubstr("is too large"));
}

TEST(Hostile, MutatedGraphText) {
  const std::string good = GraphToText(TinyModel().graph);
  Rng rng(13);
  int accepted = 0;
  for (int i = 0; i < 4000; ++i) {
    try {
      const Graph graph = GraphFromText(Mutated(good, rng));
      EXPECT_EQ(GraphFromText(GraphToText(graph)), graph);
      InferShapes(graph);
      ++accepted;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(accepted, 10);
}

}  // namespace
}  // namespace linnet
