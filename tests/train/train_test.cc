#include "train/train.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "test_data.h"
#include "train/evaluate.h"
#include "train/growth.h"
#include "train/tiny_data.h"
#include "train/trainer.h"

namespace linnet {
namespace {

using ::testing::HasSubstr;

bool SameBits(const ParamMap& a, const ParamMap& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a) {
    if (std::memcmp(tensor.data(), b.at(name).data(), tensor.bytes()) != 0) return false;
  }
  return true;
}

std::string ErrorOf(const TrainJob& job, ErrorKind kind) {
  try {
    Train(job, {});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "no error";
}

TEST(Train, LearnsAndMeasuresOnThePlan) {
  const TrainJob job = TinyJob(TinyData(400, 100));
  const TrainResult result = Train(job, {});
  EXPECT_GT(result.log.back().val_top1, 0.9);
  EXPECT_LT(result.log.back().train_loss, result.log.front().train_loss);
  const Evaluation evaluation = Evaluate({.graph = job.graph,
                                          .params = result.params,
                                          .pipeline = job.pipeline,
                                          .images = job.images});
  EXPECT_EQ(evaluation.count, 100);
  EXPECT_EQ(evaluation.top1(), result.log.back().val_top1);
  EXPECT_EQ(evaluation.top5(), 1);
  int64_t diagonal = 0;
  for (int i = 0; i < 4; ++i) diagonal += evaluation.confusion[i * 4 + i];
  EXPECT_EQ(diagonal, evaluation.correct1);
}

TEST(Train, TheSameBitsForAnyNumberOfThreads) {
  TrainJob job = TinyJob(TinyData(200, 20));
  const TrainResult one = Train(job, {});
  job.options.threads = 2;
  job.options.loader_threads = 3;
  EXPECT_TRUE(SameBits(one.params, Train(job, {}).params));
  job.options.seed = 2;
  EXPECT_FALSE(SameBits(one.params, Train(job, {}).params));
}

// Stopped after every single step and gone on with.
void ExpectResumes(const TrainJob& whole, const std::string& name) {
  const TrainResult uninterrupted = Train(whole, {});
  TrainJob job = whole;
  job.folder = FreshFolder(name);
  std::atomic<bool> interrupt = true;
  int stops = 0;
  for (;; ++stops) {
    try {
      const TrainResult result = Train(job, {.interrupt = &interrupt});
      EXPECT_TRUE(SameBits(uninterrupted.params, result.params));
      EXPECT_EQ(LogToCsv(result.log), LogToCsv(uninterrupted.log));
      break;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::kInterrupted) << error.what();
    }
  }
  EXPECT_GE(stops, whole.options.epochs * (200 / 16));
  EXPECT_EQ(ReadFile(job.folder + "/log.csv"), LogToCsv(uninterrupted.log));
}

TEST(Train, InterruptedAnywhereAndResumedEndsTheSame) {
  ExpectResumes(TinyJob(TinyData(200, 20)), "train_resume");
}

// Five epochs of inputs of 8 pixels, then one of 12.
TrainJob GrowingJob() {
  TrainJob job = TinyJob(TinyData(200, 20));
  std::string text = GraphToText(job.graph);
  text.replace(text.find("flatten(act3)"), 13, "flatten(gap)");
  text.insert(text.find("flat ="), "gap = global_pool(act3)\n");
  job.graph = GraphFromText(text);
  job.options.start_size = 0.5f;
  job.options.epochs = 6;
  return job;
}

TEST(Train, GrowingInputsAreReproducible) {
  TrainJob job = GrowingJob();
  EXPECT_EQ(SizeInEpoch(job.options, {1, 12, 12}, 3, 6).height, 8);
  EXPECT_EQ(SizeInEpoch(job.options, {1, 12, 12}, 5, 6).height, 12);
  const TrainResult grown = Train(job, {});
  ExpectResumes(job, "train_grow");
  job.options.threads = 2;
  job.options.loader_threads = 3;
  EXPECT_TRUE(SameBits(grown.params, Train(job, {}).params));
  job.options.start_size = 1;
  EXPECT_FALSE(SameBits(grown.params, Train(job, {}).params));
}

TEST(Train, ParametersThatDependOnTheSizeCannotGrow) {
  TrainJob job = TinyJob(TinyData(64, 8));
  job.options.start_size = 0.5f;
  EXPECT_THAT(ErrorOf(job, ErrorKind::kUsage), HasSubstr("'fc.weight' depends on the size"));
}

TEST(SizeInEpoch, GrowsToAllOfIt) {
  TrainOptions options;
  options.start_size = 0.5f;
  const InputSize full = {32, 48, 24};
  std::vector<int64_t> heights, widths;
  for (int64_t epoch = 0; epoch < 8; ++epoch) {
    const InputSize size = SizeInEpoch(options, full, epoch, 8);
    EXPECT_EQ(size.batch, 32);
    heights.push_back(size.height);
    widths.push_back(size.width);
  }
  EXPECT_THAT(widths, testing::ElementsAre(16, 16, 16, 16, 24, 24, 24, 24));
  EXPECT_THAT(heights, testing::ElementsAre(32, 32, 32, 32, 48, 48, 48, 48));
  // 24, 32, 32, 40, 40 and three times 48
  EXPECT_NEAR(MeanWork(options, {1, 48, 48}, 8), 0.691, 1e-3);
  EXPECT_EQ(MeanWork(options, {1, 48, 48}, 8, 6), 1);
  // Too few epochs to end with full ones.
  EXPECT_EQ(SizeInEpoch(options, full, 0, 3).height, 48);
  options.start_size = 1;
  EXPECT_EQ(SizeInEpoch(options, full, 0, 8).height, 48);
  EXPECT_EQ(MeanWork(options, full, 8), 1);
}

TEST(Train, ACheckpointOfAnotherRunIsRefused) {
  TrainJob job = TinyJob(TinyData(64, 8));
  job.options.epochs = 1;
  job.folder = FreshFolder("train_other");
  Train(job, {});
  job.options.lr = 0.01f;
  EXPECT_THAT(ErrorOf(job, ErrorKind::kUsage),
              HasSubstr("it has 'lr=0.05', this run has 'lr=0.01'"));
  job.options.lr = 0.05f;
  auto other = std::make_shared<Dataset>(job.images->dataset());
  std::swap(other->items(Split::kTrain)[0].label, other->items(Split::kTrain)[1].label);
  job.images = std::make_shared<ImageCache>(other);
  EXPECT_THAT(ErrorOf(job, ErrorKind::kUsage), HasSubstr("it has 'train pictures=64 checksum="));
}

TEST(Train, BrokenPicturesAreSkippedAndReported) {
  TrainJob job = TinyJob(TinyData(64, 8, /*broken=*/5));
  job.options.epochs = 1;
  const TrainResult result = Train(job, {});
  ASSERT_EQ(result.broken.size(), 1u);
  EXPECT_EQ(result.broken[0].name, "picture5");
}

TEST(Train, ValidatesWhenItIsToldTo) {
  TrainJob job = TinyJob(TinyData(200, 40));
  job.options.epochs = 2;
  const TrainResult every = Train(job, {});
  EXPECT_GT(every.log[0].val_top1, 0);
  job.validation = Validation::kAtTheEnd;
  const TrainResult end = Train(job, {});
  EXPECT_EQ(end.log[0].val_top1, 0);
  EXPECT_EQ(end.log[1].val_top1, every.log[1].val_top1);
  job.validation = Validation::kNever;
  EXPECT_EQ(Train(job, {}).log[1].val_top1, 0);
}

TEST(Evaluate, NothingToCountIsAnError) {
  TrainJob job = TinyJob(TinyData(64, 8));
  job.options.epochs = 1;
  const TrainResult trained = Train(job, {});
  try {
    Evaluate({.graph = job.graph,
              .params = trained.params,
              .pipeline = job.pipeline,
              .images = TinyData(1, 8, /*broken=*/0),
              .split = Split::kTrain});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kData);
    EXPECT_THAT(error.what(), HasSubstr("none of the 1 pictures of 'train' can be decoded"));
  }
}

