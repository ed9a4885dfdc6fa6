// Registering an architecture is testing it: every check here walks the registry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archs/members.h"
#include "cost/cost.h"

namespace linnet {
namespace {

using ::testing::HasSubstr;

class EveryVariant : public ::testing::TestWithParam<testing::Member> {
 protected:
  ArchSpec spec() const { return GetParam().spec(); }
};

TEST_P(EveryVariant, CountsAreThePapers) {
  const Cost cost = CountCost(BuildArch(spec()));
  EXPECT_EQ(cost.params, GetParam().variant->params) << ToString(spec());
  EXPECT_EQ(cost.macs, GetParam().variant->macs) << ToString(spec());
  if (const int64_t stated = GetParam().variant->training_macs) {
    EXPECT_EQ(cost.training_macs, stated) << ToString(spec());
  }
}

TEST_P(EveryVariant, TextRoundTrips) {
  const Graph graph = BuildArch(spec());
  EXPECT_EQ(GraphFromText(GraphToText(graph)), graph);
}

INSTANTIATE_TEST_SUITE_P(Archs, EveryVariant, ::testing::ValuesIn(testing::AllMembers()),
                         [](const auto& info) {
                           return testing::TestName(ToString(info.param.spec()));
                         });

std::string ErrorOf(const std::string& spec) {
  try {
    BuildArch(spec);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(ArchSpec, ErrorsHelp) {
  EXPECT_THAT(ErrorOf("mobilenet_v1x"), HasSubstr("did you mean 'mobilenet_v1'"));
  EXPECT_THAT(ErrorOf("mobilenet_v1:widht=1"),
              HasSubstr("unknown field 'widht'; there are width,"));
  EXPECT_THAT(ErrorOf("mobilenet_v1:width=wide"), HasSubstr("expected a number"));
  EXPECT_THAT(ErrorOf("mobilenet_v1:width=-1"), HasSubstr("expected 0.01 to 8"));
  EXPECT_THAT(ErrorOf("mobilenet_v1:width"), HasSubstr("name:option=value"));
}

TEST(ArchSpec, OneWordRoundTrips) {
  ArchSpec spec = ParseArchSpec("mobilenet_v1:width=0.5,size=160");
  EXPECT_EQ(ToString(spec), "mobilenet_v1:width=0.5,size=160");
  SetOption(spec, "width", "0.25");
  SetOption(spec, "classes", "7");
  EXPECT_EQ(ToString(spec), "mobilenet_v1:width=0.25,size=160,classes=7");
}

TEST(MobileNetV1, SmallInputDropsTwoStrides) {
  const Graph graph = BuildArch("mobilenet_v1:size=32,small_input=true,classes=10");
  const auto shapes = InferShapes(graph);
  EXPECT_EQ(shapes[graph.Find("act1")], (Shape{1, 32, 32, 32}));
  EXPECT_EQ(shapes[graph.Find("blocks.1.1.act2")], (Shape{1, 32, 32, 128}));
  EXPECT_EQ(shapes[graph.Find("blocks.4.1.act2")], (Shape{1, 4, 4, 1024}));
}

TEST(MnistCnn, DepthwiseReadingsDiffer) {
  const Cost full = CountCost(BuildArch("mnist_cnn:conv=depthwise_full"));
  const Cost depthwise = CountCost(BuildArch("mnist_cnn:conv=depthwise,bn=true"));
  EXPECT_EQ(full.params - (depthwise.params - 44), 6 * 5 * 25);
  EXPECT_EQ(depthwise.running_stats, 44);
}

}  // namespace
}  // namespace linnet
