// What the generic test cannot know, because reference and kernel could be wrong together: shape
// rules and their errors, initialisation, running statistics, and a few answers worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/op_runner.h"
#include "ops/window.h"

namespace linnet {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;

Shape Infer(const Op& op, std::vector<Shape> in) { return DefOf(op).infer(op, in); }

std::string ErrorOf(const Op& op, std::vector<Shape> in) {
  try {
    Infer(op, std::move(in));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(ShapeRule, Convolution) {
  const Shape in = {2, 224, 224, 3};
  const auto out = [&](int kernel, int stride, Padding padding, int dilation = 1) {
    return Infer(Conv2d{.out_channels = 8,
                        .kernel = {kernel, kernel},
                        .stride = {stride, stride},
                        .padding = padding,
                        .dilation = {dilation, dilation}},
                 {in});
  };
  EXPECT_EQ(out(3, 2, Padding::All(1)), (Shape{2, 112, 112, 8}));
  EXPECT_EQ(out(3, 2, Padding::Same()), (Shape{2, 112, 112, 8}));
  EXPECT_EQ(out(3, 2, {false, 0, 0, 1, 1}), (Shape{2, 112, 112, 8}));
  EXPECT_EQ(out(3, 2, {}), (Shape{2, 111, 111, 8}));
  EXPECT_EQ(out(11, 4, Padding::All(2)), (Shape{2, 55, 55, 8}));
  EXPECT_EQ(out(3, 1, Padding::All(2), 2), (Shape{2, 224, 224, 8}));
}

// Stride 2 on an even map: one row of zeros, at the bottom (TensorFlow).
TEST(ShapeRule, SamePadding) {
  const WindowFields fields = {.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::Same()};
  const Window window = FitWindow(fields, {1, 8, 7, 1});
  EXPECT_THAT((std::array{window.top, window.bottom, window.left, window.right}),
              ElementsAre(0, 1, 1, 1));
  EXPECT_EQ(window.out_h, 4);
  EXPECT_EQ(window.out_w, 4);
}

// 112 -> 56 both by Caffe's rounding up and by PyTorch's padding.
TEST(ShapeRule, PoolRounding) {
  const Shape in = {1, 112, 112, 4}, half = {1, 56, 56, 4};
  EXPECT_EQ(Infer(Pool{.kernel = {3, 3}, .ceil = true}, {in}), half);
  EXPECT_EQ(Infer(Pool{.kernel = {3, 3}, .padding = Padding::All(1)}, {in}), half);
  EXPECT_EQ(Infer(Pool{.kernel = {3, 3}}, {in}), (Shape{1, 55, 55, 4}));
  // A third window would start in the padding.
  EXPECT_EQ(Infer(Pool{.padding = Padding::All(1), .ceil = true}, {{1, 3, 3, 1}}),
            (Shape{1, 2, 2, 1}));
}

TEST(ShapeRule, ErrorsSayWhatWasExpectedAndWhatCame) {
  const Shape map = {1, 8, 8, 6};
  const struct {
    Op op;
    std::vector<Shape> in;
    const char* says;
  } cases[] = {
      {Input{.channels = 0}, {}, "channels=0"},
      {Conv2d{.out_channels = 8}, {}, "expected 1 input, got 0"},
      {Conv2d{.out_channels = 8}, {map, map}, "expected 1 input, got 2"},
      {Conv2d{.out_channels = 8, .residual = true}, {map}, "expected 2 inputs, got 1"},
      {Conv2d{.out_channels = 8}, {{4, 10}}, "expected a map [N,H,W,C], got [4,10]"},
      {Conv2d{.out_channels = 0}, {map}, "out_channels=0"},
      {Conv2d{.out_channels = 8, .groups = 4}, {map}, "groups=4"},
      {Conv2d{.out_channels = 8, .groups = 0}, {map}, "groups=0"},
      {Conv2d{.out_channels = 8, .kernel = {0, 3}}, {map}, "kernel=0,3"},
      {Conv2d{.out_channels = 8, .stride = {1, 0}}, {map}, "stride=1,0"},
      {Conv2d{.out_channels = 8, .dilation = {-1, 1}}, {map}, "dilation=-1,1"},
      {Conv2d{.out_channels = 8, .padding = Padding::All(-1)}, {map}, "padding=-1"},
      {Conv2d{.out_channels = 8, .kernel = {9, 1}}, {map}, "over 9 rows"},
      {Conv2d{.out_channels = 8, .kernel = {1, 5}, .dilation = {1, 2}}, {map}, "over 9 columns"},
      {Conv2d{.out_channels = 8, .kernel = {2147483647, 1}, .dilation = {2147483647, 1}},
       {map},
       "too large"},
      // One row of output only, of windows that are longer than an int can say.
      {Conv2d{.out_channels = 8,
              .kernel = {5, 1},
              .padding = {false, 2147483647, 0, 2147483647, 0},
              .dilation = {1073741824, 1}},
       {map},
       "too large"},
      {Conv2d{.out_channels = 8, .padding = {false, 2147483647, 0, 0, 0}}, {map}, "too large"},
      {Conv2d{.out_channels = 8, .kernel = {2147483647, 1}, .padding = Padding::Same()},
       {map},
       "too large"},
      {Conv2d{.out_channels = 8, .stride = {8192, 8192}, .padding = Padding::All(8192)},
       {{1, 64, 64, 64}},
       "is too large"},
      {Conv2d{.out_channels = 1, .kernel = {2000, 2000}}, {{1, 2000, 2000, 1}}, "taps"},
      {Conv2d{.out_channels = 8, .residual = true}, {map, map}, "the residual has shape [1,8,8,6]"},
      {Dense{.out_features = 3}, {map}, "flatten"},
      {Dense{}, {{2, 3}}, "out_features=0"},
      {BatchNorm{}, {{7}}, "[7]"},
      {BatchNorm{.eps = 0}, {map}, "eps=0"},
      {BatchNorm{.momentum = 2}, {map}, "momentum=2"},
      {Pool{.padding = Padding::All(2)}, {map}, "smaller than the kernel 2,2"},
      {Pool{.kernel = {9, 9}}, {map}, "over 9 rows"},
      {GlobalPool{}, {{2, 3}}, "[2,3]"},
      {Add{}, {map, {1, 8, 8, 5}}, "[1,8,8,6] and [1,8,8,5]"},
      {Mul{}, {map, {1, 8, 1, 3}}, "does not broadcast"},
      {Mul{}, {map, {1, 6}}, "does not broadcast"},
      {Concat{}, {}, "got none"},
      {Concat{}, {map, map, {1, 8, 7, 6}}, "1 and 3"},
      {Flatten{}, {{2, 3}}, "[2,3]"},
      {Dropout{1.0f}, {map}, "rate=1"},
      {Dropout{std::nanf("")}, {map}, "rate=nan"},
      {Softmax{}, {Shape{}}, "scalar"},
      {Slice{Axis::kChannel, 3, 3}, {map}, "begin=3, end=3"},
      {Slice{Axis::kWidth, -9, 0}, {map}, "begin=-9"},
      {Slice{Axis::kHeight, 0, 9}, {map}, "an axis of 8"},
      {ChannelShuffle{4}, {map}, "groups=4"},
      {ChannelPool{}, {{2, 3}}, "[2,3]"},
      {Pad{.padding = Padding::Same()}, {map}, "padding=same"},
      {Pad{.channels_after = -1}, {map}, "-1"},
      {DropPath{1.0f}, {map}, "rate=1"},
      {DropPath{}, {Shape{}}, "scalar"},
      {Lrn{.size = 4}, {map}, "size=4"},
      {Lrn{.k = 0}, {map}, "k=0"},
      {Lrn{.alpha = std::nanf("")}, {map}, "alpha=nan"},
      {Subsampling{{9, 1}}, {map}, "kernel=9,1"},
      {Rbf{.out_features = 0}, {{2, 3}}, "out_features=0"},
      {L2Norm{}, {{2, 3}}, "[2,3]"},
      {L2Norm{.eps = 0}, {map}, "eps=0"},
      {Resize{.scale = 0}, {map}, "scale=0"},
      {Resize{.align_corners = true}, {map}, "mode=bilinear only"},
      {Resize{}, {map, map, map}, "expected 1 input, got 3"},
      {PartialConv2d{}, {map}, "the table is empty"},
      {PartialConv2d{.links = {{{0}, {}}}}, {map}, "output map 1 has no input map"},
      {PartialConv2d{.links = {{{0, 6}}}}, {map}, "no input map 6 of 6"},
      {PartialConv2d{.links = {{{0}}}, .kernel = {9, 1}}, {map}, "kernel=9,1"},
      {PartialConv2d{.links = {{{0}}}}, {{1, 8, 8, 100}}, "too few"},
      {PartialConv2d{.links = {{{0}}}, .kernel = {2000, 2000}}, {{1, 2000, 2000, 1}}, "taps"},
      {PartialConv2d{.links = {{{0}}}, .kernel = {9000, 1}}, {{1, 9000, 1, 1}}, "too large"},
      {MaxUnpool{}, {map, map}, "pooling [1,8,8,6] gives [1,4,4,6]"},
      {MaxUnpool{.padding = Padding::All(2)}, {map, map}, "smaller than the kernel 2,2"},
      {ConvTranspose2d{.out_channels = 4, .groups = 4}, {map}, "groups=4"},
      {ConvTranspose2d{.out_channels = 4, .kernel = {0, 1}}, {map}, "kernel=0,1"},
      {ConvTranspose2d{.out_channels = 4, .stride = {1, 0}}, {map}, "stride=1,0"},
      {ConvTranspose2d{.out_channels = 4, .dilation = {0, 1}}, {map}, "dilation=0,1"},
      {ConvTranspose2d{.out_channels = 4, .kernel = {400000, 1}}, {map}, "taps"},
      {ConvTranspose2d{.out_channels = 4, .kernel = {9, 1}, .dilation = {2000, 1}},
       {map},
       "extent 16001"},
      {ConvTranspose2d{.out_channels = 4, .padding = Padding::Same()}, {map}, "padding=same"},
      {ConvTranspose2d{.out_channels = 4, .padding = Padding::All(-1)}, {map}, "padding=-1"},
      {ConvTranspose2d{.out_channels = 4, .padding = Padding::All(4)}, {map}, "all of the 8 rows"},
      {ConvTranspose2d{.out_channels = 4, .stride = {2, 2}, .output_padding = {2, 0}},
       {map},
       "output_padding=2,0"},
      {DeformConv2d{.out_channels = 4}, {map}, "expected 2 inputs, got 1"},
      {DeformConv2d{.out_channels = 0}, {map, map}, "out_channels=0"},
      {DeformConv2d{.out_channels = 4, .groups = 3}, {map, map}, "groups=3"},
      {DeformConv2d{.out_channels = 4, .offset_groups = 4}, {map, map}, "offset_groups=4"},
      {DeformConv2d{.out_channels = 4},
       {map, map},
       "the offsets have shape [1,8,8,6], expected [1,6,6,18]"},
      {DeformConv2d{.out_channels = 4, .kernel = {1, 1}, .offset_groups = 3, .masked = true},
       {map, map, map},
       "the masks have shape [1,8,8,6], expected [1,8,8,3]"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ErrorOf(c.op, c.in), HasSubstr(c.says)) << OpName(c.op);
  }
}

Floats Answer(const Op& op, const std::vector<Shape>& shapes, const std::vector<Floats>& in,
              const std::vector<Floats>& params = {}) {
  const Sample sample = {op, shapes};
  Numbers numbers = MakeNumbers(sample, 1);
  numbers.in = in;
  if (!params.empty()) numbers.params = params;
  return RunOp(sample, numbers, {}).out;
}

TEST(ByHand, Convolution) {
  // A map of two rows and three columns, and a filter that sees a pixel and its right neighbour.
  const Conv2d op = {.out_channels = 1, .kernel = {1, 2}, .bias = true};
  EXPECT_THAT(Answer(op, {{1, 2, 3, 1}}, {{1, 2, 3, 4, 5, 6}}, {{10, 1}, {0.5f}}),
              ElementsAre(12.5f, 23.5f, 45.5f, 56.5f));
}

// Channel 0's filters come first: output channels 0 and 1 are of input channel 0.
TEST(ByHand, DepthwiseMultiplier) {
  const Conv2d op = {.out_channels = 4, .groups = 2};
  EXPECT_THAT(Answer(op, {{1, 1, 1, 2}}, {{10, 20}}, {{1, 2, 3, 4}}), ElementsAre(10, 20, 60, 80));
}

// Half pixels: 1/4 of the way from one centre to the next; corners: thirds.
TEST(ByHand, Resize) {
  Resize op = {.height = 1, .width = 4};
  EXPECT_THAT(Answer(op, {{1, 1, 2, 1}}, {{0, 12}}), ElementsAre(0, 0, 12, 12));
  op.mode = ResizeMode::kBilinear;
  EXPECT_THAT(Answer(op, {{1, 1, 2, 1}}, {{0, 12}}), ElementsAre(0, 3, 9, 12));
  op.align_corners = true;
  EXPECT_THAT(Answer(op, {{1, 1, 2, 1}}, {{0, 12}}),
              ElementsAre(0, testing::FloatEq(4), testing::FloatEq(8), 12));
}

TEST(ByHand, PartialConvolution) {
  const PartialConv2d op = {.links = {{{1}, {0, 2}}}, .kernel = {1, 1}};
  EXPECT_THAT(Answer(op, {{1, 1, 1, 3}}, {{1, 10, 100}}, {{2, 3, 4}, {0.5f, 0}}),
              ElementsAre(20.5f, 403));
}

// Of equal maxima, the first; windows that overlap add.
TEST(ByHand, MaxUnpool) {
  const MaxUnpool op = {.kernel = {1, 2}, .stride = {1, 1}};
  EXPECT_THAT(Answer(op, {{1, 1, 3, 1}, {1, 1, 4, 1}}, {{1, 10, 100}, {5, 5, 7, 6}}),
              ElementsAre(1, 0, 110, 0));
}

TEST(ByHand, TransposedConvolution) {
  const ConvTranspose2d op = {.out_channels = 1, .kernel = {1, 3}, .stride = {1, 2}, .bias = true};
  EXPECT_THAT(Answer(op, {{1, 1, 2, 1}}, {{1, 10}}, {{1, 2, 3}, {0.5f}}),
              ElementsAre(1.5f, 2.5f, 13.5f, 20.5f, 30.5f));
}

// The tap stands half a row above the map, a quarter of a column to the right.
TEST(ByHand, DeformableConvolution) {
  const DeformConv2d op = {.out_channels = 1, .kernel = {1, 1}, .masked = true};
  const std::vector<Shape> shapes = {{1, 1, 2, 1}, {1, 1, 2, 2}, {1, 1, 2, 1}};
  const Floats offsets = {-0.5f, 0.25f, -1, 0};
  EXPECT_THAT(Answer(op, shapes, {{8, 16}, offsets, {3, 1}}, {{2}}), ElementsAre(30, 0));
}

TEST(ByHand, FlattenOrders) {
  // Two pixels of three channels.
  const Floats x = {1, 2, 3, 4, 5, 6};
  EXPECT_THAT(Answer(Flatten{FlattenOrder::kChw}, {{1, 1, 2, 3}}, {x}),
              ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(Answer(Flatten{FlattenOrder::kHwc}, {{1, 1, 2, 3}}, {x}),
              ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(ByHand, AverageAtTheBorder) {
  Pool op = {.kind = PoolKind::kAverage, .kernel = {2, 2}, .stride = {2, 2}};
  op.padding = {false, 1, 1, 0, 0};
  EXPECT_THAT(Answer(op, {{1, 1, 1, 1}}, {{8}}), ElementsAre(8));
  op.count_include_pad = true;
  EXPECT_THAT(Answer(op, {{1, 1, 1, 1}}, {{8}}), ElementsAre(2));
}

TEST(ByHand, SumsOfARowAndAColumn) {
  const Add op = {.scale = 0.5f};
  EXPECT_THAT(Answer(op, {{1, 1, 1, 2}, {1, 1, 2, 1}}, {{1, 2}, {10, 20}}),
              ElementsAre(6, 7, 11, 12));
}

// Two groups of three: a b c | d e f is dealt out to a d b e c f.
TEST(ByHand, ChannelShuffle) {
  EXPECT_THAT(Answer(ChannelShuffle{2}, {{1, 1, 1, 6}}, {{1, 2, 3, 4, 5, 6}}),
              ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(ByHand, Lrn) {
  const Lrn op = {.size = 3, .alpha = 1, .beta = 1, .k = 1};
  EXPECT_THAT(Answer(op, {{1, 1, 1, 3}}, {{1, 2, 3}}),
              ElementsAre(FloatEq(1.0f / 6), FloatEq(2.0f / 15), FloatEq(3.0f / 14)));
}

// A NaN reaches its window and no further, whatever the exponent.
TEST(ByHand, LrnOfNotANumber) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const float beta : {0.5f, 0.75f}) {
    const Lrn op = {.size = 3, .alpha = 1, .beta = beta, .k = 1};
    const Floats y = Answer(op, {{1, 1, 1, 4}}, {{kNan, 2, 3, 4}});
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1])) << beta;
    EXPECT_TRUE(std::isfinite(y[2]) && std::isfinite(y[3])) << beta;
  }
}

TEST(ByHand, L2NormOfAPixel) {
  EXPECT_THAT(Answer(L2Norm{}, {{1, 1, 1, 2}}, {{3, 4}}, {{10, 100}}),
              ElementsAre(FloatEq(6), FloatEq(80)));
  EXPECT_THAT(Answer(L2Norm{}, {{1, 1, 1, 2}}, {{0, 0}}, {{10, 100}}), ElementsAre(0, 0));
}

TEST(ByHand, Subsampling) {
  EXPECT_THAT(Answer(Subsampling{}, {{1, 2, 3, 1}}, {{1, 2, 9, 3, 4, 9}}, {{0.5f}, {1}}),
              ElementsAre(6));
}

TEST(ByHand, Rbf) {
  EXPECT_THAT(Answer(Rbf{.out_features = 2}, {{1, 2}}, {{1, 2}}, {{1, -1, 1, 1}}),
              ElementsAre(-9, -1));
}

// A pixel of zeros has a direction in no sense: its gradient is that of x / eps.
TEST(L2NormOp, GradientAtZeroIsFinite) {
  const Sample sample = {L2Norm{.eps = 0.5f}, {{1, 1, 1, 3}}};
  Numbers numbers = MakeNumbers(sample, 1);
  numbers.in = {{0, 0, 0}};
  numbers.params = {{1, 2, 3}};
  numbers.dout = {1, 1, -1};
  EXPECT_THAT(RunOp(sample, numbers, {.training = true}).din[0], ElementsAre(2, 4, -6));
}

TEST(DropPathOp, SamplesGoWhole) {
  const Sample sample = {DropPath{0.25f}, {{1000, 2, 1, 3}}};
  Numbers numbers = MakeNumbers(sample, 1);
  numbers.in[0].assign(6000, 3);
  const Floats y = RunOp(sample, numbers, {.training = true}).out;
  int dropped = 0;
  for (size_t n = 0; n < 1000; ++n) {
    const float first = y[n * 6];
    ASSERT_TRUE(first == 0 || first == 4) << first;
    for (size_t i = 1; i < 6; ++i) ASSERT_EQ(y[n * 6 + i], first);
    dropped += first == 0;
  }
  EXPECT_NEAR(dropped, 250, 60);
  EXPECT_TRUE(SameBits(RunOp(sample, numbers, {}).out, numbers.in[0])) << "inference";
}

TEST(BatchNormOp, RunningStatistics) {
  const Sample sample = {BatchNorm{.momentum = 0.25f}, {{1, 1, 4, 1}}};
  Numbers numbers = MakeNumbers(sample, 1);
  numbers.in = {{1, 2, 3, 6}};  // mean 3, variance 14/4, unbiased 14/3
  numbers.params = {{1}, {0}, {7}, {2}};
  const Outcome outcome = RunOp(sample, numbers, {.training = true});
  EXPECT_FLOAT_EQ(outcome.params[2][0], 0.75f * 7 + 0.25f * 3);
  EXPECT_FLOAT_EQ(outcome.params[3][0], 0.75f * 2 + 0.25f * 14 / 3);
  EXPECT_NEAR(outcome.out[3], 3 / std::sqrt(3.5), 1e-5);
}

// One value is its own mean: nothing could be learnt from it.
TEST(BatchNormOp, RefusesToTrainOnOneValue) {
  const Sample sample = {BatchNorm{}, {{1, 1, 1, 3}}};
  const Numbers numbers = MakeNumbers(sample, 1);
  EXPECT_THROW(RunOp(sample, numbers, {.training = true}), Error);
  RunOp(sample, numbers, {});
}

TEST(DropoutOp, RateAndScale) {
  const Sample sample = {Dropout{0.25f}, {{100, 100}}};
  Numbers numbers = MakeNumbers(sample, 1);
  numbers.in[0].assign(10000, 3);
  const Floats y = RunOp(sample, numbers, {.training = true}).out;
  EXPECT_NEAR(std::count(y.begin(), y.end(), 0.0f), 2500, 200);
  EXPECT_FLOAT_EQ(*std::max_element(y.begin(), y.end()), 4);
  EXPECT_TRUE(SameBits(RunOp(sample, numbers, {}).out, numbers.in[0])) << "inference";
}

TEST(Params, AsTorchvisionHasThem) {
  const Conv2d conv = {.out_channels = 32, .kernel = {3, 3}, .groups = 2, .bias = true};
  const auto specs = DefOf(conv).params(conv, std::vector<Shape>{{1, 8, 8, 16}});
  ASSERT_EQ(specs.size(), 2u);
  EXPECT_EQ(specs[0].name, "weight");
  EXPECT_EQ(specs[0].shape, (Shape{32, 3, 3, 8}));
  EXPECT_EQ(specs[0].fan, 3 * 3 * 16 / 2);  // of the inputs, as there is a bias
  EXPECT_TRUE(specs[0].decay);
  EXPECT_EQ(specs[1].name, "bias");
  EXPECT_FALSE(specs[1].decay);
  Conv2d before_norm = conv;
  before_norm.bias = false;
  EXPECT_EQ(DefOf(before_norm).params(before_norm, std::vector<Shape>{{1, 8, 8, 16}})[0].fan,
            3 * 3 * 32);
  const auto norm = DefOf(BatchNorm{}).params(BatchNorm{}, std::vector<Shape>{{1, 8, 8, 16}});
  ASSERT_EQ(norm.size(), 4u);
  const char* names[] = {"weight", "bias", "running_mean", "running_var"};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(norm[i].name, names[i]);
    EXPECT_EQ(norm[i].trainable, i < 2);
    EXPECT_FALSE(norm[i].decay);
  }
}

// A rule passes over what can, and another choice can be asked for.
TEST(Conv2dImplementations, AreCandidatesWhereTheyCan) {
  const Conv2d op = {.out_channels = 32, .kernel = {3, 3}, .padding = Padding::All(1)};
  const auto prepare = [&](int64_t size, std::string_view implementation = {},
                           bool training = false) {
    const std::vector<Shape> in = {{1, size, size, 32}};
    return DefOf(op).prepare(op, {.in = in,
                                  .out = DefOf(op).infer(op, in),
                                  .training = training,
                                  .implementation = implementation});
  };
  EXPECT_EQ(prepare(28).implementation, "winograd4");
  EXPECT_EQ(prepare(4).implementation, "matmul");
  EXPECT_THAT(prepare(4).refused, Contains("winograd4: 1 tiles"));
  EXPECT_THAT(prepare(4).candidates, ElementsAre("winograd4", "winograd2", "matmul"));
  EXPECT_EQ(prepare(4, "winograd2").implementation, "winograd2");
  EXPECT_THAT(prepare(28, {}, true).refused, Contains("winograd4: inference only"));
  EXPECT_THROW(prepare(4, "depthwise"), Error);
}

// The list of implementations says which it passed over, and why.
TEST(Conv2dImplementations, SayWhyNot) {
  const auto prepare = [](const Conv2d& op) {
    const std::vector<Shape> in = {{1, 8, 8, 16}};
    return DefOf(op).prepare(op, {in, DefOf(op).infer(op, in)});
  };
  const Conv2d depthwise = {.out_channels = 16, .kernel = {3, 3}, .groups = 16};
  EXPECT_THAT(prepare(depthwise).kernel, HasSubstr("depthwise 3"));
  EXPECT_TRUE(prepare(depthwise).refused.empty());
  EXPECT_THAT(prepare({.out_channels = 8}).kernel, HasSubstr("matmul"));
  EXPECT_THAT(prepare({.out_channels = 8}).refused,
              ElementsAre("depthwise: one group", "stem: stride 1 of 16 channels",
                          "winograd4: kernel 1x1", "winograd2: kernel 1x1"));
  EXPECT_THAT(prepare({.out_channels = 8, .groups = 4}).refused,
              Contains("depthwise: 4 groups of 4 channels"));
}

}  // namespace
}  // namespace linnet