// A network that is sure of class 0 makes three of four classes mistakes, and says how sure it was,
// whether it ends in a softmax or not.
TEST(Evaluate, MistakesSayHowSureTheNetworkWas) {
  for (const char* end :
       {"f = flatten(c)\nreturn f\n", "s = softmax(c)\nf = flatten(s)\nreturn f\n",
        "s = softmax(c)\ni = activation(s, kind=identity)\nf = flatten(i)\n"
        "return f\n"}) {
    const Graph graph = GraphFromText(
        std::string("linnet-graph 1\nimage = input(height=12, width=12)\np = global_pool(image)\n"
                    "c = conv2d(p, out_channels=4, bias=true)\n") +
        end);
    ParamMap params = InitParams(graph, 1);
    params.at("c.bias").data()[0] = 20;
    ImagePipeline pipeline;
    pipeline.size = {kTinySide, kTinySide};
    const Evaluation evaluation = Evaluate(
        {.graph = graph, .params = params, .pipeline = pipeline, .images = TinyData(8, 40)});
    ASSERT_EQ(evaluation.mistakes.size(), 30u);
    for (const Mistake& mistake : evaluation.mistakes) EXPECT_GT(mistake.score, 0.99);
  }
}

TEST(Evaluate, WhatIsNoNumberRanksLast) {
  const float nan = std::nanf("");
  EXPECT_EQ(RankOf(std::vector<float>{1, 3, 2}, 1), 0);
  EXPECT_EQ(RankOf(std::vector<float>{nan, nan, nan}, 0), 2);
  EXPECT_EQ(RankOf(std::vector<float>{1, INFINITY, 2}, 1), 2);
}

