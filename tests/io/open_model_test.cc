// Opening a model with its packed weights kept: the same answers, whatever the files are.
#include "io/open_model.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "archs/arch.h"
#include "base/error.h"
#include "base/file.h"
#include "io/model_file.h"
#include "test_data.h"

namespace linnet {
namespace {

class OpenModelTest : public testing::Test {
 protected:
  void SetUp() override { Save(1); }

  void Save(uint64_t seed) const {
    Model model;
    model.graph = BuildArch("mobilenet_v2:width=0.35,size=64,classes=5");
    model.params = InitParams(model.graph, seed);
    model.pipeline.size = {64, 64};
    model.labels = {"a", "b", "c", "d", "e"};
    SaveModel(model_, model);
  }
  static std::vector<float> Answer(Plan& plan) {
    const std::vector<float> input(static_cast<size_t>(plan.input_shape().elements()), 0.25f);
    plan.Run(input.data(), {}, nullptr);
    return {plan.output(0).data(), plan.output(0).data() + plan.output(0).elements()};
  }
  // Opens with the packed file; 'packed_before' says whether it was taken.
  std::vector<float> Open(bool packed_before, CompileOptions options = {}) const {
    const OpenedModel opened = OpenModel(model_, options, packed_);
    EXPECT_EQ(opened.packed_before, packed_before);
    EXPECT_EQ(opened.labels.size(), 5u);
    EXPECT_EQ(opened.pipeline.width(), 64);
    return Answer(*opened.plan);
  }

  const TemporaryFolder folder_;
  const std::string model_ = folder_ / "model.safetensors", packed_ = folder_ / "packed";
};

TEST_F(OpenModelTest, TheSecondTimeFromThePackedFile) {
  const std::vector<float> expected = Answer(*CompileModel(LoadModel(model_)));
  EXPECT_EQ(Answer(*OpenModel(model_, {}).plan), expected);
  EXPECT_FALSE(std::filesystem::exists(packed_));  // nobody asked for it
  EXPECT_EQ(Open(false), expected);
  EXPECT_EQ(Open(true), expected);
  EXPECT_EQ(Open(true, {.threads = 2}), expected);
}

TEST_F(OpenModelTest, AnotherModelOrAnotherWayIsPackedAgain) {
  const std::vector<float> first = Open(false);
  Save(2);
  EXPECT_NE(Open(false), first);
  Open(true);
  Open(false, {.batch = 2});
  Open(true, {.batch = 2});
  Open(false, {.channel_views = false});
}

TEST_F(OpenModelTest, WhateverThePackedFileIs) {
  const std::vector<float> expected = Answer(*CompileModel(LoadModel(model_)));
  WriteFileAtomic(packed_, "");
  EXPECT_EQ(Open(false), expected);
  EXPECT_EQ(Open(true), expected);
  const std::string whole = ReadFile(packed_);
  WriteFileAtomic(packed_, whole.substr(0, whole.size() / 2));
  EXPECT_EQ(Open(false), expected);
  EXPECT_EQ(Open(true), expected);
  std::filesystem::remove(packed_);
  std::filesystem::create_directory(packed_);  // cannot be written
  EXPECT_EQ(Open(false), expected);
}

TEST_F(OpenModelTest, NothingElseIsOverwritten) {
  const std::vector<float> expected = Answer(*CompileModel(LoadModel(model_)));
  const std::string bytes = ReadFile(model_);
  EXPECT_EQ(Answer(*OpenModel(model_, {}, model_).plan), expected);
  EXPECT_EQ(ReadFile(model_), bytes);
  WriteFileAtomic(packed_, "somebody's thesis");
  EXPECT_EQ(Open(false), expected);
  EXPECT_EQ(ReadFile(packed_), "somebody's thesis");
}

// That is what makes the start short. The header names the tensors' checksum.
TEST_F(OpenModelTest, WithPackedWeightsTheModelsOwnAreNotRead) {
  const std::vector<float> expected = Open(false);
  std::string bytes = ReadFile(model_);
  bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);
  WriteFileAtomic(model_, bytes);
  EXPECT_EQ(Open(true), expected);
  std::filesystem::remove(packed_);
  EXPECT_THROW(OpenModel(model_, {}, packed_), Error);
}

}  // namespace
}  // namespace linnet
