// torchvision's models: their state_dict loads by name, and the Plan gives their logits.
#include <gtest/gtest.h>

#include "archs/arch.h"
#include "infer/plan.h"
#include "io/params_file.h"
#include "parity/python_script.h"
#include "random_graph.h"

namespace linnet {
namespace {

struct Model {
  const char* torchvision;  // the function's name
  const char* arch;
  int size = 224;  // smaller where the family allows
};

// How GoogleTest prints a model.
void PrintTo(const Model& model, std::ostream* out) { *out << model.arch; }

constexpr Model kModels[] = {
    {"alexnet", "alexnet_torchvision"},
    {"vgg11", "vgg11"},
    {"vgg16_bn", "vgg16:bn=true"},
    {"googlenet", "googlenet_torchvision:aux=true"},  // its heads see 4x4 pixels at 224 alone
    {"inception_v3", "inception_v3:aux=true", 299},
    {"resnet18", "resnet18", 96},
    {"resnet50", "resnet50", 96},
    {"resnext50_32x4d", "resnext50_32x4d", 96},
    {"wide_resnet50_2", "wide_resnet50_2", 96},
    {"densenet121", "densenet121", 96},
    {"squeezenet1_0", "squeezenet1_0", 96},
    {"squeezenet1_1", "squeezenet1_1", 96},
    {"mobilenet_v2", "mobilenet_v2", 96},
    {"mobilenet_v3_large", "mobilenet_v3_large", 96},
    {"mobilenet_v3_small", "mobilenet_v3_small", 96},
    {"mnasnet1_0", "mnasnet_b1", 96},
    {"mnasnet0_5", "mnasnet_b1:width=0.5", 96},
    {"shufflenet_v2_x1_0", "shufflenet_v2", 96},
    {"efficientnet_b0", "efficientnet_b0", 96},
    {"efficientnet_b5", "efficientnet_b5", 96},
};

class SlowTorchvision : public ::testing::TestWithParam<Model> {};

std::span<const float> Numbers(const Tensor& tensor) {
  return {tensor.data(), static_cast<size_t>(tensor.elements())};
}

TEST_P(SlowTorchvision, LogitsAgree) {
  if (!PythonHas("torchvision")) {
    GTEST_SKIP() << "python3 has no torchvision; scripts/install_deps.sh --parity installs it";
  }
  const Model& model = GetParam();
  const TemporaryFolder folder;
  const std::string weights = folder / "weights.safetensors";
  const TensorFile result = FromPython(
      "torchvision_model.py", fmt::format("{} {} '{}'", model.torchvision, model.size, weights));
  ASSERT_FALSE(HasFailure());
  ArchSpec spec = ParseArchSpec(model.arch);
  SetOption(spec, "size", std::to_string(model.size));
  const Graph graph = BuildArch(spec);
  const Tensor& pictures = result.tensors.at("pictures");
  const auto plan =
      Compile(graph, LoadParams(weights, graph), {.batch = static_cast<int>(pictures.shape()[0])});
  ThreadPool pool;
  plan->Run(pictures.data(), {}, &pool);
  ASSERT_EQ(plan->outputs(), 1u);
  const Tensor& logits = result.tensors.at("logits");
  ASSERT_EQ(plan->output(0).shape(), logits.shape());
  const double difference = testing::RelativeDifference(Numbers(plan->output(0)), Numbers(logits));
  RecordProperty("difference", fmt::format("{:.2g}", difference));
  EXPECT_LE(difference, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Models, SlowTorchvision, ::testing::ValuesIn(kModels),
                         [](const auto& info) { return info.param.torchvision; });

}  // namespace
}  // namespace linnet