TEST(Train, TheBestIsReportedOnce) {
  TrainJob job = TinyJob(TinyData(200, 40));
  std::vector<double> reported, expected;
  const auto report = [&](const ParamMap&, const EpochLog& row) {
    reported.push_back(row.val_top1);
  };
  const TrainResult result = Train(job, {.best = report});
  for (const EpochLog& row : result.log) {
    if (expected.empty() || row.val_top1 >= expected.back()) expected.push_back(row.val_top1);
  }
  EXPECT_EQ(reported, expected);
}

TEST(Train, StepsCutARunShort) {
  TrainJob job = TinyJob(TinyData(200, 20));
  job.options.steps = 14;  // 12 in the first epoch
  const TrainResult result = Train(job, {});
  EXPECT_EQ(result.steps, 14);
  EXPECT_EQ(result.log.size(), 2u);
}

TEST(Train, ARunKeepsToItsTime) {
  TrainJob job = TinyJob(TinyData(200, 20));
  job.options.epochs = 4;
  const TrainResult whole = Train(job, {});
  const TrainResult in_time = Train(job, {.seconds = 1e6});
  EXPECT_EQ(in_time.log.size(), 4u);
  EXPECT_TRUE(SameBits(in_time.params, whole.params));
  TrainJob growing = GrowingJob();
  EXPECT_TRUE(SameBits(Train(growing, {.seconds = 1e6}).params, Train(growing, {}).params));
  const TrainResult late = Train(job, {.seconds = 1e-9});
  EXPECT_EQ(late.log.size(), 1u);
  EXPECT_EQ(late.steps, 1);
}

