// A feature pyramid stands on every architecture whose pictures are large enough.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "archs/members.h"
#include "cost/cost.h"

namespace linnet {
namespace {

using testing::TestName;

int64_t Results(const Graph& graph) {
  return std::count_if(graph.outputs.begin(), graph.outputs.end(),
                       [](const Output& output) { return output.auxiliary == 0; });
}

// Every classifier at its own size, but for those for MNIST and CIFAR, which have no map of stride
// 16.
std::vector<std::string> Backbones() {
  std::vector<std::string> specs;
  for (const Arch& arch : AllArchs()) {
    if (Results(arch.build({})) > 1) continue;
    for (const OptionDoc& option : arch.options) {
      if (option.name != "size" || std::stoi(option.value) < 96) continue;
      specs.push_back(arch.name + ",size=" + option.value);
    }
  }
  return specs;
}

class EveryBackbone : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryBackbone, GivesAPyramid) {
  const Graph graph = BuildArch("fpn:width=64,backbone=" + GetParam());
  ASSERT_GE(graph.outputs.size(), 3u) << GetParam();
  // A picture of another size and shape: each level has the size of its lateral.
  for (const InputSize& size : {InputSize{}, InputSize{2, 256, 320}}) {
    const auto shapes = InferShapes(graph, size);
    for (size_t i = 0; i < graph.outputs.size(); ++i) {
      const Shape& level = shapes[graph.outputs[i]];
      EXPECT_EQ(level.c(), 64);
      if (i == 0) continue;
      const Shape& finer = shapes[graph.outputs[i - 1]];
      EXPECT_NEAR(static_cast<double>(finer.h()) / static_cast<double>(level.h()), 2, 0.5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Archs, EveryBackbone, ::testing::ValuesIn(Backbones()),
                         [](const auto& info) { return TestName(info.param); });

TEST(Fpn, TakesTheEndOfEachStage) {
  const Graph graph = BuildArch("fpn:p6=true");
  const auto source = [&](const char* lateral) {
    return graph.nodes[graph.nodes[graph.Find(lateral)].inputs[0]].name;
  };
  EXPECT_EQ(source("fpn.inner_blocks.0.0"), "body.layer1.2.relu");
  EXPECT_EQ(source("fpn.inner_blocks.3.0"), "body.layer4.2.relu");
  EXPECT_EQ(graph.Find("body.fc"), -1);
  const auto shapes = InferShapes(graph);
  ASSERT_EQ(graph.outputs.size(), 5u);
  EXPECT_EQ(shapes[graph.outputs[0]], (Shape{1, 56, 56, 256}));
  EXPECT_EQ(shapes[graph.outputs[4]], (Shape{1, 4, 4, 256}));
}

TEST(Fpn, OptionsOfTheBackbone) {
  const Graph graph = BuildArch("fpn:backbone=resnet50+output_stride=16+attention=se,size=64");
  ASSERT_EQ(graph.outputs.size(), 3u);
  EXPECT_GE(graph.Find("body.layer1.0.se.fc1"), 0);
  EXPECT_EQ(InferShapes(graph)[graph.outputs[0]], (Shape{1, 16, 16, 256}));
}

TEST(Fpn, ErrorsHelp) {
  const auto error = [](const char* spec) -> std::string {
    try {
      BuildArch(spec);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(error("fpn:backbone=resnet_cifar,size=32"),
              ::testing::HasSubstr("expected two or more"));
  EXPECT_THAT(error("fpn:backbone=fpn"), ::testing::HasSubstr("expected a classifier"));
  EXPECT_THAT(error("fpn:backbone=resnet5"), ::testing::HasSubstr("did you mean"));
}

}  // namespace
}  // namespace linnet
