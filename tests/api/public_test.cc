// The public headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linnet/linnet.h>

#include <cmath>
#include <linnet/linnet.hpp>
#include <thread>

#include "api/model_for_test.h"
#include "test_data.h"

namespace linnet {
namespace {

using testing::HasSubstr;

class PublicApi : public testing::Test {
 protected:
  PublicApi() : model_(folder_ / "model.safetensors"), picture_(folder_ / "picture.ppm") {
    SaveModel(model_, ModelForTest());
    WriteFileAtomic(picture_, file_);
  }

  const TemporaryFolder folder_;
  const std::string model_, picture_;
  const std::string file_ = PictureForTest(40, 30);
  const uint8_t* rgb_ = reinterpret_cast<const uint8_t*>(file_.data()) + file_.size() - 40 * 30 * 3;
};

TEST_F(PublicApi, OneAnswerHoweverThePictureComes) {
  const Classifier classifier(model_);
  EXPECT_THAT(classifier.labels(), testing::ElementsAre("cat", "dog", "owl"));
  EXPECT_EQ(classifier.classes(), 3);
  EXPECT_EQ(classifier.input_width(), 32);
  const std::vector<Label> labels = classifier.ClassifyFile(picture_);
  ASSERT_EQ(labels.size(), 3u);
  EXPECT_GE(labels[0].score, labels[1].score);
  EXPECT_NEAR(labels[0].score + labels[1].score + labels[2].score, 1, 1e-6);
  EXPECT_EQ(labels[0].name, classifier.labels()[labels[0].index]);
  EXPECT_EQ(classifier.ClassifyEncoded(file_.data(), file_.size())[0].score, labels[0].score);
  EXPECT_EQ(classifier.ClassifyRgb(rgb_, 40, 30)[0].score, labels[0].score);
  EXPECT_EQ(classifier.ClassifyRgb(rgb_, 40, 30, /*top=*/2).size(), 2u);
  EXPECT_EQ(Classifier(model_, /*threads=*/2).ClassifyFile(picture_)[0].score, labels[0].score);
}

TEST_F(PublicApi, FailuresSayWhatKind) {
  const auto kind_of = [](auto&& f) {
    try {
      f();
    } catch (const Failure& failure) {
      EXPECT_STRNE(failure.what(), "");
      return static_cast<int>(failure.kind());
    }
    return 0;
  };
  EXPECT_EQ(kind_of([&] { Classifier(folder_ / "nothing"); }), Failure::kFile);
  EXPECT_EQ(kind_of([&] { Classifier classifier(picture_); }), Failure::kFile);
  const Classifier classifier(model_);
  EXPECT_EQ(kind_of([&] { classifier.ClassifyFile(folder_ / "nothing"); }), Failure::kFile);
  EXPECT_EQ(kind_of([&] { classifier.ClassifyFile(model_); }), Failure::kData);
  EXPECT_EQ(kind_of([&] { classifier.ClassifyEncoded(nullptr, 0); }), Failure::kData);
  EXPECT_EQ(kind_of([&] { classifier.ClassifyEncoded(nullptr, 9); }), Failure::kUsage);
  EXPECT_EQ(kind_of([&] { classifier.ClassifyRgb(rgb_, 0, 30); }), Failure::kUsage);
  EXPECT_EQ(kind_of([&] { classifier.ClassifyRgb(nullptr, 40, 30); }), Failure::kUsage);
}

TEST_F(PublicApi, ThreadsShareAClassifier) {
  const Classifier classifier(model_);
  const float expected = classifier.ClassifyRgb(rgb_, 40, 30)[0].score;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i)
        wrong += classifier.ClassifyRgb(rgb_, 40, 30)[0].score != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(PublicApi, LatencyIsMeasured) {
  const LatencyFigures figures = Classifier(model_).MeasureLatency(0.01);
  EXPECT_GT(figures.runs, 0);
  EXPECT_GT(figures.median_ms, 0);
  EXPECT_LE(figures.median_ms, figures.p95_ms);
  EXPECT_LE(figures.p95_ms, figures.p99_ms);
  EXPECT_THROW(Classifier(model_).MeasureLatency(-1), Failure);
  EXPECT_THROW(Classifier(model_).MeasureLatency(INFINITY), Failure);
}

TEST_F(PublicApi, ProbabilitiesStayAsTheNetworkMadeThem) {
  Model model;
  model.graph = GraphFromText(
      "linnet-graph 1\nimage = input(height=4, width=4, channels=3)\n"
      "p = global_pool(image)\nc = conv2d(p, out_channels=3, bias=true)\ns = softmax(c)\n"
      "f = flatten(s)\nreturn f\n");
  model.params = InitParams(model.graph, /*seed=*/7);
  model.params.at("c.bias").data()[1] = 20;
  model.pipeline.size = {4, 4};
  model.labels = {"cat", "dog", "owl"};
  SaveModel(folder_ / "softmax.safetensors", model);
  EXPECT_GT(Classifier(folder_ / "softmax.safetensors").ClassifyRgb(rgb_, 40, 30)[0].score, 0.9);
}

TEST_F(PublicApi, C) {
  linnet_model* model = nullptr;
  ASSERT_EQ(linnet_load(model_.c_str(), 1, &model), LINNET_OK) << linnet_last_error();
  EXPECT_EQ(linnet_class_count(model), 3);
  EXPECT_STREQ(linnet_class_name(model, 2), "owl");
  EXPECT_EQ(linnet_class_name(model, 3), nullptr);
  EXPECT_EQ(linnet_class_name(model, -1), nullptr);

  const Label best = Classifier(model_).ClassifyFile(picture_)[0];
  linnet_label labels[5];
  int count = -1;
  EXPECT_EQ(linnet_classify_rgb(model, rgb_, 40, 30, labels, 5, &count), LINNET_OK);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(labels[0].score, best.score);
  EXPECT_EQ(labels[0].name, best.name);
  EXPECT_EQ(linnet_classify_encoded(model, file_.data(), file_.size(), labels, 1, &count),
            LINNET_OK);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(labels[0].score, best.score);
  EXPECT_EQ(linnet_classify_file(model, picture_.c_str(), labels, 5, &count), LINNET_OK);
  EXPECT_EQ(labels[0].score, best.score);
  linnet_latency figures;
  EXPECT_EQ(linnet_measure_latency(model, 0.01, &figures), LINNET_OK);
  EXPECT_GT(figures.median_ms, 0);
  linnet_free(model);
  linnet_free(nullptr);
}

TEST_F(PublicApi, CErrorsAreCodesAndWords) {
  linnet_model* model = nullptr;
  EXPECT_EQ(linnet_load((folder_ / "nothing").c_str(), 1, &model), LINNET_FILE);
  EXPECT_EQ(model, nullptr);
  EXPECT_THAT(linnet_last_error(), HasSubstr("nothing"));
  EXPECT_EQ(linnet_load(nullptr, 1, &model), LINNET_USAGE);
  EXPECT_EQ(linnet_load(model_.c_str(), 1, nullptr), LINNET_USAGE);
  EXPECT_EQ(linnet_class_count(nullptr), 0);

  ASSERT_EQ(linnet_load(model_.c_str(), 1, &model), LINNET_OK);
  linnet_label labels[1];
  int count = -1;
  EXPECT_EQ(linnet_classify_encoded(model, "no picture", 10, labels, 1, &count), LINNET_DATA);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(linnet_classify_rgb(model, nullptr, 40, 30, labels, 1, &count), LINNET_USAGE);
  EXPECT_EQ(linnet_classify_rgb(model, rgb_, 40, 30, labels, 0, &count), LINNET_USAGE);
  EXPECT_EQ(linnet_classify_rgb(model, rgb_, 40, 30, nullptr, 1, &count), LINNET_USAGE);
  EXPECT_EQ(linnet_classify_rgb(model, rgb_, 40, 30, labels, 1, nullptr), LINNET_USAGE);
  EXPECT_EQ(linnet_classify_rgb(nullptr, rgb_, 40, 30, labels, 1, &count), LINNET_USAGE);
  EXPECT_EQ(linnet_classify_file(model, nullptr, labels, 1, &count), LINNET_USAGE);
  linnet_free(model);
}

}  // namespace
}  // namespace linnet