TEST(Train, ErrorsHelp) {
  TrainJob job = TinyJob(TinyData(64, 0));
  EXPECT_THAT(ErrorOf(job, ErrorKind::kData), HasSubstr("val"));
  job = TinyJob(TinyData(64, 8));
  job.options.lr = -1;
  EXPECT_THAT(ErrorOf(job, ErrorKind::kUsage), HasSubstr("lr=-1: expected 0 to"));
  job.options.lr = 0.1f;
  job.options.start_size = 0.05f;
  EXPECT_THAT(ErrorOf(job, ErrorKind::kUsage), HasSubstr("start_size=0.05: expected 0.1 to 1"));
  job.options.start_size = 1;
  job.options.label_smoothing = 0.999f;  // the limit itself
  EXPECT_NO_THROW(CheckOptions(job.options));
  job = TinyJob(TinyData(64, 8));
  std::get<Dense>(job.graph.nodes.back().op).out_features = 5;
  EXPECT_THAT(ErrorOf(job, ErrorKind::kUsage), HasSubstr("use classes=4"));
  job = TinyJob(TinyData(64, 8));
  job.options.lr = 1000;
  job.options.warmup_epochs = 0;
  job.options.epochs = 20;
  job.options.weight_decay = 1;
  EXPECT_THAT(ErrorOf(job, ErrorKind::kUsage), HasSubstr("diverged"));
}

TrainJob JobOf(const char* nodes) {
  TrainJob job = TinyJob(TinyData(64, 8));
  job.graph = GraphFromText(std::string("linnet-graph 1\n") + nodes);
  return job;
}

// A graph of the user's never meets memory that is not there.
TEST(Train, GraphsThatCannotBeTrained) {
  TrainJob job = TinyJob(TinyData(64, 8));
  const int side = job.pipeline.size[0];
  const std::string input = fmt::format("image = input(height={0}, width={0}, channels=3)\n", side);
  const auto error = [&](const std::string& rest) {
    return ErrorOf(JobOf((input + rest).c_str()), ErrorKind::kUsage);
  };
  EXPECT_THAT(error("f = flatten(image)\ny = rbf(f, out_features=4)\nreturn y\n"),
              HasSubstr("nothing before the output 'y' can be trained"));
  EXPECT_THAT(error("f = flatten(image)\ny = dense(f, out_features=4)\nreturn y, y*0.3\n"),
              HasSubstr("'y' is returned twice"));
  EXPECT_THAT(error("b = input(height=8, width=8, channels=3)\nf = flatten(image)\n"
                    "y = dense(f, out_features=4)\ng = flatten(b)\nz = dense(g, out_features=4)\n"
                    "s = add(y, z)\nreturn s\n"),
              HasSubstr("'b' is another"));
  job = JobOf((input + "f = flatten(image)\ny = dense(f, out_features=4)\nreturn y\n").c_str());
  EXPECT_EQ(ErrorOf(job, ErrorKind::kUsage), "no error");
  job.pipeline.size = {2 * side, 2 * side};
  EXPECT_THAT(ErrorOf(job, ErrorKind::kUsage), HasSubstr("say the size to the network (--size)"));
}

TEST(Schedule, WarmsUpAndEndsNearZero) {
  TrainOptions options;
  const Schedule schedule = MakeSchedule(options, 100);
  EXPECT_EQ(schedule.steps, 3000);
  EXPECT_EQ(schedule.warmup_steps, 100);
  EXPECT_LT(LearningRate(options, schedule, 0), 0.002f);
  EXPECT_FLOAT_EQ(LearningRate(options, schedule, 100), options.lr);
  EXPECT_LT(LearningRate(options, schedule, 2999), 1e-6f);
  options.steps = 50;
  EXPECT_EQ(MakeSchedule(options, 100).warmup_steps, 5);
  EXPECT_FLOAT_EQ(EmaDecay(options, 0), 0.1f);
  EXPECT_FLOAT_EQ(EmaDecay(options, 1000000), options.ema);
}

TEST(Log, CsvRoundTrips) {
  const std::vector<EpochLog> log = {{1, 0.1, 2.302585092994046, 0.1, 0.5},
                                     {2, 0.05, 1.0 / 3, 0.2, 0.6}};
  EXPECT_EQ(LogToCsv(LogFromCsv(LogToCsv(log))), LogToCsv(log));
}

