// Weights that others trained (akamaster/pytorch_resnet_cifar10) load by name and classify as well
// as published: ResNet-20, 91.73 % of CIFAR-10's test set.
#include <gtest/gtest.h>

#include <algorithm>

#include "archs/arch.h"
#include "data/dataset.h"
#include "data/pipeline.h"
#include "infer/plan.h"
#include "io/params_file.h"
#include "test_data.h"

namespace linnet {
namespace {

constexpr int kBatch = 100;

// Right answers of 'plan' to all pictures, whose number kBatch divides.
int CountCorrect(Plan& plan, const Dataset& data, const ImagePipeline& pipeline) {
  std::vector<float> input(static_cast<size_t>(kBatch * pipeline.elements()));
  PipelineScratch scratch;
  ThreadPool pool(1);
  int correct = 0;
  const std::vector<DataItem>& items = data.items(Split::kTest);
  for (size_t first = 0; first < items.size(); first += kBatch) {
    for (int i = 0; i < kBatch; ++i) {
      const Image image = data.Load(items[first + i]);
      Preprocess(image, pipeline, &input[static_cast<size_t>(i * pipeline.elements())], scratch);
    }
    plan.Run(input.data(), {}, &pool);
    const int64_t classes = plan.output(0).shape()[1];
    for (int i = 0; i < kBatch; ++i) {
      const float* scores = plan.output(0).data() + i * classes;
      correct += std::max_element(scores, scores + classes) - scores == items[first + i].label;
    }
  }
  return correct;
}

TEST(CifarResNet20Slow, ReachesThePublishedAccuracy) {
  const auto weights = TestData("models/cifar_resnet20.safetensors");
  const auto pictures = TestData("cifar10/cifar10_test.tar.gz");
  if (!weights || !pictures) {
    GTEST_SKIP() << "there is no models/cifar_resnet20.safetensors or cifar10/cifar10_test.tar.gz "
                    "in the data folder";
  }
  const Graph graph = BuildArch("resnet_cifar:depth=20");
  CompileOptions options;
  options.batch = kBatch;
  const auto plan = Compile(graph, LoadParams(*weights, graph), options);
  const Dataset data = OpenDataset(*pictures);
  ASSERT_EQ(data.items(Split::kTest).size(), 10000u);
  // The pipeline's mean and deviation are those of the training: ImageNet's.
  const ImagePipeline pipeline{.size = {32, 32}, .mode = PictureFit::kStretch};
  // Another instruction set rounds otherwise, which may turn a picture on the edge.
  EXPECT_NEAR(CountCorrect(*plan, data, pipeline), 9173, 2);
}

}  // namespace
}  // namespace linnet