// The whole network's gradient against central differences of its loss.
TEST(Trainer, GradientOfTheWholeNetwork) {
  TrainJob job = TinyJob(TinyData(64, 8));
  job.options.momentum = 0;
  job.options.nesterov = false;
  job.options.weight_decay = 0;
  job.options.ema = 0;
  job.options.lr = 1;
  const InputSize size{4, kTinySide, kTinySide};
  Tensor images(Shape{4, kTinySide, kTinySide, 3});
  Rng rng(5);
  for (int64_t i = 0; i < images.elements(); ++i) images.data()[i] = rng.Normal();
  const std::vector<int> labels = {0, 1, 2, 3};
  const Schedule schedule{.steps = 1'000'000};
  const auto loss_at = [&](const std::string& name, int64_t index, float delta) {
    Trainer trainer(job.graph, size, job.options, nullptr);
    trainer.parameters().value(name).data()[index] += delta;
    return trainer.Step(images, labels, schedule, 0);
  };
  Trainer trainer(job.graph, size, job.options, nullptr);
  trainer.Step(images, labels, schedule, 0);
  for (const char* name :
       {"stem.weight", "bn1.weight", "bn1.bias", "dw.weight", "pw.weight", "fc.weight"}) {
    const Tensor gradient = trainer.parameters().gradient(name);
    for (int trial = 0; trial < 4; ++trial) {
      const int64_t index = rng.Below(static_cast<uint32_t>(gradient.elements()));
      constexpr float kDelta = 1e-3f;  // more, and a ReLU's kink lies between
      const double slope =
          (loss_at(name, index, kDelta) - loss_at(name, index, -kDelta)) / (2 * kDelta);
      EXPECT_NEAR(gradient.data()[index], slope, 0.02 * std::abs(slope) + 3e-3)
          << name << " " << index;
    }
  }
}

// A second head of the same features and weights has the same loss: with weight 0.3 it adds 0.3
// times that, and to what lies below both heads 0.3 times the gradient.
TEST(Trainer, AuxiliaryHeadsCountByTheirWeight) {
  const std::string nodes = R"(linnet-graph 1
image = input(height=6, width=6)
stem = conv2d(image, out_channels=4, kernel=3)
flat = flatten(stem)
fc = dense(flat, out_features=4)
aux = dense(flat, out_features=4)
)";
  TrainOptions options;
  options.threads = 1;
  Tensor images(Shape{4, 6, 6, 3});
  Rng rng(5);
  for (int64_t i = 0; i < images.elements(); ++i) images.data()[i] = rng.Normal();
  const std::vector<int> labels = {0, 1, 2, 3};
  const auto step = [&](const std::string& returns, double& loss) {
    Trainer trainer(GraphFromText(nodes + returns), {4, 6, 6}, options, nullptr);
    Tensor weight = trainer.parameters().value("fc.weight");
    std::copy_n(weight.data(), weight.elements(), trainer.parameters().value("aux.weight").data());
    loss = trainer.Step(images, labels, {.steps = 100}, 0);
    return std::map<std::string, Tensor>{
        {"stem", trainer.parameters().gradient("stem.weight").Clone()},
        {"fc", trainer.parameters().gradient("fc.weight").Clone()},
        {"aux", trainer.parameters().gradient("aux.weight").Clone()}};
  };
  double twice, weighted;
  const auto full = step("return fc, aux", twice);
  const auto part = step("return fc, aux*0.3", weighted);
  EXPECT_NEAR(weighted, 1.3 / 2 * twice, 1e-6);
  const auto expect_ratio = [&](const char* name, double ratio) {
    const Tensor &a = full.at(name), &b = part.at(name);
    for (int64_t i = 0; i < a.elements(); ++i) {
      ASSERT_NEAR(b.data()[i], ratio * a.data()[i], 1e-6) << name << " " << i;
    }
  };
  expect_ratio("fc", 1);
  expect_ratio("aux", 0.3);
  expect_ratio("stem", 1.3 / 2);
}

}  // namespace
}  // namespace linnet
